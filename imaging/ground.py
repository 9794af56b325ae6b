"""Finds the plain ground behind what a picture shows, such as paper, an even colour, a gradient or a clear sky.

A plain ground reaches the picture's rim, changes little from place to place, and its colours lie on a quadratic
surface, as those of lit paper do. Much of its outline is the rim, unlike that of a figure that the rim cuts (boundary
connectivity; Zhu et al. 2014, "Saliency Optimization from Robust Background Detection"). The lower rim does not count,
because figures stand on it. A painted scene has no plain ground and stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Gray = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float32]

_SIDE = 96  # px of the shorter side at which grounds are found; all px below are of this size
_GRAIN = 3  # px, of the median that takes grain away
_STEEPEST = 4.5  # ΔE*ab per px; more is a border
_TOLERANCE = 6.0, 9.0  # ΔE*ab from the surface, at least and at most
_RIDGE = 1e-2  # keeps the fit of a narrow ground from swinging
_SPREAD = 3.0  # median distances from the surface within which pixels belong to it
_TERMS = (1, 3, 6, 6, 6)  # of the surface in each fit: constant, linear, quadratic
_FITTED = 1500  # pixels, at most
_VOTERS = 32  # pixels of the rim among which the most usual colour is found

_LEAST_TOUCH = 5  # px of the rim that a piece takes
_LEAST_CONNECTED = 1.6  # px of the rim over the root of a piece's area; a square at a side has 1, one in a corner has 2
_LEAST_RIM = 0.3  # share of the rim that the ground takes
_MOST_OTHER = 0.5  # of that: what another colour may take that is as connected, such as hair in a corner
_CANDIDATES = 3
_CORNER = 3  # px
_GAP, _LEAST_SOLID = 5, 0.85  # px that are closed, and the least share of the result; foliage is less solid

_BESIDE = 7  # px within which the edge of a ground is found anew at the picture's size
_LEVELS = 20.0  # in any channel between a ground and what is ground at the picture's size


@dataclass(frozen=True)
class Ground:
    """The plain ground of a picture, at a shorter side of _SIDE.

    Attributes:
        where: (h, w), what is ground.
        colours: (h, w, 3) uint8 RGB, the surface, continued where something is before it.
        rim: share of the left, upper and right rim that is ground, 0..1.
    """

    where: Mask
    colours: Pixels
    rim: float


def find_ground(colour: Pixels) -> Ground:
    """Finds the plain ground of a picture; nothing is ground where too little of the rim is.

    Args:
        colour: (H, W, 3) uint8 RGB.
    """
    small = np.asarray(cv2.medianBlur(_at(colour, _SIDE / min(colour.shape[:2])), _GRAIN), dtype=np.uint8)
    lab = _lab(small)
    smooth = _slope(lab) < _STEEPEST
    rim = np.zeros(smooth.shape, bool)
    rim[0] = rim[:, 0] = rim[:, -1] = True
    left, found = rim.copy(), list[tuple[float, Mask, _Floats]]()
    for _ in range(_CANDIDATES):
        if np.count_nonzero(left) < _LEAST_RIM * _MOST_OTHER * np.count_nonzero(rim):
            break
        surface, ground, taken = _most_usual(lab, smooth, left)
        ground &= _is_connected(ground, rim)
        found.append((np.count_nonzero(ground & rim) / np.count_nonzero(rim), ground, surface))
        left &= ~_grown(taken, 3)
    (share, where, surface), *others = sorted(found, key=lambda each: -each[0])
    doubtful = any(other > _MOST_OTHER * share for other, *_ in others)
    if share < _LEAST_RIM or doubtful or not _spans(where) or _is_ragged(where):
        return Ground(np.zeros_like(where), np.full_like(small, 255), 0.0)
    return Ground(where, _rgb(surface), share)


def cover(colour: Pixels, ground: Ground) -> Gray:
    """Finds the edge of a ground at the picture's own size.

    Args:
        colour: (H, W, 3) uint8 RGB.
        ground: what `find_ground` found in it.

    Returns:
        (H, W) uint8, how much of each pixel is ground: 255 is all of it.
    """
    size = colour.shape[1::-1]
    inside = _enlarged(~_grown(~ground.where, 3), size)
    near = _enlarged(_grown(ground.where, _BESIDE), size)
    surface = cv2.resize(ground.colours, size, interpolation=cv2.INTER_LINEAR)
    red, green, blue = cv2.split(cv2.absdiff(colour, surface))
    apart = np.asarray(cv2.max(cv2.max(red, green), blue), dtype=np.uint8)
    alike = np.asarray(cv2.threshold(apart, _LEVELS, 255, cv2.THRESH_BINARY_INV)[1], dtype=np.uint8)
    sure = inside | (near & alike)
    # beside it, a pixel that is as far from the ground's colour as any around is not ground at all
    beside = np.ones((3, 3), np.uint8)
    share = cv2.bitwise_not(cv2.divide(apart, cv2.dilate(apart, beside), scale=255))
    return np.asarray(cv2.max(sure, cv2.min(share, cv2.dilate(sure, beside))), dtype=np.uint8)


def without_ground(colour: Pixels) -> Pixels:
    """Makes the plain ground of a picture white, up to the edges of what is before it.

    Args:
        colour: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8; `colour` itself if it has no plain ground.
    """
    ground = find_ground(colour)
    return whitened(colour, ground, cover(colour, ground)) if ground.rim else colour


def whitened(colour: Pixels, ground: Ground, covered: Gray) -> Pixels:
    """Makes a ground white.

    Args:
        colour: (H, W, 3) uint8 RGB.
        ground: what `find_ground` found in it.
        covered: what `cover` found of it.

    Returns:
        (H, W, 3) uint8.
    """
    share = cv2.merge([covered] * 3)
    missing = cv2.bitwise_not(cv2.resize(ground.colours, colour.shape[1::-1], interpolation=cv2.INTER_LINEAR))
    # a pixel that the ground covers in part keeps the rest of its colour
    white = cv2.add(colour, cv2.multiply(missing, share, scale=1 / 255))
    return np.asarray(cv2.max(white, cv2.threshold(share, 254, 255, cv2.THRESH_BINARY)[1]), dtype=np.uint8)


def _most_usual(lab: _Floats, smooth: Mask, rim: Mask) -> tuple[_Floats, Mask, Mask]:
    """Finds the ground of the most usual colour on a part of the rim.

    Returns:
        (h, w, 3) its surface, (h, w) what of it is connected with the rim, and (h, w) what its colours are, anywhere.
    """
    least, most = _TOLERANCE
    surface, tolerance = np.broadcast_to(_mode(lab[rim]), lab.shape), most * 1.5
    ground = alike = np.zeros_like(rim)
    for terms in _TERMS:
        alike = _distance(lab, surface) < tolerance
        ground = _touching(alike & smooth, rim)
        if not ground.any():
            return np.array(surface), ground, alike
        surface, tolerance = _fit(lab, ground, terms)
        tolerance = float(np.clip(tolerance, least, most))
    return surface, ground, ground | alike


def _mode(colours: _Floats) -> _Floats:
    """Returns that of some colours (n, 3) which has most others near."""
    some = colours[:: max(1, len(colours) // _VOTERS)]
    near = np.square(some[:, None] - some[None]).sum(2) < _TOLERANCE[1] ** 2
    return np.asarray(some[near.sum(1).argmax()])


def _fit(lab: _Floats, where: Mask, count: int) -> tuple[_Floats, float]:
    """Fits a surface of `count` terms; returns it, (h, w, 3), and the distance within which pixels belong to it."""
    terms = np.ascontiguousarray(_terms(*lab.shape[:2])[..., :count])
    chosen = np.flatnonzero(where)
    chosen = chosen[:: max(1, len(chosen) // _FITTED)]
    fitted, wanted = terms.reshape(-1, count)[chosen], lab.reshape(-1, 3)[chosen]
    weights = np.linalg.solve(fitted.T @ fitted + _RIDGE * np.eye(count, dtype=np.float32), fitted.T @ wanted)
    spread = float(np.median(np.linalg.norm(wanted - fitted @ weights, axis=1)))
    return np.asarray(cv2.transform(terms, weights.T)), _SPREAD * spread


@lru_cache(maxsize=8)
def _terms(height: int, width: int) -> _Floats:
    """Returns (height, width, 6): 1, x, y, x², xy, y² with x and y in -1..1."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, side, dtype=np.float32) for side in (height, width)), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 2)


