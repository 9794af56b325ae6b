"""Lays a painter's shadows over the flat colours of a drawing, as a layer of the drawing's own size."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from cyclegan.painting.division import Numbers
from cyclegan.painting.enlarge import enlarge
from cyclegan.painting.memory import Floats
from cyclegan.painting.shadows import Edge

_SMOOTH = 1.0  # px of the painter's size, by which borders of shadows are smoothed
_HALF = 127  # of 255; what is deeper is in cel shadow
_ANTI_ALIASED = 0.7  # px of the drawing, by which a cel shadow's border is softened
_SMALLEST = 1 / 2000  # of the drawing; smaller cel shadows, and holes in them, are left out

Gray = npt.NDArray[np.uint8]


def enlarged(mask: Floats, gray: Gray, ink: float, edge: Edge) -> Gray:
    """Enlarges shadows to the size of their drawing; they end at lines.

    Args:
        mask: (h, w) in [0, 1], as the painter found it.
        gray: (H, W) uint8, the drawing, normalized.
        ink: grey level of its typical line.
        edge: of the shadows.

    Returns:
        (H, W) uint8, 255 in shadow.
    """
    smooth = np.rint(255 * cv2.GaussianBlur(mask, (0, 0), _SMOOTH)).astype(np.uint8)
    large = enlarge(cv2.merge([smooth] * 3), gray, ink, paper=255)[..., 0]
    if edge == "soft":
        return np.ascontiguousarray(large)
    hard = _without_specks((large > _HALF).view(np.uint8))
    return np.asarray(cv2.GaussianBlur(255 * hard, (0, 0), _ANTI_ALIASED), dtype=np.uint8)


def _without_specks(mask: Gray) -> Gray:
    """Takes small shadows, and small holes in shadows, out of a mask of 0 and 1."""
    for _ in range(2):  # shadows, then the light between them
        _, pieces, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
        large = stats[:, cv2.CC_STAT_AREA] >= _SMALLEST * mask.size
        large[0] = False
        mask = 1 - large.astype(np.uint8)[pieces]
    return mask


def layer(mask: Gray, strength: float, tints: Floats, labels: Numbers, lit: npt.NDArray[np.bool_]) -> Gray:
    """Makes the layer of shadows, to be multiplied with what lies below.

    Args:
        mask: (H, W) uint8, 255 in shadow.
        strength: 0..1, of the shadows.
        tints: (n, 3) in [0, 1], of the shadows on each segment.
        labels: (H, W), the number of each pixel's segment.
        lit: (H, W), where there is no shadow.

    Returns:
        (H, W, 4) uint8: tint and opacity.
    """
    alpha = np.where(lit, 0, np.rint(strength * np.arange(256)).astype(np.uint8)[mask])
    colours = np.rint(255 * tints).astype(np.uint8)
    return np.dstack([colours[labels], alpha.astype(np.uint8)])
