"""Finds the panels of a page in colour, so that each becomes a picture to learn from.

Painted panels have bands and dark lines of their own, where `imaging.panels`, which reads drawings, would cut. So here
a gutter is of one colour, white, black or that of the page's rim, and goes from edge to edge; and what lies between
gutters is a panel only if it is drawn along its four edges. Figures on one sheet are not. A page is cut whole, or not
at all.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from imaging.border import Box
from imaging.panels import shares

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_SIDE = 512  # px of the shorter side at which gutters are looked for
_LEAST_SIDE = 128  # px of a page; smaller panels teach nothing
_APART = 28  # levels, in any channel, between a gutter and what is drawn
_DUST = 0.004  # share of a row of a gutter that may be drawn
_GUTTER = 0.008  # of the page's shorter side, at least
_SMALLEST = 0.12  # of the page's shorter side: of a panel; smaller pieces, such as page numbers, are left out
_EDGE, _FILLED = 0.02, 0.8  # share of a panel's shorter side that is its edge, and how much of that is drawn, at least
_LEAST_PAGE = 0.6  # share of the page that panels fill


def find_colour_panels(page: Pixels) -> list[Box]:
    """Finds the panels of a page, without their gutters, in the order in which rows are read.

    Args:
        page: (H, W, 3) uint8 RGB.

    Returns:
        At least two boxes; none if it is one picture, or where it is not sure.
    """
    if min(page.shape[:2]) < _LEAST_SIDE:
        return []
    scale = min(1.0, _SIDE / min(page.shape[:2]))
    size = [max(1, round(side * scale)) for side in page.shape[1::-1]]
    small = page if scale == 1 else np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    across, down = page.shape[1] / size[0], page.shape[0] / size[1]
    rim = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    for colour in (np.full(3, 255), np.zeros(3), np.median(rim, axis=0)):
        apart = cv2.absdiff(small, np.broadcast_to(colour.astype(np.uint8), small.shape))
        drawn = np.maximum.reduce(cv2.split(apart)) > _APART
        if found := _panels(drawn):
            # a pixel less on each side, which may be half gutter
            inside = [(left + 1, top + 1, right - 1, bottom - 1) for left, top, right, bottom in found]
            return [(round(a * across), round(b * down), round(c * across), round(d * down)) for a, b, c, d in inside]
    return []


def _panels(drawn: Mask) -> list[Box]:
    height, width = drawn.shape
    boxes = [(box, drawn[box[1] : box[3], box[0] : box[2]]) for box in _pieces(drawn, (0, 0, width, height))]
    panels = [(box, inside) for box, inside in boxes if min(inside.shape) >= _SMALLEST * min(drawn.shape)]
    filled = sum(inside.size for _, inside in panels) >= _LEAST_PAGE * drawn.size
    sure = len(panels) > 1 and filled and all(_is_filled(inside) for _, inside in panels)
    return [box for box, _ in panels] if sure else []


def _pieces(drawn: Mask, box: Box) -> Iterator[Box]:
    """Cuts a box along gutters, first between rows, and the pieces again; yields what is drawn of each."""
    left, top, right, bottom = box
    for axis in (1, 0):
        inside = drawn[top:bottom, left:right]
        lines = np.flatnonzero(shares(inside, axis) > _DUST)
        if not len(lines):
            return
        parted = np.flatnonzero(np.diff(lines) > max(2, _GUTTER * min(drawn.shape)))
        spans = zip([lines[0], *lines[parted + 1]], [*lines[parted], lines[-1]], strict=True)
        cut = [(int(first), int(last) + 1) for first, last in spans]
        along = top if axis else left
        boxes = [(left, along + a, right, along + b) if axis else (along + a, top, along + b, bottom) for a, b in cut]
        if len(boxes) > 1:
            for piece in boxes:
                yield from _pieces(drawn, piece)
            return
        ((left, top, right, bottom),) = boxes
    yield left, top, right, bottom


def _is_filled(inside: Mask) -> bool:
    """Tells whether a panel is drawn along its edges, by itself or by a frame."""
    edge = max(2, round(_EDGE * min(inside.shape)))
    edges = inside[:edge].any(0), inside[-edge:].any(0), inside[:, :edge].any(1), inside[:, -edge:].any(1)
    return all(each.mean() >= _FILLED for each in edges)
