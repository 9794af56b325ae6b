"""Tests what a drawing's segments are: classes, parts and figures."""

import cv2
import numpy as np

from cyclegan.painting.division import divide, find_parts, mean_by_segment
from imaging.segments import find_segments

SIDE = 200


def page(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Outlined boxes: left, top, right, bottom."""
    drawn = np.full((SIDE, SIDE), 255, np.uint8)
    for left, top, right, bottom in boxes:
        cv2.rectangle(drawn, (left, top), (right, bottom), 0, 3)
    return drawn


def regions(*boxes: tuple[int, int, int, int, int], k: int = 3, side: int = 50) -> np.ndarray:
    """A region map: paper, and boxes of a class (the last number); soft, as a painter's are."""
    found = np.zeros((k, SIDE, SIDE), np.float32)
    found[0] = 1
    for left, top, right, bottom, name in boxes:
        found[:, top:bottom, left:right] = np.eye(k)[name][:, None, None]
    return np.stack([cv2.resize(cv2.blur(each, (9, 9)), (side, side)) for each in found])


HEAD, HAIR, OTHER = (40, 60, 90, 120), (40, 20, 90, 60), (130, 60, 180, 120)


def test_each_segment_has_the_class_of_most_of_it_and_smudges_are_gone() -> None:
    segments = find_segments(page(HEAD, HAIR))
    # the painter runs a little across the line
    division = divide(segments, mean_by_segment(segments, regions((*HEAD, 1), (40, 20, 90, 66, 2))))
    seen = division.classes[segments.labels]
    assert (seen[64:117, 44:87] == 1).all() and (seen[24:57, 44:87] == 2).all() and seen[150, 100] == 0
    assert np.allclose(division.shares.sum(1), 1, atol=0.01)


def test_figures_are_what_paper_parts_and_parts_are_of_one_class() -> None:
    segments = find_segments(page(HEAD, HAIR, OTHER))
    division = divide(segments, mean_by_segment(segments, regions((*HEAD, 1), (*HAIR, 2), (*OTHER, 1))))
    head, hair, other = (segments.labels[y, x] for x, y in ((65, 90), (65, 40), (155, 90)))
    assert division.figures[head] == division.figures[hair] == 0 and division.figures[other] == 1
    parts = find_parts(segments, division.classes)
    assert len({parts[head], parts[hair], parts[other]}) == 3
    assert len(division.boxes) == 2
    left, top, right, bottom = division.boxes[0]
    assert abs(left - 0.2) < 0.03 and abs(top - 0.1) < 0.03 and abs(right - 0.45) < 0.03 and abs(bottom - 0.6) < 0.03


def test_one_part_goes_on_across_a_line() -> None:
    segments = find_segments(page((40, 60, 90, 120), (90, 60, 140, 120)))
    division = divide(segments, mean_by_segment(segments, regions((40, 60, 140, 120, 1))))
    left, right = segments.labels[90, 65], segments.labels[90, 115]
    parts = find_parts(segments, division.classes)
    assert left != right and parts[left] == parts[right]


def test_a_piece_that_a_narrow_place_cuts_off_is_what_its_neighbour_is() -> None:
    drawn = page(HEAD)
    cv2.line(drawn, (41, 90), (58, 90), 0, 2)  # a stroke that nearly meets another
    cv2.line(drawn, (64, 90), (89, 90), 0, 2)
    cv2.line(drawn, (50, 62), (50, 80), 0, 2)
    segments = find_segments(drawn)
    division = divide(segments, mean_by_segment(segments, regions((*HEAD, 1), (40, 60, 52, 92, 2))))
    classes = np.bincount(division.classes[segments.labels[64:117, 44:87]].ravel(), minlength=3)
    assert classes[1] > 0.75 * classes.sum()


def test_a_page_without_figures_has_one_that_is_all_of_it() -> None:
    segments = find_segments(page())
    assert divide(segments, mean_by_segment(segments, regions())).boxes == [(0.0, 0.0, 1.0, 1.0)]


def test_the_areas_of_a_figure_are_shares_of_its_pixels() -> None:
    segments = find_segments(page(HEAD, OTHER))
    division = divide(segments, mean_by_segment(segments, regions((*HEAD, 1), (*OTHER, 2))))
    areas = division.areas(segments, int(division.figures[segments.labels[90, 155]]))
    assert areas[2] > 0.05 and areas[1] == 0 and abs(areas.sum() - 1) < 1e-6
