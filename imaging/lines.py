"""Draws the lines of any colour picture; lines and picture are a pseudo-pair, on which a painter can warm up.

Three things are lines. *Ink*: dark strokes, which are drawn as they are. *Ridges*: strokes of any colour that are
darker than both sides. *Borders*: where two colours meet without a stroke (crests of the colour structure tensor,
Di Zenzo 1986); contrast around inhibits them (Grigorescu et al. 2003), so that texture gives none. Ridges and borders
are drawn as lines like those of domain A. This pairs no image of domain A (lineart) with one of domain B (colour), so
the training stays unpaired.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import cv2
import numpy as np
import numpy.typing as npt

from imaging.line_style import LineStyle

Gray = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float32]

_SIDE = 256  # px of the shorter side at which ridges and borders are found; all px below are of this size

_FLOOR = 16.0  # grey levels; keeps noise in black areas from becoming lines
_INK, _PAPER = 0.2, 0.8  # quotients of stroke and area that are black (or less) and white (or more)
_WIDEST_STROKE = 1 / 48  # of the shorter side, at least
_WIDEST_BLOT = 1 / 11
_BLACK = 0.55, 110  # a stroke is ink if its quotient, and its lightest channel, are below
_DARK = 80  # lightest channel of dark areas
_DRAWN = 0.35  # ink that needs no line drawn on it

_WIDEST_RIDGE = 9  # px
_RIDGE = 0.05, 0.14  # contrast of faint and of sure ridges
_BORDER = 5.0, 11.0  # levels of Lab per px, of faint and of sure borders
_AROUND = 5, 21  # px, inner and outer side of what is around
_BESIDE = 5  # px, beside a stroke: its own borders
_SHORTEST = 9  # px
_OUTLINED = 0.9  # share of the borders that lie on strokes; in such a picture, the others are shading


@dataclass(frozen=True)
class TracedLines:
    """The lines of one picture, to be drawn in several ways.

    Attributes:
        ink: (H, W) float32 in 0..1, dark strokes as they are.
        pieces: (h, w) int32, numbers from 1 of the pieces of lines 1 px wide, at a shorter side of _SIDE.
        strength: (n + 1,) float, by piece, 0..1; that of 0 is 0.
        style: like which they are drawn.
        seed: of variants.
    """

    ink: _Floats
    pieces: npt.NDArray[np.int32]
    strength: npt.NDArray[np.float64]
    style: LineStyle
    seed: int

    def draw(self, variant: int = 0) -> Gray:
        """Draws the lines.

        Args:
            variant: 0: as they were found; others: a little wider or narrower, fainter, with gaps, without some pieces.

        Returns:
            (H, W) uint8, dark lines on white; the same for the same variant.
        """
        rng = np.random.default_rng([self.seed, variant]) if variant else None
        darkness = np.where(self.strength > 0, self.style.faint + (1 - self.style.faint) * self.strength, 0)
        width = max(self.style.width * _SIDE, 0.6)
        if rng is not None:
            width *= rng.uniform(0.75, 1.35)
            darkness *= (self.strength > rng.uniform(0, 0.3)) * rng.uniform(0.7, 1, len(darkness))
        thin = darkness.astype(np.float32)[self.pieces]
        if rng is not None:
            thin *= _gaps(thin.shape, rng)
        drawn = _thick(thin, width, self.ink.shape)
        return np.asarray(np.rint(255 * (1 - np.maximum(drawn, self.ink))).astype(np.uint8))


def extract_lines(colour: npt.NDArray[np.uint8], style: LineStyle | None = None, variant: int = 0) -> Gray:
    """Draws the lines of a picture.

    Args:
        colour: (H, W, 3) uint8 RGB.
        style: of the lines; None: the usual one.
        variant: see `TracedLines.draw`.

    Returns:
        (H, W) uint8, dark lines on white.
    """
    return trace_lines(colour, style or LineStyle()).draw(variant)


def trace_lines(colour: npt.NDArray[np.uint8], style: LineStyle) -> TracedLines:
    """Finds the lines of a picture.

    Args:
        colour: (H, W, 3) uint8 RGB.
        style: like which they will be drawn.
    """
    ink = _ink(colour, style)
    small = _resized(colour, _SIDE / min(colour.shape[:2]))
    inked = np.asarray(cv2.resize(ink, small.shape[1::-1], interpolation=cv2.INTER_AREA))
    lab = cv2.bilateralFilter(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), 5, 30, 3)

    contrast = _contrast(lab[..., 0], max(_WIDEST_RIDGE, 2 * style.width * _SIDE))
    ridge = _crests(*_across(contrast), contrast, _RIDGE)
    strokes = (inked > _DRAWN).astype(np.uint8) * 255
    slope, angle = _slope(lab)
    border = _crests(np.cos(angle), np.sin(angle), slope, _BORDER)
    on_strokes = _grown(strokes | ridge, _BESIDE)
    beside = border & ~on_strokes
    outlined = 1 - np.count_nonzero(beside) / max(1, np.count_nonzero(border))
    if outlined > _OUTLINED:
        beside &= _grown(
            (small.max(2) < 60).astype(np.uint8) * 255, 3
        )  # a stroke that has become one with a black area
    strength = np.maximum((ridge > 0) * contrast / (2 * _RIDGE[1]), (beside > 0) * slope / (2 * _BORDER[1]))
    pieces, by_piece = _pieces(ridge | beside, strength, style.length * _SIDE)
    pieces[_grown((inked > _DRAWN).astype(np.uint8), 3) > 0] = 0  # these are drawn already
    return TracedLines(ink, pieces, by_piece, style, crc32(np.ascontiguousarray(colour).data))


def _ink(colour: npt.NDArray[np.uint8], style: LineStyle) -> _Floats:
    """Finds dark strokes and small dark areas: (H, W) in 0..1."""
    # the largest channel: a stroke is dark in all three channels, a saturated colour is not
    value = colour.max(2)
    side = min(value.shape)
    strokes = _darker(value, 1 + side * max(_WIDEST_STROKE, 3 * style.width), _BLACK[1])
    dark = (value < _DARK).astype(np.uint8)
    areas = cv2.morphologyEx(dark, cv2.MORPH_OPEN, _square(side * style.solid))
    areas = cv2.dilate(areas, _square(side * style.solid / 2)) & dark  # opening by a square cuts round borders off
    blots = _darker(value, side * max(_WIDEST_BLOT, style.solid), _DARK) * (1 - areas)
    return np.maximum(strokes, blots)


def _darker(value: Gray, width: float, darkest: int) -> _Floats:
    """Measures how much darker what is narrower than a width is than its surroundings: (H, W) in 0..1."""
    fill = cv2.morphologyEx(value, cv2.MORPH_CLOSE, _square(width))
    quotient = (value + np.float32(_FLOOR)) / (fill + np.float32(_FLOOR))
    black = ((quotient < _BLACK[0]) & (value < darkest)).astype(np.uint8)
    kept = cv2.dilate(black, _square(min(value.shape) / 64))
    return np.asarray(np.clip((_PAPER - quotient) / (_PAPER - _INK), 0, 1) * kept, dtype=np.float32)


def _contrast(lightness: Gray, width: float) -> _Floats:
    """Measures by what share a place is darker than both sides, (h, w)."""
    side = round(width) | 1
    area = cv2.morphologyEx(lightness, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    contrast = cv2.subtract(area, lightness) / (area + np.float32(_FLOOR))
    return _inhibited(cv2.GaussianBlur(contrast, (0, 0), 1), 0.4)


def _across(contrast: _Floats) -> tuple[_Floats, _Floats]:
    """Returns the direction across ridges, x and y."""
    dx, dy = cv2.Sobel(contrast, cv2.CV_32F, 1, 0), cv2.Sobel(contrast, cv2.CV_32F, 0, 1)
    _, angle = _direction(*(cv2.GaussianBlur(each, (0, 0), 1.5) for each in (dx * dx, dy * dy, dx * dy)))
    return np.cos(angle), np.sin(angle)


def _slope(lab: npt.NDArray[np.uint8]) -> tuple[_Floats, _Floats]:
    """Returns the steepest slope of the colour, levels per px, and its angle."""
    dx, dy = (cv2.Sobel(lab, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    slope, angle = _direction((dx * dx).sum(2), (dy * dy).sum(2), (dx * dy).sum(2))
    return _inhibited(slope, 0.8), angle


def _direction(xx: _Floats, yy: _Floats, xy: _Floats) -> tuple[_Floats, _Floats]:
    """Returns the root of the larger eigenvalue of structure tensors, and its direction."""
    difference, twice = xx - yy, 2 * xy
    larger = (xx + yy + cv2.magnitude(difference, twice)) / 2
    return np.sqrt(larger), np.arctan2(twice, difference) / 2


def _inhibited(strength: _Floats, share: float) -> _Floats:
    inner, outer = _AROUND
    sums = [cv2.boxFilter(strength, -1, (side, side), normalize=False) for side in (outer, inner)]
    around = (sums[0] - sums[1]) / (outer**2 - inner**2)
    return np.maximum(strength - share * around, 0)


def _crests(across: _Floats, down: _Floats, strength: _Floats, bounds: tuple[float, float]) -> Gray:
    unit = 4000 / bounds[1]
    dx, dy = ((np.minimum(strength * unit, 20000)) * each for each in (across, down))
    low, high = (bound * unit for bound in bounds)
    return np.asarray(cv2.Canny(dx.astype(np.int16), dy.astype(np.int16), low, high, L2gradient=True), dtype=np.uint8)


def _pieces(thin: Gray, strength: _Floats, longest: float) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Numbers connected pieces; drops short ones, and the weakest ones of more than a drawing has."""
    _, pieces = cv2.connectedComponents(thin, connectivity=8)
    length = np.bincount(pieces.ravel())
    mean = np.bincount(pieces.ravel(), strength.ravel()) / length
    mean[length < _SHORTEST] = 0
    mean[0] = 0
    order = np.argsort(-mean)
    mean[order[np.cumsum(length[order] * (mean[order] > 0)) > longest]] = 0
    return pieces, np.minimum(mean, 1)


