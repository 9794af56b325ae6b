"""DiffAugment (Zhao et al. 2020) for the discriminators: they memorise a small data set later.

Colour is what is learned here, so only the translation and cutout policies are used, not the colour one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

_SHIFT = 1 / 8  # of the side, as published
_HOLE = 1 / 2


# draw(low, high, n): n random integers from low to high, both included; see Context.draw
Draw = Callable[[int, int, int], Tensor]


def translate(images: Tensor, draw: Draw) -> Tensor:
    """Shift each image by up to an eighth of its side, filling with zeros."""
    n, _, h, w = images.shape
    dy, dx = round(h * _SHIFT), round(w * _SHIFT)
    tops, lefts = draw(-dy, dy, n) + dy, draw(-dx, dx, n) + dx
    padded = F.pad(images, (dx, dx, dy, dy))
    corners = zip(padded, tops.tolist(), lefts.tolist(), strict=True)
    return torch.stack([image[:, top : top + h, left : left + w] for image, top, left in corners])


def cutout(images: Tensor, draw: Draw) -> Tensor:
    """Set a square of half the side, centred anywhere, to zero."""
    n, _, h, w = images.shape
    half_y, half_x = round(h * _HOLE / 2), round(w * _HOLE / 2)
    kept = torch.ones(n, 1, h, w, dtype=images.dtype, device=images.device)
    for mask, y, x in zip(kept, draw(0, h, n).tolist(), draw(0, w, n).tolist(), strict=True):
        mask[:, max(0, y - half_y) : y + half_y, max(0, x - half_x) : x + half_x] = 0
    return images * kept


def diff_augment(images: Tensor, draw: Draw) -> Tensor:
    """(N, C, H, W) → the same shape, differentiable."""
    return cutout(translate(images, draw), draw)
