"""Augments the discriminators' inputs by DiffAugment (Zhao et al. 2020), to delay overfitting on small data sets.

Only the translation and cutout policies are used. The colour policy is left out, because the model learns colour.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_SHIFT = 1 / 8  # of the side, as published
_HOLE = 1 / 2

# draw(low, high, n): n random integers from low to high, both included; see Context.draw
Draw = Callable[[int, int, int], Tensor]


def draw_places(draw: Draw, count: int, height: int, width: int) -> Tensor:
    """Draws how far images are shifted, and where the middles of their holes are.

    Args:
        draw: the source of random integers.
        count: number of images.
        height: of the images, px.
        width: likewise.

    Returns:
        (4, count) int64: shifts up and left, each up to an eighth of the side; row and column of the hole.
    """
    dy, dx = round(height * _SHIFT), round(width * _SHIFT)
    return torch.stack([draw(-dy, dy, count), draw(-dx, dx, count), draw(0, height, count), draw(0, width, count)])


def translate(images: Tensor, up: Tensor, left: Tensor) -> Tensor:
    """Shifts each image and fills with zeros.

    Args:
        images: (N, C, H, W) float in [-1, 1].
        up: (N,) integers, px; negative ones shift down.
        left: likewise.

    Returns:
        The same shape, differentiable.
    """
    # products with shifted unit matrices move values as they are, and take their shifts from the device
    rows, columns = (_shifted_unit(side, by, images) for side, by in zip(images.shape[2:], (up, left), strict=True))
    return rows[:, None] @ images @ columns[:, None].mT


def _shifted_unit(side: int, by: Tensor, like: Tensor) -> Tensor:
    """Returns (N, side, side) matrices: a product with one moves the entries of a vector `by` places to the front."""
    at = torch.arange(side, device=like.device)
    return (at[:, None] + by[:, None, None] == at).to(like.dtype)


def cutout(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Sets a rectangle of half the sides to zero in each image.

    Args:
        images: (N, C, H, W) float in [-1, 1].
        rows: (N,) integers, those of the rectangles' middles.
        columns: likewise.

    Returns:
        The same shape, differentiable.
    """
    inside_y, inside_x = (
        _near(middle, side, images.device) for side, middle in zip(images.shape[2:], (rows, columns), strict=True)
    )
    hole = inside_y[:, None, :, None] & inside_x[:, None, None, :]
    return images * ~hole


def _near(middle: Tensor, side: int, device: torch.device) -> Tensor:
    """Returns (N, side): whether a place is less than half a hole from the middle."""
    half, at = round(side * _HOLE / 2), torch.arange(side, device=device)
    return (at >= middle[:, None] - half) & (at < middle[:, None] + half)


def diff_augment(images: Tensor, places: Tensor) -> Tensor:
    """Applies translation and cutout.

    Args:
        images: (N, C, H, W) float in [-1, 1].
        places: (4, N), of `draw_places`, on the images' device.

    Returns:
        The same shape, differentiable.
    """
    up, left, rows, columns = places
    return cutout(translate(images, up, left), rows, columns)


def augmented(images: Tensor, places: Tensor | None) -> Tensor:
    """Applies them if there are places, of `draw_places`; see diff_augment."""
    return images if places is None else diff_augment(images, places)
