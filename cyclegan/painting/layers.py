"""The layers that a painter gives, and the one place where they become a picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Layers:
    """What lies under the lines of N drawings.

    Attributes:
        flats: (N, 3, H, W) in [0, 1], the colours.
        regions: (N, k, H, W) shares of each pixel in the k classes, summing to 1; None where it is painted freely.
        palette: (N, k, 3) in [0, 1], the colour of each class; None likewise.
    """

    flats: Tensor
    regions: Tensor | None = None
    palette: Tensor | None = None


def in_colours(regions: Tensor, palette: Tensor) -> Layers:
    """Each class of the regions (N, k, H, W) in its colour of the palette (N, k, 3)."""
    return Layers(torch.einsum("nkhw,nkc->nchw", regions, palette.to(regions.dtype)), regions, palette)


def compose(layers: Layers, lines: Tensor) -> Tensor:
    """The picture: flats × lines in [0, 1], a black line stays black. Lines and result (N, 3, H, W) in [-1, 1]."""
    return layers.flats * (lines + 1) - 1
