"""How much colour a picture has: finds the grey one among colour, and the coloured one among lineart."""

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
    """What `measure_colour` saw.

    mse: mean over pixels of the squared distance (summed over R, G, B, 0..255 scale) from neutral, the tint
        of the whole picture removed. Paper and scanner tints stay under 22; flat colouring lies in the
        hundreds.
    fraction: share of pixels (0..1) whose channels differ by more than 24 levels after that.
    """

    mse: float
    fraction: float

    @property
    def is_grey(self) -> bool:
        """Little colour, or in few places only: a red cheek on a page of lines makes no colour picture."""
        return self.mse <= _MAX_GREY_MSE or self.fraction <= _MAX_GREY_FRACTION


def measure_colour(image: Image.Image | npt.NDArray[np.uint8]) -> ColourMeasure:
    """Measures an RGB picture, or its pixels (H, W, 3), on an area-averaged copy of 64 × 64."""
    pixels = cv2.resize(np.asarray(image), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    untinted = pixels - pixels.mean(axis=(0, 1)) + pixels.mean()
    off_grey = untinted - untinted.mean(axis=2, keepdims=True)
    chroma = np.ptp(untinted, axis=2)
    return ColourMeasure(
        mse=float(np.square(off_grey).sum(axis=2).mean()), fraction=float((chroma > _MIN_CHROMA).mean())
    )


def is_grey(image: Image.Image) -> bool:
    """Whether an RGB picture shows no colour worth learning from."""
    return measure_colour(image).is_grey


def to_lab(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) RGB or (H, W) grey to float32 (H, W, 3) CIE Lab, L* in 0..100."""
    rgb = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    return cv2.cvtColor(rgb.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
