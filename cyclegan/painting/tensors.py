"""Pictures as the networks take them: (N, C, H, W) float in [-1, 1], with sides that they accept."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

MULTIPLE, SMALLEST = 4, 16  # of the sides, px: the generators halve twice, and reflect three pixels at a quarter


def to_range(images: Tensor) -> Tensor:
    """uint8 0..255 → float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


def to_uint8(images: Tensor) -> Tensor:
    """float in [-1, 1] → uint8 0..255, rounded and clipped."""
    return ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def padded(image: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, C), reflected at the bottom and at the right until both sides are accepted."""
    bottom, right = (max(side + -side % MULTIPLE, SMALLEST) - side for side in image.shape[:2])
    return np.asarray(cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REFLECT))


def cropped(images: Tensor) -> Tensor:
    """(…, H, W) without the last rows and columns that are too many for the sides to be accepted."""
    height, width = (side - side % MULTIPLE for side in images.shape[-2:])
    return images[..., :height, :width]


def unit_to_uint8(images: Tensor) -> Tensor:
    """float in [0, 1] → uint8 0..255, rounded and clipped."""
    return (images.float() * 255).round().clamp(0, 255).to(torch.uint8)
