"""Finds the panels of a page or a strip, so that a painter sees each at the size of a drawing of its own."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from imaging.border import Box
from imaging.segments import find_lines, reduced

Ink = npt.NDArray[np.bool_]

_SIDE = 512  # px, of the shorter side of the page on which gutters are looked for
_STRIP = 2.5  # sides' ratio from which a page is a strip, whose panels need no frames
_LONGEST = 3.0  # sides' ratio of a piece; a longer one without gutters is cut where the least is drawn
_GUTTER = 0.012  # of the page's shorter side; a blank band that is narrower is no gutter
_LEAN_SIDE = 256  # px, of the shorter side of the page at which its lean is measured
_DUST = 0.002  # share of ink in a row that counts as blank
_SOLID = 0.92  # share of ink in a row that counts as a gutter of ink, or as the line between two frames
_DARK = 110  # grey level; a darker area is ink, too, not only its edges
_REGULAR = 0.8  # the smallest of panels that share lines beside the largest
_SMALLEST = 0.12  # of the page's shorter side; a piece has no smaller side
_SMALLEST_PAGE = 96  # px; on a smaller one, lines and gutters look alike
_FRAME = 0.6  # share of an edge that is drawn if the edge is framed
_MANY, _ALIKE = 4, 0.3  # pieces that are panels without frames, and how small the smallest may be beside their median
_LEANS = np.arange(-1.5, 1.51, 0.25)  # degrees by which a scanned page may lean


def find_panels(gray: npt.NDArray[np.uint8]) -> list[Box]:
    """Finds the panels, as boxes that tile the page; a single drawing is one box.

    Panels are parted by bands of paper, or of ink, or by the line that two frames share, and the page may lean.

    Args:
        gray: (H, W) uint8, the page on white paper, as `imaging.lineart.normalize` returns it.
    """
    height, width = gray.shape
    small = reduced(gray, _SIDE)
    drawn = (find_lines(small) > 0) | (small < _DARK)
    ink = _upright(drawn)
    whole = (0, 0, ink.shape[1], ink.shape[0])
    boxes = _cut(ink, whole)
    boxes = boxes if _is_strip(ink) or _are_panels(ink, boxes) else [whole]
    boxes = [piece for box in boxes for piece in _shortened(ink, box)]
    across, down = width / ink.shape[1], height / ink.shape[0]
    return [(round(a * across), round(b * down), round(c * across), round(d * down)) for a, b, c, d in boxes]


def _upright(ink: Ink) -> Ink:
    """Turns a page so that its gutters are level: then its rows and columns are the most unequal."""
    small = reduced(ink.view(np.uint8) * np.uint8(255), _LEAN_SIDE) > 0
    uneven = [_unevenness(_turned(small, lean)) * (1 - 0.02 * abs(lean)) for lean in _LEANS]
    best = max(range(len(_LEANS)), key=lambda place: (uneven[place], -abs(_LEANS[place])))
    return _turned(ink, float(_LEANS[best]))


def _turned(ink: Ink, degrees: float) -> Ink:
    if not degrees:
        return ink
    height, width = ink.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    turned = cv2.warpAffine(ink.view(np.uint8), turn, (width, height), flags=cv2.INTER_NEAREST)
    return np.asarray(turned, dtype=np.uint8).view(np.bool_)


def _unevenness(ink: Ink) -> float:
    return float(sum(shares(ink, axis).var() for axis in (0, 1)))


def shares(ink: Ink, axis: int) -> npt.NDArray[np.float64]:
    """Returns the mean along an axis of (H, W); the same as ink.mean(axis), many times faster."""
    sums = cv2.reduce(ink.view(np.uint8), axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
    return np.asarray(sums.ravel() / ink.shape[axis])


def _cut(ink: Ink, box: Box) -> list[Box]:
    """Cuts along bands across the whole box, else along shared lines, and the pieces again."""
    for places in (_bands, _shared_lines):
        for horizontal in (True, False):
            if found := places(ink, box, horizontal):
                pieces = _split(box, found, horizontal)
                return [each for piece in pieces for each in _cut(ink, piece)]
    return [box]


def _bands(ink: Ink, box: Box, horizontal: bool) -> list[int]:
    """Returns the middles of the bands that part panels, as rows or columns of the page."""
    gaps = _gaps(ink, box, horizontal, solid_parts=_is_strip(ink) or _is_in_ink(ink))
    return [before + (after - before + 1) // 2 for before, after in gaps if after - before > _gutter(ink)]


def _shared_lines(ink: Ink, box: Box, horizontal: bool) -> list[int]:
    """Returns the middles of the lines that frames of nearly one size share; others are walls, floors and doors."""
    places = [before + (after - before + 1) // 2 for before, after in _gaps(ink, box, horizontal, True)]
    left, top, right, bottom = box
    spans = np.diff([top, *places, bottom] if horizontal else [left, *places, right])
    return places if spans.min() >= _REGULAR * spans.max() else []


def _is_strip(ink: Ink) -> bool:
    return bool(max(ink.shape) >= _STRIP * min(ink.shape))


def _is_in_ink(ink: Ink) -> bool:
    """Tells whether the margins of a page are ink, as its gutters then may be."""
    gutter = _gutter(ink)
    margins = ink[:gutter], ink[-gutter:], ink[:, :gutter], ink[:, -gutter:]
    return all(margin.mean() >= _FRAME for margin in margins)


def _gutter(ink: Ink) -> int:
    return max(2, round(_GUTTER * int(min(ink.shape))))


def _gaps(ink: Ink, box: Box, horizontal: bool, solid_parts: bool) -> list[tuple[int, int]]:
    """Returns the last row (or column) before and the first after what is blank or solid, with enough on both sides.

    Args:
        ink: the page.
        box: the part of it.
        horizontal: whether gaps between rows are meant.
        solid_parts: whether solid rows part panels, if they are between frames, or in a strip.
    """
    left, top, right, bottom = box
    smallest, gutter = _SMALLEST * min(ink.shape), _gutter(ink)
    inside = ink[top:bottom, left:right]
    axis = 1 if horizontal else 0
    solid = np.zeros(inside.shape[1 - axis], bool)
    if solid_parts and (_is_strip(ink) or _is_framed(ink, box)):
        thick = cv2.dilate(inside.view(np.uint8), np.ones((3, 1) if horizontal else (1, 3), np.uint8))
        solid = shares(np.asarray(thick, np.uint8).view(np.bool_), axis) >= _SOLID  # a line may waver by a pixel
    drawn = np.flatnonzero((shares(inside, axis) > _DUST) & ~solid)
    first, found = (top if horizontal else left), list[tuple[int, int]]()
    begun = int(drawn[0]) if len(drawn) else 0
    steps = np.flatnonzero(np.diff(drawn) > 1)
    for before, after in zip(drawn[steps].tolist(), drawn[steps + 1].tolist(), strict=True):
        parts = after - before > gutter or solid[before + 1 : after].any()
        if parts and before - begun >= smallest and drawn[-1] - after >= smallest:
            found.append((first + before, first + after))
            begun = after
    return found


def _are_panels(ink: Ink, boxes: list[Box]) -> bool:
    """Tells panels from figures on one page: they are framed, or many and nearly of one size."""
    if min(ink.shape) < _SMALLEST_PAGE:
        return False
    if sum(_is_framed(ink, box) for box in boxes) >= max(2, len(boxes) / 2):
        return True
    sizes = np.array([(right - left) * (bottom - top) for left, top, right, bottom in boxes])
    return len(boxes) >= _MANY and bool(sizes.min() >= _ALIKE * np.median(sizes))


def _split(box: Box, places: list[int], horizontal: bool) -> list[Box]:
    left, top, right, bottom = box
    first, last = (top, bottom) if horizontal else (left, right)
    spans = list(zip([first, *places], [*places, last], strict=True))
    return [(left, a, right, b) if horizontal else (a, top, b, bottom) for a, b in spans]


def _is_framed(ink: Ink, box: Box) -> bool:
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


def _shortened(ink: Ink, box: Box) -> list[Box]:
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
