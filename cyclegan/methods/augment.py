"""Augments the discriminators' inputs by DiffAugment (Zhao et al. 2020), to delay overfitting on small data sets.

Only the translation and cutout policies are used. The colour policy is left out, because the model learns colour.
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
    """Shifts each image by up to an eighth of its sides and fills with zeros.

    Args:
        images: (N, C, H, W) float in [-1, 1].
        draw: the source of random integers.

    Returns:
        The same shape, differentiable.
    """
    n, _, h, w = images.shape
    dy, dx = round(h * _SHIFT), round(w * _SHIFT)
    tops, lefts = draw(-dy, dy, n) + dy, draw(-dx, dx, n) + dx
    padded = F.pad(images, (dx, dx, dy, dy))
    corners = zip(padded, tops.tolist(), lefts.tolist(), strict=True)
    return torch.stack([image[:, top : top + h, left : left + w] for image, top, left in corners])


def cutout(images: Tensor, draw: Draw) -> Tensor:
    """Sets a rectangle of half the sides, centred at a random pixel, to zero in each image.

    Args:
        images: (N, C, H, W) float in [-1, 1].
        draw: the source of random integers.

    Returns:
        The same shape, differentiable.
    """
    n, _, h, w = images.shape
    half_y, half_x = round(h * _HOLE / 2), round(w * _HOLE / 2)
    masks = torch.ones(n, 1, h, w, dtype=images.dtype, device=images.device)
    for mask, y, x in zip(masks, draw(0, h, n).tolist(), draw(0, w, n).tolist(), strict=True):
        mask[:, max(0, y - half_y) : y + half_y, max(0, x - half_x) : x + half_x] = 0
    return images * masks


def diff_augment(images: Tensor, draw: Draw) -> Tensor:
    """Applies translation and cutout.

    Args:
        images: (N, C, H, W) float in [-1, 1].
        draw: the source of random integers.

    Returns:
        The same shape, differentiable.
    """
    return cutout(translate(images, draw), draw)
