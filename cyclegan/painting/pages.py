"""Joins what a painter saw and made of the panels of a page, so that the page is one drawing again."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from imaging.panels import Box

Floats = npt.NDArray[np.float32]
Gray = npt.NDArray[np.uint8]


def joined(
    shape: tuple[int, ...], boxes: Sequence[Box], seen: Sequence[Gray], maps: Sequence[Floats]
) -> tuple[Gray, Floats]:
    """Puts panels back at their places, at the scale of the one that was seen largest.

    Args:
        shape: height and width of the page, px.
        boxes: places of the panels on the page, px; they tile it.
        seen: (h, w) uint8 each, the panels as the painter saw them.
        maps: (c, h, w) float32 each, what it made of them.

    Returns:
        (h, w) uint8 and (c, h, w) float32 of the whole page.
    """
    if len(boxes) == 1:
        return seen[0], maps[0]
    scale = max(gray.shape[0] / (bottom - top) for gray, (_, top, _, bottom) in zip(seen, boxes, strict=True))
    height, width = (max(1, round(side * scale)) for side in shape[:2])
    page, whole = np.full((height, width), 255, np.uint8), np.zeros((len(maps[0]), height, width), np.float32)
    for box, gray, found in zip(boxes, seen, maps, strict=True):
        left, top, right, bottom = (round(edge * scale) for edge in box)
        size = (min(right, width) - left, min(bottom, height) - top)
        if min(size) > 0:
            place = np.s_[top : top + size[1], left : left + size[0]]
            page[place] = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
            for plane, one in zip(whole, found, strict=True):
                plane[place] = cv2.resize(one, size, interpolation=cv2.INTER_LINEAR)
    return page, whole
