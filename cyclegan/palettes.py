"""Which of the palettes that a model remembers to offer as alternatives."""

import cv2
import numpy as np
import numpy.typing as npt

from cyclegan.errors import CycleganError

# (k, 3) RGB in [0, 1]: the colours of a model's k regions, of which the first is white
Palette = npt.NDArray[np.float32]


class PaletteError(CycleganError):
    """A palette that this model does not have."""


def unlike(palettes: npt.NDArray[np.float32], count: int) -> list[int]:
    """Indices of `count` of (n, k, 3) palettes: one amid all, then always the one that stands for most of the others.

    That is: the one that most lowers the sum of squared Lab distances from every palette to the nearest chosen one.
    The one furthest from those chosen would be the odd one out, such as that of a picture with a pink background.
    """
    lab = cv2.cvtColor(palettes, cv2.COLOR_RGB2LAB)
    apart = np.square(lab[:, None] - lab[None]).sum((2, 3))
    nearest, chosen = np.full(len(palettes), np.inf), list[int]()
    while len(chosen) < count:
        left = np.minimum(nearest[:, None], apart).sum(0)
        left[chosen] = np.inf
        chosen.append(int(left.argmin()))
        nearest = np.minimum(nearest, apart[chosen[-1]])
    return chosen
