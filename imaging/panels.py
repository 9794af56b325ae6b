"""Finds the panels of a page or a strip, so that a painter sees each at the size of a drawing of its own."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from imaging.segments import find_lines, reduced

Box = tuple[int, int, int, int]  # left, top, right, bottom, px

_SIDE = 512  # px, of the shorter side of the page on which gutters are looked for
_STRIP = 2.5  # sides' ratio from which a page is a strip, whose panels need no frames
_LONGEST = 3.0  # sides' ratio of a piece; a longer one without gutters is cut where the least is drawn
_GUTTER = 0.012  # of the page's shorter side; a blank band that is narrower is no gutter
_DUST = 0.002  # share of ink in a row that counts as blank
_SMALLEST = 0.12  # of the page's shorter side; a piece has no smaller side
_FRAME = 0.6  # share of an edge that is drawn if the edge is framed


def find_panels(gray: npt.NDArray[np.uint8]) -> list[Box]:
    """Finds the panels, as boxes that tile the page; a single drawing is one box.

    Args:
        gray: (H, W) uint8, the page on white paper, as `imaging.lineart.normalize` returns it.
    """
    height, width = gray.shape
    small = reduced(gray, _SIDE)
    ink = find_lines(small) > 0
    least = round(_SMALLEST * min(ink.shape)), max(2, round(_GUTTER * min(ink.shape)))
    boxes = _cut(ink, (0, 0, ink.shape[1], ink.shape[0]), *least)
    strip = max(ink.shape) >= _STRIP * min(ink.shape)
    if not strip and sum(_is_framed(ink, box) for box in boxes) < max(2, len(boxes) / 2):
        boxes = [(0, 0, ink.shape[1], ink.shape[0])]
    boxes = [piece for box in boxes for piece in _shortened(ink, box)]
    across, down = width / ink.shape[1], height / ink.shape[0]
    return [(round(a * across), round(b * down), round(c * across), round(d * down)) for a, b, c, d in boxes]


def _cut(ink: npt.NDArray[np.bool_], box: Box, smallest: int, gutter: int) -> list[Box]:
    """Cuts along the blank bands across the whole box, first in one direction, then in the other, again and again."""
    for horizontal in (True, False):
        places = _gutters(ink, box, horizontal, smallest, gutter)
        if places:
            pieces = _split(box, places, horizontal)
            return [each for piece in pieces for each in _cut(ink, piece, smallest, gutter)]
    return [box]


def _gutters(ink: npt.NDArray[np.bool_], box: Box, horizontal: bool, smallest: int, gutter: int) -> list[int]:
    """Returns the middles of the blank bands with enough on both sides, as rows or columns of the page."""
    left, top, right, bottom = box
    share = ink[top:bottom, left:right].mean(1 if horizontal else 0)
    drawn = np.flatnonzero(share > _DUST)
    first = top if horizontal else left
    found: list[int] = []
    begun = int(drawn[0]) if len(drawn) else 0
    for before, after in zip(drawn[:-1].tolist(), drawn[1:].tolist(), strict=True):
        if after - before > gutter and before - begun >= smallest and drawn[-1] - after >= smallest:
            found.append(first + (before + after + 1) // 2)
            begun = after
    return found


def _split(box: Box, places: list[int], horizontal: bool) -> list[Box]:
    left, top, right, bottom = box
    first, last = (top, bottom) if horizontal else (left, right)
    spans = list(zip([first, *places], [*places, last], strict=True))
    return [(left, a, right, b) if horizontal else (a, top, b, bottom) for a, b in spans]


def _is_framed(ink: npt.NDArray[np.bool_], box: Box) -> bool:
    """Tells whether two opposite edges of what is drawn in a box are lines."""
    left, top, right, bottom = box
    inside = cv2.dilate(ink[top:bottom, left:right].astype(np.uint8), np.ones((3, 3), np.uint8))
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(rows):
        return False
    drawn = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    edge = max(2, min(drawn.shape) // 40)  # frames lean a little in scans
    sides = (drawn[:edge].any(0), drawn[-edge:].any(0), drawn[:, :edge].any(1), drawn[:, -edge:].any(1))
    above, below, west, east = (side.mean() >= _FRAME for side in sides)
    return bool((above and below) or (west and east))


def _shortened(ink: npt.NDArray[np.bool_], box: Box) -> list[Box]:
    """Cuts a long piece where the least is drawn, near its middle, until no piece is too long."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    if max(width, height) <= _LONGEST * min(width, height):
        return [box]
    horizontal = height > width
    share = ink[top:bottom, left:right].mean(1 if horizontal else 0)
    third = len(share) // 3
    place = (top if horizontal else left) + third + int(share[third : 2 * third].argmin())
    return [each for piece in _split(box, [place], horizontal) for each in _shortened(ink, piece)]
