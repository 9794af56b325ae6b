"""Judges whether a picture is lineart (domain A) or a coloured picture (domain B)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from imaging.colour import ColourMeasure, is_ink, measure_colour
from imaging.ink import read_page
from imaging.lineart import is_lines
from imaging.srgb import on_white

COLOURED = "coloured picture under a lineart tag"
GREY, INK = "grey picture under a colour tag", "lines in coloured ink under a colour tag"
WRONG_DOMAIN = (COLOURED, GREY, INK)


@dataclass(frozen=True)
class Judged:
    """What a picture shows.

    Attributes:
        belongs: the domain that it belongs to.
        reason: why it does not belong to the other one.
        pixels: RGB, (H, W, 3): on white, lineart as dark lines on light paper.
        colour: how much colour it has.
        lines: whether it consists of lines.
    """

    belongs: Literal["A", "B"]
    reason: str
    pixels: npt.NDArray[np.uint8]
    colour: ColourMeasure
    lines: bool


def judge(image: Image.Image, domain: Literal["A", "B"]) -> Judged:
    """Judges a picture.

    Args:
        image: the picture, as :func:`imaging.codec.decode_drawing` returns it.
        domain: where it was found; a painting in one colour is a coloured picture only among those.
    """
    pixels = np.asarray(on_white(image))  # converted only once, because it takes as long as decoding
    colour = measure_colour(pixels)
    if not colour.is_grey and not is_ink(pixels):
        return Judged("B", COLOURED, pixels, colour, lines=False)
    page = read_page(image)
    lines = is_lines(page.gray)
    if domain == "B" and not colour.is_grey and not lines:  # a painting in one colour
        return Judged("B", COLOURED, pixels, colour, lines=False)
    return Judged("A", GREY if colour.is_grey else INK, np.asarray(page.picture), colour, lines)
