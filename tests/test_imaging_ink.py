"""Tests that lines are read as dark on light, whatever their colour, their ground, and where transparency is."""

import io

import numpy as np
import pytest
from PIL import Image

from imaging.ink import lineart_gray, read_page
from imaging.lineart import normalize
from tests.factories import drawing

LINES = np.asarray(drawing(size=300).convert("L"))


def likeness(gray: np.ndarray, lines: np.ndarray = LINES) -> float:
    return float(np.corrcoef(normalize(gray).image.ravel(), lines.ravel())[0, 1])


def layer(colour: tuple[int, int, int], opacity: float = 1.0, lines: np.ndarray = LINES) -> Image.Image:
    """Draws lines on transparency."""
    alpha = np.rint((255 - lines) * opacity).astype(np.uint8)
    return Image.fromarray(np.dstack([np.full((*lines.shape, 3), colour, np.uint8), alpha]))


def ink(paper: tuple[int, int, int], colour: tuple[int, int, int]) -> Image.Image:
    share = 1 - LINES[..., None] / 255
    return Image.fromarray(np.rint((1 - share) * np.array(paper) + share * np.array(colour)).astype(np.uint8))


def cut_out(page: Image.Image, box: tuple[int, int, int, int] = (30, 30, 270, 270)) -> Image.Image:
    alpha = Image.new("L", page.size)
    alpha.paste(255, box)
    figure = page.convert("RGBA")
    figure.putalpha(alpha)
    return figure


@pytest.mark.parametrize("colour", [(0, 0, 0), (200, 200, 200), (255, 255, 255), (170, 210, 250), (250, 240, 120)])
@pytest.mark.parametrize("opacity", [1.0, 0.3])
def test_lines_on_transparency_are_where_the_layer_is_covered(colour: tuple[int, int, int], opacity: float) -> None:
    page = read_page(layer(colour, opacity))
    assert page.alpha is None
    assert likeness(page.gray) > 0.95
    assert np.asarray(page.picture.convert("L")).min() < 250  # pale ones are still seen on white


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255)])
def test_thick_lines_on_transparency_are_no_cut_out_figure(colour: tuple[int, int, int]) -> None:
    lines = np.full((240, 240), 255, np.uint8)
    lines[40:80, 20:220] = lines[80:220, 60:100] = 0
    page = read_page(layer(colour, lines=lines))
    assert page.alpha is None
    assert likeness(page.gray, lines) > 0.95


def test_in_a_palette_png_whose_white_is_transparent_paper_is_between_the_lines() -> None:
    file = io.BytesIO()
    Image.fromarray(LINES).convert("P").save(file, "PNG", transparency=255)
    page = read_page(Image.open(file))
    assert page.alpha is None
    assert likeness(page.gray) > 0.99


def test_a_white_correction_on_a_layer_of_black_lines_is_paper() -> None:
    corrected = layer((0, 0, 0))
    corrected.paste((255, 255, 255, 255), (100, 100, 130, 130))
    wanted = LINES.copy()
    wanted[100:130, 100:130] = 255
    assert likeness(read_page(corrected).gray, wanted) > 0.99


@pytest.mark.parametrize(
    "page", [drawing(size=300), ink((255, 255, 255), (90, 150, 230)), ink((240, 225, 190), (120, 70, 30))]
)
def test_a_figure_that_was_cut_out_with_its_paper_keeps_its_transparency(page: Image.Image) -> None:
    for box in ((30, 30, 270, 270), (120, 90, 180, 160)):
        found = read_page(cut_out(page, box))
        assert found.alpha is not None
        assert (found.alpha == np.asarray(cut_out(page, box).getchannel("A"))).all()


def test_a_page_with_transparent_corners_stays_a_page() -> None:
    for page in (drawing(size=300), ink((10, 10, 10), (240, 240, 240))):
        found = read_page(cut_out(page, (1, 1, 299, 299)))
        assert found.alpha is not None
        assert likeness(found.gray[1:-1, 1:-1], LINES[1:-1, 1:-1]) > 0.95


@pytest.mark.parametrize(
    ("paper", "colour"),
    [
        ((0, 0, 0), (255, 255, 255)),
        ((30, 60, 140), (235, 240, 250)),
        ((40, 66, 56), (225, 222, 205)),
        ((193, 154, 107), (255, 255, 255)),
        ((20, 20, 24), (250, 150, 40)),
    ],
    ids=["white on black", "blueprint", "chalk", "white on kraft", "orange on black"],
)
def test_light_lines_on_a_darker_ground_are_inverted(paper: tuple[int, int, int], colour: tuple[int, int, int]) -> None:
    page = read_page(ink(paper, colour))
    assert likeness(page.gray) > 0.95
    assert (np.asarray(page.picture)[..., 0] == page.gray).all()  # painted between the lines, not over them


@pytest.mark.parametrize("colour", [(0, 0, 0), (110, 110, 110)])
def test_what_has_no_lines_is_not_inverted(colour: tuple[int, int, int]) -> None:
    blank = Image.new("RGB", (200, 100), colour)
    spot = blank.copy()
    spot.paste((250, 250, 250), (60, 20, 140, 80))
    for page in (blank, spot):
        assert (np.asarray(read_page(page).picture) == np.asarray(page)).all()
        assert np.abs(lineart_gray(page).astype(int) - np.asarray(page.convert("L"))).max() <= 1


@pytest.mark.parametrize("colour", [(32, 64, 220), (214, 62, 52), (120, 180, 232), (240, 220, 60)])
def test_coloured_ink_is_dark_in_grey(colour: tuple[int, int, int]) -> None:
    gray, luma = lineart_gray(ink((255, 255, 255), colour)), ink((255, 255, 255), colour).convert("L")
    assert gray.min() <= np.asarray(luma).min()
    assert gray.min() < 180 and np.median(gray) == 255


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16"])
def test_lines_of_every_mode_are_read_alike(mode: str) -> None:
    binary = Image.fromarray(np.where(LINES > 127, 255, 0).astype(np.uint8))
    deep = Image.fromarray(np.asarray(binary).astype(np.uint16) * 257)
    found = lineart_gray(deep if mode == "I;16" else binary.convert("RGB").convert(mode))
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - np.asarray(binary)).max() <= 1


def test_a_grey_drawing_s_levels_do_not_change() -> None:
    assert (lineart_gray(drawing(size=300)) == LINES).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 2)])
def test_any_size_is_read(size: tuple[int, int]) -> None:
    for mode in ("RGB", "RGBA", "L"):
        assert lineart_gray(Image.new(mode, size)).shape == size[::-1]
