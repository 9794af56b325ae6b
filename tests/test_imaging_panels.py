"""Tests that pages and strips are cut at their gutters, and that a drawing stays whole."""

import cv2
import numpy as np
import pytest

from imaging.border import Box
from imaging.panels import find_panels


def page(width: int, height: int) -> np.ndarray:
    return np.full((height, width), 255, np.uint8)


def head(drawn: np.ndarray, x: int, y: int, radius: int) -> None:
    cv2.circle(drawn, (x, y), radius, 0, 3)
    cv2.circle(drawn, (x - radius // 3, y), 4, 0, 2)
    cv2.circle(drawn, (x + radius // 3, y), 4, 0, 2)


def tiles(boxes: list[Box], drawn: np.ndarray) -> bool:
    covered = np.zeros(drawn.shape, int)
    for left, top, right, bottom in boxes:
        covered[top:bottom, left:right] += 1
    return bool((covered == 1).all())


@pytest.mark.parametrize("scale", [1, 3])
def test_a_strip_of_panels_without_frames_is_cut_between_them(scale: int) -> None:
    drawn = page(200 * scale, 1200 * scale)
    for number in range(6):
        head(drawn, 100 * scale, (100 + 200 * number) * scale, 80 * scale)
    boxes = find_panels(drawn)
    assert len(boxes) == 6 and tiles(boxes, drawn)
    assert all(abs(top - 200 * number * scale) <= 6 * scale for number, (_, top, _, _) in enumerate(boxes))


def test_a_page_of_framed_panels_is_cut_in_both_directions_although_it_has_dust() -> None:
    drawn = page(600, 800)
    frames = [(20, 20, 580, 250), (20, 280, 290, 780), (310, 280, 580, 780)]
    for left, top, right, bottom in frames:
        cv2.rectangle(drawn, (left, top), (right, bottom), 0, 3)
        head(drawn, (left + right) // 2, (top + bottom) // 2, 70)
    drawn[265, 100] = 0
    boxes = find_panels(drawn)
    assert len(boxes) == 3 and tiles(boxes, drawn)
    for (left, top, right, bottom), box in zip(frames, boxes, strict=True):
        assert box[0] <= left and box[1] <= top and box[2] >= right and box[3] >= bottom


@pytest.mark.parametrize("heads", [[(300, 400)], [(150, 400), (450, 400)], [(300, 150), (300, 650)]])
def test_one_drawing_stays_whole_also_of_two_figures(heads: list[tuple[int, int]]) -> None:
    drawn = page(600, 800)
    for x, y in heads:
        head(drawn, x, y, 110)
    assert find_panels(drawn) == [(0, 0, 600, 800)]


def test_a_framed_drawing_stays_whole() -> None:
    drawn = page(600, 800)
    cv2.rectangle(drawn, (20, 20), (580, 780), 0, 3)
    head(drawn, 300, 400, 150)
    assert find_panels(drawn) == [(0, 0, 600, 800)]


def grid(gutter: int, frame: int, around: int = 255) -> np.ndarray:
    """A page of three rows of two panels, 240 px each."""
    side = 240
    drawn = np.full((3 * (side + gutter) + gutter, 2 * (side + gutter) + gutter), around, np.uint8)
    for number in range(6):
        top, left = gutter + number // 2 * (side + gutter), gutter + number % 2 * (side + gutter)
        panel = np.full((side, side), 255, np.uint8)
        head(panel, 110 + 5 * number, 125, 80)
        if frame:
            cv2.rectangle(panel, (0, 0), (side - 1, side - 1), 0, frame)
        drawn[top : top + side, left : left + side] = panel
    return drawn


@pytest.mark.parametrize("lean", [0.0, 0.7, -1.2])
@pytest.mark.parametrize(
    ("gutter", "frame", "around"), [(14, 3, 255), (0, 2, 255), (12, 0, 0), (40, 0, 255)],
    ids=["frames", "frames that touch", "gutters of ink", "no frames"],
)  # fmt: skip
def test_pages_of_any_make_are_cut_also_if_they_lean(gutter: int, frame: int, around: int, lean: float) -> None:
    drawn = grid(gutter, frame, around)
    height, width = drawn.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), lean, 1)
    drawn = np.asarray(cv2.warpAffine(drawn, turn, (width, height), borderValue=(float(around),)), dtype=np.uint8)
    boxes = find_panels(drawn)
    assert len(boxes) == 6 and tiles(boxes, drawn)
    centres = {
        ((left + right) * 2 // (2 * width), (top + bottom) * 3 // (2 * height)) for left, top, right, bottom in boxes
    }
    assert len(centres) == 6


def test_a_floor_and_a_door_across_a_framed_drawing_do_not_cut_it() -> None:
    drawn = page(600, 800)
    cv2.rectangle(drawn, (20, 20), (580, 780), 0, 3)
    head(drawn, 250, 300, 110)
    drawn[560:563, 20:580] = 0
    drawn[20:780, 420:423] = 0
    assert find_panels(drawn) == [(0, 0, 600, 800)]


def test_a_broad_dark_skirting_in_a_framed_room_does_not_cut_it() -> None:
    drawn = page(600, 400)
    cv2.rectangle(drawn, (20, 20), (580, 380), 0, 3)
    head(drawn, 250, 130, 80)
    drawn[250:262, 20:580] = 0
    assert find_panels(drawn) == [(0, 0, 600, 400)]


def test_a_long_drawing_without_gutters_is_cut_where_little_is_drawn() -> None:
    drawn = page(200, 1600)
    drawn[:, 100:103] = 0
    for number in range(8):
        head(drawn, 100, 100 + 200 * number, 90)
    boxes = find_panels(drawn)
    assert tiles(boxes, drawn) and all(bottom - top <= 600 for _, top, _, bottom in boxes)


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (900, 3), (300, 300)])
def test_a_blank_page_of_any_shape_is_tiled(shape: tuple[int, int]) -> None:
    blank = np.full(shape, 255, np.uint8)
    assert tiles(find_panels(blank), blank)
