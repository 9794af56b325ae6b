"""Tests that wide openings of outlines are cut where a painter is sure, and nothing else is."""

import cv2
import numpy as np
import pytest

from imaging.segments import WIDEST_GAP, find_segments

SIDE = 240
LEFT, MIDDLE, RIGHT = SIDE // 6, SIDE // 2, SIDE * 5 // 6
OPENING = round(2 * WIDEST_GAP * SIDE)  # wider than what geometry closes


def page(scale: int = 1) -> np.ndarray:
    """Two rooms and the opening between them, uint8."""
    drawn = np.full((SIDE * scale, SIDE * scale), 255, np.uint8)
    cv2.rectangle(drawn, (LEFT * scale, LEFT * scale), (RIGHT * scale, RIGHT * scale), 0, 3 * scale)
    cv2.line(drawn, (MIDDLE * scale, LEFT * scale), (MIDDLE * scale, RIGHT * scale), 0, 3 * scale)
    top, bottom = ((MIDDLE + side * OPENING // 2) * scale for side in (-1, 1))
    drawn[top:bottom, (MIDDLE - 3) * scale : (MIDDLE + 4) * scale] = 255
    return drawn


def regions(*boxes: tuple[int, int, int, int, int], sure: float = 0.97) -> np.ndarray:
    """A region map at half the size: paper, and boxes (left, top, right, bottom) of a class, the last number."""
    found = np.zeros((3, SIDE, SIDE), np.float32)
    found[0] = 1
    for left, top, right, bottom, name in boxes:
        found[:, top:bottom, left:right] = (1 - sure) / 2
        found[name, top:bottom, left:right] = sure
    return np.stack([cv2.resize(cv2.blur(each, (5, 5)), (SIDE // 2, SIDE // 2)) for each in found])


TWO_ROOMS = (LEFT, LEFT, MIDDLE, RIGHT, 1), (MIDDLE, LEFT, RIGHT, RIGHT, 2)


@pytest.mark.parametrize("scale", [1, 5])
def test_a_wide_opening_is_cut_where_the_painter_sees_two_classes(scale: int) -> None:
    drawn = page(scale)
    assert len(set(find_segments(drawn).labels[MIDDLE * scale, [70 * scale, 170 * scale]])) == 1
    labels = find_segments(drawn, regions(*TWO_ROOMS)).labels
    left, right = labels[MIDDLE * scale, 70 * scale], labels[MIDDLE * scale, 170 * scale]
    assert left != right and labels.shape == drawn.shape
    rooms = labels[(LEFT + 4) * scale : (RIGHT - 4) * scale]
    assert (rooms[:, (LEFT + 4) * scale : (MIDDLE - 8) * scale] == left).mean() > 0.99
    assert (rooms[:, (MIDDLE + 8) * scale : (RIGHT - 4) * scale] == right).mean() > 0.99


def test_what_a_cut_parts_does_not_count_as_open_to_each_other() -> None:
    found = find_segments(page(), regions(*TWO_ROOMS))
    left, right = found.labels[MIDDLE, [70, 170]].tolist()
    pairs, depths = found.borders()
    touching = depths[(np.sort(pairs, axis=1) == sorted((left, right))).all(1)]
    assert len(touching) and not touching.any()


@pytest.mark.parametrize(
    "doubtful",
    [
        regions(*TWO_ROOMS, sure=0.7),
        regions((LEFT, LEFT, RIGHT, RIGHT, 1), (60, 80, 100, 160, 2)),  # a patch in the middle of a room
        regions((LEFT, LEFT, RIGHT, 100, 1), (LEFT, 100, RIGHT, RIGHT, 2)),  # a border that no line suggests
        regions((LEFT, LEFT, RIGHT, RIGHT, 1), (RIGHT - 10, RIGHT - 10, RIGHT, RIGHT, 2)),  # a slip in a corner
    ],
    ids=["not sure", "a patch", "a border across rooms", "a slip"],
)
def test_doubts_cut_nothing(doubtful: np.ndarray) -> None:
    with_map, without = find_segments(page(), doubtful), find_segments(page())
    assert np.array_equal(with_map.labels, without.labels) and with_map.count == without.count


def test_closed_outlines_stay_as_they_are_whatever_the_painter_sees() -> None:
    drawn = np.full((SIDE, SIDE), 255, np.uint8)
    cv2.rectangle(drawn, (LEFT, LEFT), (RIGHT, RIGHT), 0, 3)
    with_map = find_segments(drawn, regions((LEFT, LEFT, RIGHT, RIGHT, 1)))
    assert np.array_equal(with_map.labels, find_segments(drawn).labels)
