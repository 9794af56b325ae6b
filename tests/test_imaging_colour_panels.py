"""Pages in colour are cut into their panels, and single pictures are not."""

import numpy as np
import pytest

from benchmarks.styles import STYLES, draw
from imaging.border import Box
from imaging.colour_panels import find_colour_panels

WHITE, BLACK, CREAM = (255, 255, 255), (0, 0, 0), (245, 238, 220)
PANELS: list[Box] = [(20, 20, 290, 280), (310, 20, 580, 280), (20, 300, 580, 780)]


def panel(number: int, box: Box) -> np.ndarray:
    """Paints bands of colours, one of them light, with a disc before them."""
    left, top, right, bottom = box
    down, across = np.mgrid[: bottom - top, : right - left]
    painted = np.array([(200, 90, 60), (90, 160, 210), (235, 225, 160)], np.uint8)[(down // 70 + number) % 3]
    painted[np.hypot(down - 120, across - 130) < 60] = (60, 120, 70)
    return painted


def page(gutter: tuple[int, int, int]) -> np.ndarray:
    sheet = np.full((800, 600, 3), gutter, np.uint8)
    for number, (left, top, right, bottom) in enumerate(PANELS):
        sheet[top:bottom, left:right] = panel(number, PANELS[number])
    return sheet


def test_a_tiny_picture_with_a_gutter_is_one_picture() -> None:
    icon = np.full((16, 16, 3), 255, np.uint8)
    icon[:, :2], icon[:, 5:] = (200, 90, 60), (90, 160, 210)
    assert find_colour_panels(icon) == []


@pytest.mark.parametrize("gutter", [WHITE, BLACK, CREAM])
@pytest.mark.parametrize("scale", [1, 2])
def test_a_page_is_cut_along_its_gutters(gutter: tuple[int, int, int], scale: int) -> None:
    found = find_colour_panels(page(gutter).repeat(scale, 0).repeat(scale, 1))
    assert np.abs(np.array(found) - scale * np.array(PANELS)).max() <= 3 * scale


def test_what_is_not_filled_leaves_the_page_whole() -> None:
    sheet = page(WHITE)
    left, top, right, bottom = PANELS[2]
    sheet[top:bottom, left:right] = 255
    down, across = np.mgrid[:800, :600]
    sheet[np.hypot(down - 540, across - 300) < 200] = (200, 90, 60)  # a figure without a ground
    assert find_colour_panels(sheet) == []


def test_a_page_number_is_no_panel() -> None:
    sheet = np.pad(page(WHITE), ((0, 60), (0, 0), (0, 0)), constant_values=255)
    sheet[820:840, 290:310] = 0
    assert len(find_colour_panels(sheet)) == len(PANELS)


@pytest.mark.parametrize("style", STYLES)
def test_portraits_are_one_picture(style: str) -> None:
    assert not any(find_colour_panels(draw(style, seed, 256)[1]) for seed in range(31_000, 31_006))


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (64, 64)])
def test_pictures_of_any_shape_and_of_one_colour(shape: tuple[int, int]) -> None:
    assert find_colour_panels(np.full((*shape, 3), 255, np.uint8)) == []
