"""Measures how much colour a picture has, to find grey pictures among colour and coloured ones among lineart.

Lines in coloured ink are lineart, though not grey. Two properties tell them from a coloured picture. One ink on one
paper gives colours on a straight line from the one to the other, however much of the page it covers. And of inks of
any number, the colour is in lines, not in areas.
"""

from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from imaging.lineart import is_lines
from imaging.paper import even_light

_Floats = npt.NDArray[np.float32]

_SIDE = 64
_MAX_GREY_MSE = 22.0
_MIN_CHROMA = 24
_MAX_GREY_FRACTION = 0.01

# `python -m benchmarks.ink` measures what these let through
_INK_SIDE = 256  # pixels of the longest side
_MAX_OFF_LINE = 40.0, 0.01  # mean square of the distance from the line of one ink: in levels², and of that along it
_MAX_LIGHTENING = 0.2  # of the channel that an ink lightens most, as a share of the change: opaque blue on cream
_CONTENT = 40  # levels from the ground
_LEAST_CHROMA = 4  # levels, of noise; with more, little would be left of pale areas
_WIDEST_LINE = 5  # pixels
_MAX_AREA = 0.5  # share of all chroma that is in wider places than lines
_MAX_OTHER_HUE = 0.02  # share of chroma in other directions than the main one


@dataclass(frozen=True)
class ColourMeasure:
    """The result of `measure_colour`. Both measures are taken after the tint of the whole picture is removed.

    Attributes:
        mse: mean over pixels of the squared distance from neutral grey, summed over R, G and B on the 0..255 scale.
            Tints of paper and scanners stay under 22; flat colouring gives several hundred.
        fraction: share of pixels (0..1) whose channels differ by more than 24 levels.
    """

    mse: float
    fraction: float

    @property
    def is_grey(self) -> bool:
        """Whether there is little colour, or colour in few places only, such as a red cheek on a page of lines."""
        return self.mse <= _MAX_GREY_MSE or self.fraction <= _MAX_GREY_FRACTION


def measure_colour(image: Image.Image | npt.NDArray[np.uint8]) -> ColourMeasure:
    """Measures the colour of a picture on an area-averaged copy of 64 × 64.

    Args:
        image: an RGB picture, or its pixels, uint8 (H, W, 3).

    Returns:
        The measures, comparable between pictures of any size.
    """
    pixels = cv2.resize(np.asarray(image), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    untinted = pixels - pixels.mean(axis=(0, 1)) + pixels.mean()
    off_grey = untinted - untinted.mean(axis=2, keepdims=True)
    chroma = np.ptp(untinted, axis=2)
    return ColourMeasure(
        mse=float(np.square(off_grey).sum(axis=2).mean()), fraction=float((chroma > _MIN_CHROMA).mean())
    )


def is_grey(image: Image.Image) -> bool:
    """Whether an RGB picture has too little colour to train on."""
    return measure_colour(image).is_grey


def is_ink(image: Image.Image | npt.NDArray[np.uint8]) -> bool:
    """Whether a picture that is not grey consists of lines in coloured ink on paper of any colour.

    Args:
        image: an RGB picture, or its pixels, uint8 (H, W, 3).
    """
    picture = np.asarray(image)
    content = _shrunk(_content(picture))
    even = even_light(content)
    return _is_one_ink(content) or _is_one_ink(even) or _is_in_lines(even, is_lines(_luma(_shrunk(picture))))


def _content(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Cuts off wide empty margins, so that a small figure counts as much as one that fills its page."""
    small = even_light(_shrunk(picture))
    drawn = np.abs(small - np.median(small.reshape(-1, 3), axis=0)).max(axis=2) > _CONTENT
    window = []
    for axis, length in ((1, picture.shape[0]), (0, picture.shape[1])):
        found = np.flatnonzero(drawn.mean(axis=axis) > 0.01)
        if len(found):
            margin, scale = 1 + len(found) // 8, length / drawn.shape[1 - axis]
            first, last = max(0, found[0] - margin), found[-1] + 1 + margin
            window.append(slice(int(first * scale), ceil(last * scale)))
        else:
            window.append(slice(None))
    return picture[tuple(window)]


def _is_one_ink(picture: _Floats) -> bool:
    """Whether all colours lie near the line from paper to ink. Ink takes light away and adds next to none."""
    colours = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    (*off, along), axes = np.linalg.eigh(np.cov(colours.T, bias=True))
    level, share = _MAX_OFF_LINE
    lightening = min(-axes[:, -1].min(), axes[:, -1].max())  # the axis may point to the paper or to the ink
    return bool(sum(off) <= min(level, share * along) and lightening <= _MAX_LIGHTENING)


def _is_in_lines(picture: _Floats, lines: bool) -> bool:
    """Whether the colour is in lines.

    Args:
        picture: (H, W, 3).
        lines: whether all that is dark is in lines. If not, such as where shadows are black, the lines must be of one
            hue, so that flat colours in narrow places are not taken for lines.
    """
    apart = picture - np.median(picture.reshape(-1, 3), axis=0)
    off_grey = apart - apart.mean(axis=2, keepdims=True)
    chroma = (np.linalg.norm(off_grey, axis=2) - _LEAST_CHROMA).clip(0)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_WIDEST_LINE, _WIDEST_LINE))
    if cv2.morphologyEx(chroma, cv2.MORPH_OPEN, element).sum() > _MAX_AREA * chroma.sum():
        return False
    if lines:
        return True
    inked = off_grey[chroma > 0]
    *other, main = np.linalg.eigvalsh(inked.T @ inked)
    return bool(sum(other) <= _MAX_OTHER_HUE * main)


def _shrunk(picture: npt.NDArray[np.uint8]) -> _Floats:
    scale = _INK_SIDE / max(picture.shape[:2])
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)


def _luma(picture: _Floats) -> npt.NDArray[np.uint8]:
    gray = cv2.cvtColor(picture.clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    return np.asarray(gray, dtype=np.uint8)


def to_lab(image: np.ndarray) -> np.ndarray:
    """Converts a picture to CIE Lab.

    Args:
        image: uint8 (H, W, 3) RGB, or uint8 (H, W) grey.

    Returns:
        float32 (H, W, 3), L* in 0..100.
    """
    rgb = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    return cv2.cvtColor(rgb.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
