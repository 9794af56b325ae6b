"""Measures palettes (one colour per class) in pictures, and selects from those that a model remembers."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cyclegan.errors import CycleganError

# (k, 3) RGB in [0, 1]: the colours of a model's k classes; the first is white.
# Of a model with styles: a style, (STYLE,)
Palette = npt.NDArray[np.float32]


NO_PALETTES = "this model paints without palettes: train one with generator.palette above 0"
OTHER_COLOURS = "these colours are of another model: take them from a picture with this one"


class PaletteError(CycleganError):
    """A request for a palette that the model does not have."""


def palette_of(regions: Tensor, lines: Tensor, colour: Tensor) -> Tensor:
    """Measures the mean colour of each class, without the influence of the lines.

    As colour = layer × lines, the mean of the layer over a class is the class's sum of colour divided by its sum of
    lines.

    Args:
        regions: (N, k, H, W) shares of each pixel in the k classes, summing to 1.
        lines: (N, 3, H, W) in [-1, 1].
        colour: (N, 3, H, W) in [-1, 1].

    Returns:
        (N, k, 3) in [0, 1]; the first colour is white.
    """
    inks = torch.einsum("nkhw,nchw->nkc", regions, (colour + 1) / 2)
    paper = torch.einsum("nkhw,nchw->nkc", regions, (lines + 1) / 2)
    palette = (inks / (paper + 1e-3)).clamp(0, 1)
    return torch.cat([torch.ones_like(palette[:, :1]), palette[:, 1:]], 1)


def unlike(palettes: npt.NDArray[np.float32], count: int, first: int | None = None) -> list[int]:
    """Selects palettes that differ and represent the others, greedily.

    Each choice is the palette that most lowers the sum of squared Lab distances from every palette to the nearest
    chosen one. Choosing the palette furthest from those chosen would select outliers, such as the palette of a picture
    with a pink background.

    Args:
        palettes: (n, k, 3) float32 RGB in [0, 1].
        count: 1..n.
        first: index of the first choice; None: the most representative.

    Returns:
        `count` indices, in the order in which they were chosen.
    """
    lab = cv2.cvtColor(palettes, cv2.COLOR_RGB2LAB)
    distance = np.square(lab[:, None] - lab[None]).sum((2, 3))
    chosen = [] if first is None else [first]
    nearest = np.full(len(palettes), np.inf) if first is None else distance[first]
    while len(chosen) < count:
        remaining = np.minimum(nearest[:, None], distance).sum(0)
        remaining[chosen] = np.inf
        chosen.append(int(remaining.argmin()))
        nearest = np.minimum(nearest, distance[chosen[-1]])
    return chosen
