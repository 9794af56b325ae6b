"""Tests that open paper gets one class where no outline ends, and that gaps in outlines still part what they part."""

import cv2
import numpy as np
import pytest

from cyclegan.painting.division import divide, mean_by_segment
from imaging.segments import Segments, find_segments

SIDE = 240
ROOMS = (40, 60, 200, 180)  # left, top, right, bottom


def rooms(gap: int) -> np.ndarray:
    """Two rooms, and a gap in the wall between them."""
    drawn = np.full((SIDE, SIDE), 255, np.uint8)
    cv2.rectangle(drawn, ROOMS[:2], ROOMS[2:], 0, 3)
    cv2.line(drawn, (120, ROOMS[1]), (120, ROOMS[3]), 0, 3)
    drawn[120 - gap // 2 : 120 + gap // 2, 117:124] = 255
    return drawn


def seen(sure: float) -> np.ndarray:
    """A region map: the left room of class 1, the right one of class 2, as surely as that."""
    found = np.zeros((3, SIDE, SIDE), np.float32)
    found[0] = 1
    for left, right, name in ((ROOMS[0], 120, 1), (120, ROOMS[2], 2)):
        found[:, ROOMS[1] : ROOMS[3], left:right] = 0
        found[1:3, ROOMS[1] : ROOMS[3], left:right] = (1 - sure) / 2
        found[name, ROOMS[1] : ROOMS[3], left:right] = (1 + sure) / 2
    return found


def classes_of(segments: Segments, map_: np.ndarray) -> np.ndarray:
    return divide(segments, mean_by_segment(segments, map_)).classes[segments.small]


@pytest.mark.parametrize("gap", [2, 4, 8])
def test_a_gap_in_an_outline_parts_what_a_painter_is_sure_of(gap: int) -> None:
    found = classes_of(find_segments(rooms(gap)), seen(0.9))
    assert (found[70:170, 50:110] == 1).mean() > 0.99 and (found[70:170, 130:190] == 2).mean() > 0.99


def test_where_a_painter_is_in_doubt_what_is_open_to_each_other_is_one() -> None:
    found = classes_of(find_segments(rooms(8)), seen(0.03))
    assert len(np.unique(found[70:170, 50:190])) == 1
    closed = classes_of(find_segments(rooms(0)), seen(0.03))
    assert closed[120, 70] == 1 and closed[120, 170] == 2
