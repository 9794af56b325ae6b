"""DiffAugment (Zhao et al. 2020) for the discriminators: they memorise a small data set later.

Colour is what is learned here, so only the translation and cutout policies are used, not the colour one.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_SHIFT = 1 / 8  # of the side, as published
_HOLE = 1 / 2


def _integers(low: int, high: int, count: int, rng: torch.Generator, like: Tensor) -> Tensor:
    drawn = torch.randint(low, high + 1, (count, 1), generator=rng)
    return drawn.to(like.device, non_blocking=True)


def translate(images: Tensor, rng: torch.Generator) -> Tensor:
    """Shift each image by up to an eighth of its side, filling with zeros."""
    n, _, h, w = images.shape
    dy, dx = round(h * _SHIFT), round(w * _SHIFT)
    rows = torch.arange(h, device=images.device) + dy + _integers(-dy, dy, n, rng, images)
    columns = torch.arange(w, device=images.device) + dx + _integers(-dx, dx, n, rng, images)
    padded = F.pad(images, (dx, dx, dy, dy))
    image = torch.arange(n, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _within(offsets: Tensor, half: int) -> Tensor:
    return (offsets >= -half) & (offsets < half)


def cutout(images: Tensor, rng: torch.Generator) -> Tensor:
    """Set a square of half the side, centred anywhere, to zero."""
    n, _, h, w = images.shape
    half_y, half_x = round(h * _HOLE / 2), round(w * _HOLE / 2)
    rows = torch.arange(h, device=images.device) - _integers(0, h, n, rng, images)
    columns = torch.arange(w, device=images.device) - _integers(0, w, n, rng, images)
    hole = _within(rows, half_y)[:, :, None] & _within(columns, half_x)[:, None, :]
    return images * ~hole[:, None]


def diff_augment(images: Tensor, rng: torch.Generator) -> Tensor:
    """(N, C, H, W) → the same shape, differentiable, random numbers from `rng` (a CPU generator)."""
    return cutout(translate(images, rng), rng)
