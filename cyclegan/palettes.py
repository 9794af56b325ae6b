"""Which of the palettes that a model remembers to offer as alternatives."""

import cv2
import numpy as np
import numpy.typing as npt

from cyclegan.errors import CycleganError

Palette = npt.NDArray[
    np.float32
]  # (k, 3) RGB in [0, 1]: the colours of a model's k regions, of which the first is white


class PaletteError(CycleganError):
    """A palette that this model does not have."""


def unlike(palettes: npt.NDArray[np.float32], count: int) -> list[int]:
    """Indices of `count` of (n, k, 3) palettes: one amid all, then always the one least like those chosen before."""
    lab = cv2.cvtColor(palettes, cv2.COLOR_RGB2LAB)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1).mean(-1)
    chosen = [int(apart.sum(1).argmin())]
    while len(chosen) < count:
        chosen.append(int(apart[chosen].min(0).argmax()))
    return chosen
