"""Defines the layers that a painter returns, and composes them into a picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Layers:
    """The colour layers of N drawings, to be placed under their lines.

    Attributes:
        flats: (N, 3, H, W) in [0, 1], the colours.
        regions: (N, k, H, W) region map: shares of each pixel in the k classes, summing to 1; None for a painter
            without palettes.
        palette: (N, k, 3) in [0, 1], the colour of each class; None for a painter without palettes.
    """

    flats: Tensor
    regions: Tensor | None = None
    palette: Tensor | None = None


def in_colours(regions: Tensor, palette: Tensor) -> Layers:
    """Fills each class of the regions (N, k, H, W) with its colour of the palette (N, k, 3) in [0, 1]."""
    return Layers(torch.einsum("nkhw,nkc->nchw", regions, palette.to(regions.dtype)), regions, palette)


def compose(layers: Layers, lines: Tensor) -> Tensor:
    """Multiplies flats and lines, both scaled to [0, 1]: a black line stays black.

    Args:
        layers: the colours.
        lines: (N, 3, H, W) in [-1, 1].

    Returns:
        The picture, (N, 3, H, W) in [-1, 1].
    """
    return layers.flats * (lines + 1) - 1
