"""Converts pictures to and from the networks' format: (N, C, H, W) float in [-1, 1], with sides that they accept."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

MULTIPLE, SMALLEST = 4, 16  # of the sides, px: generators halve them twice, and pad three pixels by reflection


def to_range(images: Tensor) -> Tensor:
    """Converts uint8 0..255 to float32 in [-1, 1]; any shape."""
    return images.float() / 127.5 - 1


def to_uint8(images: Tensor) -> Tensor:
    """Converts float in [-1, 1] to uint8 0..255, rounded and clipped; any shape."""
    return ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def padded(image: np.ndarray) -> np.ndarray:
    """Pads (H, W) or (H, W, C) by reflection at the bottom and right to sides that the networks accept."""
    bottom, right = (max(side + -side % MULTIPLE, SMALLEST) - side for side in image.shape[:2])
    return np.asarray(cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REFLECT))


def cropped(images: Tensor) -> Tensor:
    """Crops (…, H, W) at the bottom and right to sides that are multiples of MULTIPLE."""
    height, width = (side - side % MULTIPLE for side in images.shape[-2:])
    return images[..., :height, :width]


def unit_to_uint8(images: Tensor) -> Tensor:
    """Converts float in [0, 1] to uint8 0..255, rounded and clipped; any shape."""
    return (images.float() * 255).round().clamp(0, 255).to(torch.uint8)
