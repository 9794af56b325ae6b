"""Measures what a painter has learned of the shadows of domain B: their tints, and whether they are right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from cyclegan.errors import CycleganError

Edge = Literal["soft", "cel"]
EDGES: tuple[Edge, ...] = ("soft", "cel")
UNKNOWN = -1.0  # in masks of shadows, where nothing is known
_GAIN = 0.9  # of the error without shadows, which shadows must stay below to be served
_DEEP = 0.5  # of a mask; tints are measured where shadows are at least as deep
_BETWEEN, _SOFT = (0.25, 0.75), 0.25  # depths of half shadows; share of half shadows in a style of soft ones
_PRIOR = 0.002  # of a picture; a class with fewer shadows takes its tint from the others
_LUMA = (0.299, 0.587, 0.114)


NO_SHADOWS = "this model knows no shadows: train one with generator.shading on pictures that have some"


class ShadingError(CycleganError):
    """A request for shadows that the model does not have. Its text is one line."""


@dataclass(frozen=True)
class Shadows:
    """What a painter knows of shadows.

    Attributes:
        tints: (k, 3) in [0, 1], the share of each class's colour that is left in shadow.
        errors: mean error of the shade in pictures of domain B: without shadows, with soft and with cel ones.
        softness: share of domain B's shadows that are between light and full shadow.
    """

    tints: npt.NDArray[np.float32]
    errors: tuple[float, float, float]
    softness: float

    @property
    def edge(self) -> Edge:
        """The kind of domain B."""
        return "soft" if self.softness > _SOFT else "cel"

    @property
    def seen(self) -> bool:
        """Whether domain B has shadows."""
        return self.errors[0] > 0

    @property
    def helps(self) -> bool:
        """Whether shadows are closer to domain B than none."""
        return self.errors[1 + EDGES.index(self.edge)] < _GAIN * self.errors[0]


@dataclass(frozen=True)
class Example:
    """A picture of domain B with what is known of its shadows; (c, H, W) each.

    Attributes:
        lines: 3 channels in [-1, 1].
        colour: 3 channels in [-1, 1], as it is.
        lit: 3 channels in [-1, 1], in full light.
        mask: 1 channel in [0, 1]; UNKNOWN where it is not known.
    """

    lines: Tensor
    colour: Tensor
    lit: Tensor
    mask: Tensor


def shadow_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Returns the mean cross entropy of shadows, a scalar, over the pixels where they are known; 0 if nowhere.

    Args:
        logits: (N, LIGHTS, H, W).
        masks: the same shape, in [0, 1], or UNKNOWN.
    """
    known = (masks >= 0).float()
    each = F.binary_cross_entropy_with_logits(logits.float(), masks.clamp(min=0), weight=known, reduction="sum")
    return each / known.sum().clamp(min=1)


def as_drawn(masks: Tensor, edge: Edge) -> Tensor:
    """Gives shadows, in [0, 1], of any shape, the edge with which they are served."""
    return (masks > 0.5).to(masks.dtype) if edge == "cel" else masks


def weigh(examples: Iterable[tuple[Example, Tensor, Tensor]], tints: Tensor) -> Tensor:
    """Measures the mean error of the shade, the share of light that is left: without shadows, with soft, with cel ones.

    Args:
        examples: with the region map (k, H, W) and shadows (H, W) that a painter found.
        tints: (k, 3).

    Returns:
        (3,).
    """
    sums, count = tints.new_zeros(1 + len(EDGES)), tints.new_zeros(())
    luma = tints.new_tensor(_LUMA)
    for example, regions, shadows in examples:
        known = example.mask[0] >= 0
        colour, lit = (torch.einsum("chw,c->hw", (each + 1) / 2, luma) for each in (example.colour, example.lit))
        shade = (colour / lit.clamp(min=1e-3)).clamp(max=1)
        depth = 1 - (tints @ luma)[regions.argmax(0)]
        guesses = [torch.ones_like(shade), *(1 - as_drawn(shadows, edge) * depth for edge in EDGES)]
        sums += torch.stack([((guess - shade).abs() * known).sum() for guess in guesses])
        count += known.sum()
    return sums / count.clamp(min=1)


def tints_of(examples: Iterable[tuple[Example, Tensor]], k: int) -> Tensor:
    """Measures the tint of shadows on each class: (k, 3) in [0, 1].

    Args:
        examples: at least one, with the region map (k, H, W) that a painter found.
        k: number of classes.
    """
    sums, number = None, 0
    for example, regions in examples:
        if sums is None:
            sums = regions.new_zeros(2, k, 3)
        deep = (example.mask >= _DEEP)[0]
        inside = F.one_hot(regions.argmax(0)[deep], k).to(regions.dtype)
        both = torch.stack([example.colour, example.lit])[:, :, deep]
        sums += torch.einsum("pk,scp->skc", inside, (both + 1) / 2)
        number += deep.numel()
    assert sums is not None
    usual = sums.sum(1, keepdim=True)
    prior = _PRIOR * number * usual / usual[1].sum().clamp(min=1e-6)
    dark, light = sums + prior + 1e-6
    return (dark / light).clamp(0, 1)


def softness_of(examples: Iterable[Example]) -> Tensor:
    """Measures the share of shadows that are between light and full shadow, a scalar; 0 without shadows."""
    masks = torch.cat([each.mask.flatten() for each in examples])
    shadows = masks > _BETWEEN[0]
    return (shadows & (masks < _BETWEEN[1])).sum() / shadows.sum().clamp(min=1)
