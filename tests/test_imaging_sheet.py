"""Tests contact sheets: their size, the place of the pictures, and captions that fit."""

import numpy as np
import pytest
from PIL import Image

from imaging.sheet import grid

RED, BLUE = Image.new("RGB", (100, 100), "red"), Image.new("L", (50, 100), 90)


def has_colour(page: Image.Image, box: tuple[int, int, int, int], colour: tuple[int, int, int]) -> bool:
    return bool((np.asarray(page.crop(box)) == colour).all())


def test_pictures_stand_in_rows_and_columns() -> None:
    page = grid([[RED, RED], [RED]], tile=64, gap=10)
    assert page.mode == "RGB"
    assert page.size == (10 + 2 * 74, 10 + 2 * 74)
    for x, y in ((10, 10), (84, 10), (10, 84)):
        assert has_colour(page, (x, y, x + 64, y + 64), (255, 0, 0))
    assert not has_colour(page, (84, 84, 148, 148), (255, 0, 0))


def test_cells_are_as_wide_as_the_widest_picture() -> None:
    assert grid([[BLUE, BLUE]], tile=64, gap=10).size == (10 + 2 * 42, 10 + 74)
    page = grid([[BLUE, RED]], tile=64, gap=10)
    assert page.size == (10 + 2 * 74, 84)
    assert has_colour(page, (26, 10, 58, 74), (90, 90, 90))  # the picture is in the middle of its cell


@pytest.mark.parametrize("captions", [["one", "two"], [["one", "two"], ["three"]]], ids=["heads", "below"])
def test_captions_and_footer_take_room_and_leave_ink(captions: list[str] | list[list[str]]) -> None:
    rows = [[RED, RED], [RED]]
    bare = grid(rows, tile=128)
    with_captions = grid(rows, captions=captions, tile=128)
    with_footer = grid(rows, captions=captions, footer="Drawings: somebody, CC BY 4.0", tile=128)
    assert bare.width == with_captions.width == with_footer.width
    assert bare.height < with_captions.height < with_footer.height
    strip = np.asarray(with_footer)[with_captions.height :]
    assert strip.min() < 150


def test_long_captions_stay_in_their_column() -> None:
    page = np.asarray(grid([[RED, RED]], captions=["i" * 400, ""], tile=64, gap=20))
    background = page[0, 0]
    assert (page[:18, :84] != background).any()
    assert (page[:18, 84:] == background).all()


@pytest.mark.parametrize("captions", [["one"], ["a", "b", "c"], [["a"]], ["a", ["b"]]])
def test_captions_must_fit(captions: list[str]) -> None:
    with pytest.raises(ValueError, match="captions: give 2 lines, one a column, or 2 sequences, one a row"):
        grid([[RED, RED], [RED, RED]], captions=captions)


@pytest.mark.parametrize("rows", [[], [[]]])
def test_a_sheet_needs_a_picture(rows: list[list[Image.Image]]) -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        grid(rows)


def test_small_pictures_are_enlarged_and_odd_modes_shown() -> None:
    for mode in ("1", "L", "P", "RGBA", "CMYK"):
        assert grid([[Image.new(mode, (3, 1))]], tile=60, gap=5).size == (70, 30)
