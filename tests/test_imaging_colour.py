"""Tests the distinction of grey and coloured pictures on cases where a plain comparison of the channels fails."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imaging.colour import is_grey, measure_colour


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
