"""Joins what a painter saw and made of the panels of a page, so that the page is one drawing again."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from imaging.border import Box
from imaging.paper import histogram

Floats = npt.NDArray[np.float32]
Gray = npt.NDArray[np.uint8]
_RIM = 0.1  # of a panel's side; its frame, or half a gutter of ink, is no further from its edge
_SOLID = 0.8  # share of ink in a row of a frame
_DARKER = 0.75  # of the paper's grey level; frames are drawn as finely as all lines
_LEAN = 0.01  # of a panel's side, by which a row of a scanned frame may waver
_WALL = 1 / 384  # of the page's shorter side, at least two pixels
_INK, _DUST = 200, 0.002  # grey level; share of ink in a row that counts as blank


def inside_frame(panel: Gray) -> Box:
    """Finds what a frame encloses: left, top, right, bottom, px; all of a panel, (h, w) uint8, without a frame.

    A frame has two opposite sides at least: a single line near an edge is ground, or a wall.
    """
    darkest = math.ceil(_paper_level(panel) * _DARKER)
    height, width = panel.shape
    (left, right), (top, bottom) = (_between_lines(each, darkest) for each in (panel.T, panel))
    return left, top, width - right, height - bottom


def _paper_level(panel: Gray) -> int:
    """Returns the 90th percentile of the grey levels, rounded down; as np.percentile, many times faster."""
    counts = histogram(np.ascontiguousarray(panel)).cumsum()
    place, rest = divmod(0.9 * (panel.size - 1), 1)
    below, above = np.searchsorted(counts, (place, min(place + 1, panel.size - 1)), side="right")
    return int(below + rest * (above - below))


def _between_lines(panel: Gray, darkest: int) -> tuple[int, int]:
    """Returns how many rows at the top and at the bottom are frame or margin; pixels below `darkest` are ink."""
    rows, waver = max(1, round(_RIM * len(panel))), 2 * round(_LEAN * len(panel)) + 1
    found = []
    for rim in (panel[: 2 * rows], panel[::-1][: 2 * rows]):
        thick = cv2.dilate(np.ascontiguousarray(rim < darkest).view(np.uint8), np.ones((waver, 1), np.uint8))
        solid = np.flatnonzero(thick[:rows].mean(1) >= _SOLID)
        found.append(int(solid[-1]) + 1 if len(solid) else 0)
    return (found[0], found[1]) if all(found) else (0, 0)


def unframed(panel: Gray) -> Gray:
    """Blanks the frame of a panel, (h, w) uint8, and the margin around it, because training drawings had none."""
    left, top, right, bottom = inside_frame(panel)
    if (left, top, right, bottom) == (0, 0, panel.shape[1], panel.shape[0]):
        return panel
    blank = np.full_like(panel, _paper_level(panel))
    blank[top:bottom, left:right] = panel[top:bottom, left:right]
    return blank


def parted(gray: Gray, boxes: Sequence[Box]) -> Gray:
    """Draws a line around what is drawn in each panel of a page, (H, W) uint8; of a single drawing, around nothing.

    A figure that a panel cuts off is open where the panel ends, which is at the edge of the gutter. There, no colour
    may run out, and no paper in.
    """
    if len(boxes) == 1:
        return gray
    page, width = gray.copy(), max(2, round(min(gray.shape) * _WALL))
    for left, top, right, bottom in boxes:
        ink = gray[top:bottom, left:right] < _INK
        rows, columns = (np.flatnonzero(ink.mean(axis) > _DUST) for axis in (1, 0))
        if len(rows) and len(columns):
            first, last = (left + int(columns[0]), top + int(rows[0])), (left + int(columns[-1]), top + int(rows[-1]))
            for inset in range(width):
                corner = (last[0] - inset, last[1] - inset)
                cv2.rectangle(page, (first[0] + inset, first[1] + inset), corner, 0)
    return page


def without_margins(map_: Floats, gray: Gray, boxes: Sequence[Box], paper: Floats) -> Floats:
    """Makes paper of what a painter saw outside of the frames of a page.

    Args:
        map_: (c, h, w), what a painter made of the page.
        gray: (H, W) uint8, the page.
        boxes: its panels.
        paper: (c,), what it makes of paper.
    """
    _, height, width = map_.shape
    framed = np.zeros((height, width), bool)
    across, down = width / gray.shape[1], height / gray.shape[0]
    for left, top, right, bottom in boxes:
        inside = inside_frame(gray[top:bottom, left:right])
        whole = (round(left * across), round(top * down), round(right * across), round(bottom * down))
        framed[whole[1] : whole[3], whole[0] : whole[2]] = True
        x, y = left + inside[0], top + inside[1]
        x_end, y_end = left + inside[2], top + inside[3]
        framed[round(y * down) : round(y_end * down), round(x * across) : round(x_end * across)] = False
    if not framed.any():
        return map_
    map_ = map_.copy()
    map_[:, framed] = paper[:, None]
    return map_


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
