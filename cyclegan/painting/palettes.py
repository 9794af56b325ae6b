"""Palettes: a colour for each class, measured in pictures, and chosen from those that a model remembers."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cyclegan.errors import CycleganError

# (k, 3) RGB in [0, 1]: the colours of a model's k classes, of which the first is white
Palette = npt.NDArray[np.float32]


class PaletteError(CycleganError):
    """A palette that this model does not have."""


def palette_of(regions: Tensor, lines: Tensor, colour: Tensor) -> Tensor:
    """(N, k, 3) in [0, 1]: the mean colour of each class where no line is; the first is white.

    regions (N, k, H, W); lines and colour (N, 3, H, W) in [-1, 1]. As colour = layer × lines, the mean of the layer
    over a class is the class's sum of colour over its sum of lines.
    """
    inks = torch.einsum("nkhw,nchw->nkc", regions, (colour + 1) / 2)
    paper = torch.einsum("nkhw,nchw->nkc", regions, (lines + 1) / 2)
    palette = (inks / (paper + 1e-3)).clamp(0, 1)
    return torch.cat([torch.ones_like(palette[:, :1]), palette[:, 1:]], 1)


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
