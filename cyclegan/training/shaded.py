"""Prepares what a painter learns of shadows: masks beside the pictures of domain B, and these in full light."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from cyclegan.painting.shadows import UNKNOWN, Example
from cyclegan.painting.tensors import cropped, to_range
from imaging.shading import find_shading

_FLAT = 0.01  # mean of the masks; a style with less is flat
_NOT_KNOWN, _SHADOW = 255, 254  # levels of a stored mask


def in_full_light(picture: np.ndarray) -> np.ndarray:
    """Replaces a picture by the same in full light, and adds its mask.

    Args:
        picture: (H, W, 3 + n) uint8, RGB and renderings of its lines, plain ones first.

    Returns:
        (H, W, 4 + n) uint8: the mask is the last channel.
    """
    found = find_shading(np.ascontiguousarray(picture[..., :3]), np.ascontiguousarray(picture[..., 3]))
    mask = np.where(found.known, np.rint(found.mask * (_SHADOW / 255)), _NOT_KNOWN).astype(np.uint8)
    return np.dstack([found.lit, picture[..., 3:], mask])


def is_shaded(lit: Sequence[np.ndarray]) -> bool:
    """Tells whether pictures of domain B have shadows; none have none.

    Args:
        lit: (H, W, 4 + n) uint8, of :func:`in_full_light`.
    """
    masks = [each[..., -1] for each in lit]
    known = np.concatenate([mask[mask != _NOT_KNOWN] for mask in masks]) if masks else np.empty(0)
    return bool(len(known) and known.mean() > _FLAT * _SHADOW)


def both_lights(mask: Tensor, mirrored: bool) -> Tensor:
    """Makes masks for the light of domain B and for the mirrored one, (2, h, w), of a mask that shows one of them.

    Args:
        mask: (1, h, w) uint8, of a crop, mirrored like it.
        mirrored: whether the crop is mirrored.
    """
    other = torch.full_like(mask, _NOT_KNOWN)
    return torch.cat([other, mask] if mirrored else [mask, other])


def to_shadows(masks: Tensor) -> Tensor:
    """Converts stored masks, uint8 of any shape, to float32 in [0, 1], or UNKNOWN."""
    return torch.where(masks == _NOT_KNOWN, torch.tensor(UNKNOWN, device=masks.device), masks.float() / _SHADOW)


def examples(pictures: Sequence[np.ndarray], stored: Sequence[Tensor], device: torch.device) -> Iterator[Example]:
    """Yields pictures with what is known of their shadows.

    Args:
        pictures: (H, W, 3) uint8 RGB, as they are.
        stored: (4 + n, H, W) uint8, of :func:`in_full_light`.
        device: of the examples.
    """
    for picture, known in zip(pictures, stored, strict=True):
        whole = cropped(known.to(device))
        colour = cropped(torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).to(device))
        lines = to_range(whole[3:4]).expand(3, -1, -1)
        yield Example(lines, to_range(colour), to_range(whole[:3]), to_shadows(whole[-1:]))