def _thick(thin: _Floats, width: float, shape: tuple[int, int]) -> _Floats:
    """Draws lines of 1 px with a width, px, and brings them to a shape: (H, W) in 0..1."""
    sigma = 0.25 * width + 0.2
    profile = np.exp(-np.square(np.linspace(0, 6, 301)) / 2)
    gains = np.geomspace(0.1, 50, 200)
    widths = 2 * sigma * np.minimum(gains[:, None] * profile, 1).sum(1) * 6 / 300
    gain = float(np.interp(width, widths, gains)) * sigma * np.sqrt(2 * np.pi)
    darkness = cv2.blur(cv2.dilate(thin, np.ones((5, 5), np.uint8)), (3, 3))
    field = cv2.GaussianBlur((thin > 0).astype(np.float32), (0, 0), sigma)
    larger = shape[0] > thin.shape[0]
    if larger:
        field, darkness = (cv2.resize(each, shape[::-1], interpolation=cv2.INTER_CUBIC) for each in (field, darkness))
    drawn = np.clip(gain * field, 0, 1) * np.clip(darkness, 0, 1)
    return drawn if larger else np.asarray(cv2.resize(drawn, shape[::-1], interpolation=cv2.INTER_AREA))


def _gaps(shape: tuple[int, int], rng: np.random.Generator) -> _Floats:
    keep = np.ones(shape, np.float32)
    for _ in range(rng.integers(0, shape[0] * shape[1] // 1500)):
        x, y = (int(rng.integers(side)) for side in shape[::-1])
        cv2.circle(keep, (x, y), int(rng.integers(1, 4)), 0, -1)
    return keep


def _square(side: float) -> Gray:
    return np.ones((max(3, round(side) | 1),) * 2, np.uint8)


def _grown(mask: Gray, side: int) -> Gray:
    return np.asarray(cv2.dilate(mask, np.ones((side, side), np.uint8)))


def _resized(colour: npt.NDArray[np.uint8], scale: float) -> npt.NDArray[np.uint8]:
    if scale == 1:
        return colour
    size = [max(1, round(side * scale)) for side in colour.shape[1::-1]]
    return np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))