def _touching(mask: Mask, rim: Mask) -> Mask:
    """Keeps the pieces of a mask that touch the rim, parted where they are joined by a thread."""
    framed = cv2.copyMakeBorder(mask.view(np.uint8), 3, 3, 3, 3, cv2.BORDER_REPLICATE)
    opened = cv2.morphologyEx(framed, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))[3:-3, 3:-3]
    count, pieces = cv2.connectedComponents(opened, connectivity=4)
    touch = np.bincount(pieces[rim], minlength=count)
    touch[0] = 0
    return np.asarray((touch >= _LEAST_TOUCH)[pieces])


def _is_connected(mask: Mask, rim: Mask) -> Mask:
    """Keeps the pieces of a mask whose outline is the rim, for a good part."""
    count, pieces = cv2.connectedComponents(mask.view(np.uint8), connectivity=4)
    touch, area = (np.bincount(each.ravel(), minlength=count) for each in (pieces[rim], pieces))
    kept = touch > _LEAST_CONNECTED * np.sqrt(area)
    kept[0] = False
    return np.asarray(kept[pieces])


def _spans(mask: Mask) -> bool:
    """Tells whether a ground is at both sides and in an upper corner; hair that the rim cuts seldom is."""
    sides = min(np.count_nonzero(mask[:, 0]), np.count_nonzero(mask[:, -1]))
    corners = mask[:_CORNER, :_CORNER], mask[:_CORNER, -_CORNER:]
    return bool(sides >= _LEAST_TOUCH and any(corner.any() for corner in corners))


