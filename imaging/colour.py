"""Measures how much colour a picture has, to find grey pictures among colour and coloured ones among lineart."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

_SIDE = 64
_MAX_GREY_MSE = 22.0
_MIN_CHROMA = 24
_MAX_GREY_FRACTION = 0.01


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


def to_lab(image: np.ndarray) -> np.ndarray:
    """Converts a picture to CIE Lab.

    Args:
        image: uint8 (H, W, 3) RGB, or uint8 (H, W) grey.

    Returns:
        float32 (H, W, 3), L* in 0..100.
    """
    rgb = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    return cv2.cvtColor(rgb.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
