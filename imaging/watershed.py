"""Grows numbered pieces of a drawing until they meet."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int32]


def grow(markers: Labels, lines: Gray) -> Labels:
    """Grows markers over the paper, and then under the lines.

    Args:
        markers: (H, W) int32, from 1; 0 is to be filled; at least one marker is on paper. Changed.
        lines: (H, W) uint8, 255 on lines.

    Returns:
        (H, W) int32, from 1.
    """
    line = int(markers.max()) + 1
    markers[lines > 0] = line  # a marker of its own, because a segment would run along the lines
    # with a frame, because OpenCV clears the outermost pixels
    framed, walls = (cv2.copyMakeBorder(each, 1, 1, 1, 1, cv2.BORDER_REPLICATE) for each in (markers, lines))
    cv2.watershed(cv2.merge([walls] * 3), framed)
    markers = np.ascontiguousarray(framed[1:-1, 1:-1])
    return spread(markers, (markers > 0) & (markers < line))


def spread(labels: Labels, known: npt.NDArray[np.bool_]) -> Labels:
    """Gives each pixel the label of the nearest known one.

    Args:
        labels: (H, W) int32.
        known: (H, W), the pixels that keep their labels; at least one.
    """
    _, nearest = cv2.distanceTransformWithLabels(
        (~known).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return np.asarray(labels[known][nearest - 1], dtype=np.int32)
