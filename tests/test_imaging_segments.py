"""Tests that segments keep to the lines, close gaps, and meet under the lines."""

import cv2
import numpy as np
import pytest

from imaging.lineart import normalize
from imaging.segments import WIDEST_GAP, find_lines, find_segments

SIDE = 240


def page(side: int = SIDE, *, gap: float = 0, line: int = 3, ink: int = 0) -> np.ndarray:
    """A square with a wall in the middle, and a gap in the wall, (side, side) uint8."""
    drawn = np.full((side, side), 255, np.uint8)
    cv2.rectangle(drawn, (side // 6, side // 6), (side * 5 // 6, side * 5 // 6), ink, line)
    middle, half = side // 2, round(gap / 2)
    drawn[side // 6 : side * 5 // 6, middle : middle + line] = ink
    if gap:
        drawn[middle - half : middle + half, middle : middle + line] = 255
    return drawn


def at(labels: np.ndarray, x: float, y: float) -> int:
    return int(labels[int(y * labels.shape[0]), int(x * labels.shape[1])])


@pytest.mark.parametrize("gap", [0, 4, 8])
@pytest.mark.parametrize("side", [240, 1500])
def test_both_sides_of_a_wall_and_the_paper_around_are_apart_although_the_wall_has_a_gap(gap: int, side: int) -> None:
    found = find_segments(page(side, gap=gap * side / SIDE, line=3 * side // SIDE))
    left, right, outside = (at(found.labels, x, 0.5) for x in (0.3, 0.7, 0.08))
    assert len({left, right, outside}) == 3
    inside = found.labels[side // 6 + 9 : side // 2 - side // 16, side // 6 + 9 : side // 2 - side // 16]
    assert (inside == left).mean() > 0.97


def test_a_wide_opening_is_no_gap() -> None:
    found = find_segments(page(gap=3 * WIDEST_GAP * SIDE))
    assert at(found.labels, 0.4, 0.5) == at(found.labels, 0.6, 0.5)


def test_every_pixel_belongs_to_a_segment_and_segments_meet_in_the_middle_of_a_line() -> None:
    found = find_segments(page(line=9))
    assert found.labels.min() == 0 and found.labels.max() == found.count - 1
    row = found.labels[SIDE // 3, SIDE // 2 - 12 : SIDE // 2 + 21]
    (border,) = np.flatnonzero(np.diff(row))
    assert abs(border - 12 - 4) <= 1


@pytest.mark.parametrize("ink", [0, 120, 200])
def test_faint_lines_divide_as_well_as_black_ones(ink: int) -> None:
    found = find_segments(normalize(page(ink=ink)).image)
    assert at(found.labels, 0.3, 0.5) != at(found.labels, 0.7, 0.5)


def test_a_grey_area_is_a_segment_of_its_own() -> None:
    drawn = np.full((200, 200), 255, np.uint8)
    drawn[60:140, 60:140] = 150
    found = find_segments(drawn)
    assert at(found.labels, 0.5, 0.5) != at(found.labels, 0.1, 0.5)


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (40, 30), (1200, 1100)])
def test_an_empty_page_and_a_black_one_are_one_segment(level: int, shape: tuple[int, int]) -> None:
    found = find_segments(np.full(shape, level, np.uint8))
    assert found.labels.shape == shape and found.count == 1 and not found.labels.any()


def test_lines_are_found_in_a_page_that_is_larger_than_where_paper_is_judged() -> None:
    drawn = page(1600, line=5)
    assert ((find_lines(drawn) > 0) == (drawn == 0)).mean() > 0.995


def test_the_same_drawing_has_the_same_segments() -> None:
    one, other = (find_segments(page(300, gap=6)) for _ in range(2))
    assert np.array_equal(one.labels, other.labels)
