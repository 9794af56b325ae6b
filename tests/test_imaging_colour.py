"""Tests what is grey, coloured, or lines in coloured ink, on cases where a plain comparison of the channels fails."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imaging.colour import is_grey, is_ink, measure_colour


def lines(ink: str = "black", paper: str = "white", size: int = 512) -> Image.Image:
    image = Image.new("RGB", (size, size), paper)
    pen = ImageDraw.Draw(image)
    for x, y in np.random.default_rng(0).integers(0, size, (20, 2)).tolist():
        pen.line((x, y, size - y, x), fill=ink, width=3)
    return image


def with_spot(radius: int) -> Image.Image:
    image = lines()
    ImageDraw.Draw(image).ellipse((200, 200, 200 + 2 * radius, 200 + 2 * radius), fill=(240, 60, 60))
    return image


def coloured() -> Image.Image:
    image = lines()
    pen = ImageDraw.Draw(image)
    for i, colour in enumerate(("#e8b4a0", "#6a8fd0", "#d05a6a", "#f0d890")):
        pen.rectangle((60 + 100 * i, 100, 140 + 100 * i, 420), fill=colour)
    return image


def test_lines_on_white_have_no_colour() -> None:
    measure = measure_colour(lines())
    assert (measure.mse, measure.fraction) == (0, 0)
    assert measure.is_grey


@pytest.mark.parametrize("paper", ["#f4ecd8", "#e8e8f4"])
def test_tinted_paper_is_grey(paper: str) -> None:
    assert is_grey(lines(paper=paper))


def test_a_red_cheek_makes_no_colour_picture() -> None:
    measure = measure_colour(with_spot(12))
    assert measure.mse > 22
    assert measure.fraction < 0.01
    assert measure.is_grey


@pytest.mark.parametrize("image", [coloured(), with_spot(80), lines(ink="#2040ff")], ids=["flat", "large spot", "blue"])
def test_colour_is_colour(image: Image.Image) -> None:
    assert not is_grey(image)


def test_grey_copy_of_a_colour_picture_is_grey() -> None:
    assert is_grey(coloured().convert("L").convert("RGB"))


def test_pale_colouring_is_still_colour() -> None:
    pale = Image.blend(coloured(), Image.new("RGB", (512, 512), "white"), 0.5)
    assert not is_grey(pale)


def test_the_size_of_the_picture_hardly_matters() -> None:
    image = coloured()
    big, small = measure_colour(image), measure_colour(image.resize((130, 130), Image.Resampling.BOX))
    assert small.mse == pytest.approx(big.mse, rel=0.1)
    assert small.fraction == pytest.approx(big.fraction, abs=0.03)


@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        ("#2040dc", "white"),
        ("#d63e34", "#fcfaf6"),
        ("#683e18", "#f4e8cd"),
        ("black", "#c19a6b"),
        ("#ebf0fa", "#1e3c8c"),
    ],
    ids=["blue", "red", "sepia", "kraft", "blueprint"],
)
def test_lines_in_one_ink_are_ink_though_some_are_wide(ink: str, paper: str) -> None:
    page = lines(ink, paper)
    assert is_ink(np.asarray(page))
    ImageDraw.Draw(page).rectangle((100, 100, 260, 220), fill=ink)
    assert is_ink(np.asarray(page))


def test_black_over_blue_pencil_is_ink() -> None:
    page = np.minimum(np.asarray(lines(ink="#6ea0eb")), np.roll(np.asarray(lines()), (6, 9), axis=(0, 1)))
    assert not is_grey(Image.fromarray(page))
    assert is_ink(page)


def test_pencils_of_several_colours_are_ink() -> None:
    page = np.asarray(lines(ink="#d23232")).copy()
    page[:, 256:] = np.asarray(lines(ink="#2850c8"))[:, 256:]
    assert is_ink(page)


def test_ink_photographed_in_uneven_light_is_ink() -> None:
    light = np.linspace(1, 0.6, 512)[None, :, None] * np.array([0.95, 0.93, 0.86])
    assert is_ink((np.asarray(lines(ink="#2040dc")) * light).astype(np.uint8))


def test_two_flat_colours_are_no_ink() -> None:
    """They lie on a line, too, but neither is the other with ink on it."""
    for one, other in (("#e62828", "#2828e6"), ("#28b428", "#e628a0")):
        picture = Image.new("RGB", (512, 512), one)
        for width in (120, 256, 400):
            picture.paste(other, (0, 0, width, 512))
            assert not is_ink(picture)


def test_coloured_areas_are_no_ink() -> None:
    pale = Image.blend(coloured(), Image.new("RGB", (512, 512), "white"), 0.5)
    small = Image.new("RGB", (512, 512), "white")
    small.paste(coloured().resize((128, 128)), (200, 150))
    for picture in (coloured(), with_spot(80), pale, small):
        assert not is_ink(np.asarray(picture))
