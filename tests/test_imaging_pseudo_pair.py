"""Pseudo-pairs: pictures on grounds as blank as those of the drawings, and their lines."""

import cv2
import numpy as np
import pytest

from demo.drawings import COLOUR_SEEDS, LINEART_SEEDS
from demo.pictures import normalized_lineart, portrait
from imaging.ground import without_ground
from imaging.lines import extract_lines
from imaging.pseudo_pair import DrawingStyle, measure_drawings, pseudo_pair

SIDE = 128
ON_PAPER = DrawingStyle(blank_ground=True)


@pytest.fixture(scope="module")
def drawings() -> list[np.ndarray]:
    return [normalized_lineart(seed, SIDE) for seed in LINEART_SEEDS[:8]]


def wallpaper(drawing: np.ndarray) -> np.ndarray:
    """Draws tiles all over a drawing's ground."""
    drawn = drawing.copy()
    for at in range(4, SIDE, 8):
        drawn[at] = drawn[:, at] = 0
    return drawn


def before(ground: tuple[int, int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws a portrait before a flat ground, and returns it with the ground's place."""
    picture = portrait(seed, "B", SIDE)
    outside = np.zeros((SIDE + 2, SIDE + 2), np.uint8)
    cv2.floodFill(picture.copy(), outside, (0, 0), (0, 0, 0), (2,) * 3, (2,) * 3, 4 | cv2.FLOODFILL_MASK_ONLY)
    where = outside[1:-1, 1:-1] > 0
    return np.where(where[..., None], np.array(ground, np.uint8), picture), where


def test_drawings_have_blank_grounds_if_most_of_them_have(drawings: list[np.ndarray]) -> None:
    tiled = [wallpaper(each) for each in drawings]
    assert measure_drawings(drawings).blank_ground
    assert not measure_drawings(tiled).blank_ground
    assert measure_drawings(drawings[:5] + tiled[5:]).blank_ground
    assert not measure_drawings(drawings[:3] + tiled[3:]).blank_ground


def test_a_blank_page_tells_nothing(drawings: list[np.ndarray]) -> None:
    blank = [np.full((SIDE, SIDE), 255, np.uint8)] * 9
    assert not measure_drawings(blank).blank_ground
    assert not measure_drawings([]).blank_ground
    assert not measure_drawings([*blank, wallpaper(drawings[0])]).blank_ground


def test_a_framed_scene_is_on_no_blank_ground(drawings: list[np.ndarray]) -> None:
    framed = [cv2.copyMakeBorder(wallpaper(each), 5, 5, 5, 5, cv2.BORDER_CONSTANT, value=255) for each in drawings]
    assert not measure_drawings([np.asarray(each, dtype=np.uint8) for each in framed]).blank_ground


@pytest.mark.parametrize("ground", [(90, 30, 40), (120, 200, 210)])
def test_picture_and_lines_lose_the_ground(ground: tuple[int, int, int]) -> None:
    picture, where = before(ground, COLOUR_SEEDS[0])
    pair = pseudo_pair(picture, ON_PAPER)
    assert np.array_equal(pair.colour, without_ground(picture))
    far = cv2.erode(where.view(np.uint8), np.ones((9, 9), np.uint8)) > 0
    for variant in range(3):
        assert (pair.draw(variant)[far] == 255).all()
    assert (pair.colour[far] == 255).all()


def test_the_figure_keeps_all_its_lines() -> None:
    picture, where = before((90, 30, 40), COLOUR_SEEDS[0])
    kept = ~(cv2.erode(where.view(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    assert np.array_equal(pseudo_pair(picture, ON_PAPER).draw()[kept], extract_lines(picture)[kept])


def test_a_pale_figure_without_outlines_is_outlined() -> None:
    """White on white, no line could be found."""
    picture = np.full((SIDE, SIDE, 3), (40, 120, 160), np.uint8)
    cv2.circle(picture, (64, 64), 36, (250, 250, 250), -1)
    drawn = pseudo_pair(picture, ON_PAPER).draw()
    assert (extract_lines(without_ground(picture)) < 128).mean() < 0.001
    outline = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(outline, (64, 64), 36, 255, 1)
    assert (cv2.erode(drawn, np.ones((5, 5), np.uint8))[outline > 0] < 128).all()


def test_drawings_with_scenes_leave_pictures_as_they_are() -> None:
    picture, _ = before((90, 30, 40), COLOUR_SEEDS[0])
    pair = pseudo_pair(picture, DrawingStyle())
    assert pair.colour is picture
    assert np.array_equal(pair.draw(2), extract_lines(picture, variant=2))