def _is_ragged(mask: Mask) -> bool:
    closed = cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_CLOSE, np.ones((_GAP, _GAP), np.uint8))
    return bool(np.count_nonzero(mask) < _LEAST_SOLID * np.count_nonzero(closed))


def _slope(lab: _Floats) -> _Floats:
    dx, dy = (cv2.Sobel(lab, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    return np.asarray(np.sqrt(_summed(dx * dx + dy * dy)))


def _distance(lab: _Floats, surface: _Floats) -> _Floats:
    apart = lab - surface
    return np.asarray(np.sqrt(_summed(apart * apart)))


def _summed(squares: _Floats) -> _Floats:
    return np.asarray(cv2.transform(squares, np.ones((1, 3), np.float32)))  # numpy's sum takes ten times as long


def _lab(colour: Pixels) -> _Floats:
    lab = cv2.cvtColor(colour, cv2.COLOR_RGB2LAB).astype(np.float32)  # of float32, it takes ten times as long
    return np.asarray(lab * np.array([100 / 255, 1, 1], np.float32))


def _rgb(lab: _Floats) -> Pixels:
    levels = np.rint(lab * np.array([255 / 100, 1, 1], np.float32)).clip(0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(levels, cv2.COLOR_LAB2RGB), dtype=np.uint8)


def _grown(mask: Mask, side: int) -> Mask:
    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8))).view(np.bool_)


def _enlarged(mask: Mask, size: tuple[int, ...]) -> Gray:
    levels = cv2.resize(mask.astype(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.threshold(levels, 127, 255, cv2.THRESH_BINARY)[1], dtype=np.uint8)


def _at(colour: Pixels, scale: float) -> Pixels:
    size = [max(1, round(side * scale)) for side in colour.shape[1::-1]]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(colour, size, interpolation=way), dtype=np.uint8)
