"""Joins what a painter saw and made of the panels of a page, so that the page is one drawing again."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from imaging.panels import Box

Floats = npt.NDArray[np.float32]
Gray = npt.NDArray[np.uint8]


_RIM = 0.1  # of a panel's side; its frame, or half a gutter of ink, is no further from its edge
_SOLID = 0.8  # share of ink in a row of a frame
_LEAN = 0.01  # of a panel's side, by which a row of a scanned frame may waver
_WALL = 1 / 384  # of the page's shorter side, at least two pixels


def unframed(panel: Gray) -> Gray:
    """Blanks the frame of a panel, (h, w) uint8, because training drawings had none."""
    blank = panel.copy()
    paper = int(np.percentile(panel, 90))
    ink = (panel < paper // 2).astype(np.uint8)
    for _ in range(4):  # each in turn becomes the top
        rows = max(1, round(_RIM * ink.shape[0]))
        thick = cv2.dilate(ink[: 2 * rows], np.ones((2 * round(_LEAN * ink.shape[0]) + 1, 1), np.uint8))
        solid = np.flatnonzero(thick[:rows].mean(1) >= _SOLID)
        if len(solid):
            blank[: solid[-1] + 1] = paper
        blank, ink = np.rot90(blank), np.ascontiguousarray(np.rot90(ink))
    return np.ascontiguousarray(blank)


def parted(gray: Gray, boxes: Sequence[Box]) -> Gray:
    """Draws lines between the panels of a page, (H, W) uint8, so that no colour runs from one into another.

    A figure that a panel cuts off is open there.
    """
    if len(boxes) == 1:
        return gray
    page, width = gray.copy(), max(2, round(min(gray.shape) * _WALL))
    height_of_all, width_of_all = gray.shape
    for left, top, right, bottom in boxes:
        if right < width_of_all:
            page[top:bottom, right - width // 2 : right - width // 2 + width] = 0
        if bottom < height_of_all:
            page[bottom - width // 2 : bottom - width // 2 + width, left:right] = 0
    return page


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
