"""Draws the lines of any colour picture; lines and picture are a pseudo-pair, on which a painter can warm up.

Three things are lines. *Ink*: dark strokes, which are drawn as they are. *Ridges*: strokes of any colour that are
darker than both sides. *Borders*: where two colours meet without a stroke. Ridges and borders are drawn as lines like
those of domain A (lineart). No image of domain A is paired with one of domain B (colour): training stays unpaired.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import cv2
import numpy as np
import numpy.typing as npt

from imaging.crests import find_borders, find_ridges
from imaging.line_style import LineStyle

Gray = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float32]

_SIDE = 256  # px of the shorter side at which ridges and borders are found; all px below are of this size

_FLOOR = 16.0  # grey levels; keeps noise in black areas from becoming lines
_INK, _PAPER = 0.2, 0.8  # quotients of stroke and area that are black (or less) and white (or more)
_WIDEST_STROKE = 1 / 48  # of the shorter side, at least
_WIDEST_BLOT = 1 / 11
_INKED = 0.55  # quotient below which it is ink
_BLACK = 110  # level of the lightest channel below which a stroke is ink
_DARK = 80  # lightest channel of dark areas
_NEAR = 1 / 6  # of the shorter side
_LEAST_GROUND = 0.1  # share of what is near
_BLACK_GROUND = 40  # level; strokes are seen on lighter ground
_ON_DARK = 0.6  # ink is so much darker than dark ground
_USUAL_INK, _MOST_DARKENED = 0.8, 2.5  # mean of black strokes, weighted by itself; what paler ones are multiplied by
_DRAWN = 0.35  # ink that needs no line drawn on it

_BESIDE = 5  # px, beside a stroke: its own borders
_SHORTEST, _SHORT = 9, 28  # px
_AMONG, _CROWDED, _STRONG = 41, 0.011, 0.9  # weak short pieces are texture where so many px around are of short pieces
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
    inked = np.asarray(cv2.resize(ink, small.shape[1::-1], interpolation=cv2.INTER_AREA)) > _DRAWN
    strokes = inked.astype(np.uint8) * 255
    lab = np.asarray(cv2.bilateralFilter(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), 5, 30, 3), dtype=np.uint8)
    ridges, darker, stroked = find_ridges(np.ascontiguousarray(lab[..., 0]), style.width * _SIDE)
    borders, steeper = find_borders(lab)
    beside = borders & ~(_grown(strokes | ridges, _BESIDE) | _grown(stroked, 3))  # a stroke has a border on either side
    if np.count_nonzero(beside) < (1 - _OUTLINED) * np.count_nonzero(borders):
        black = (_lightest_channel(small) < _DARK).astype(np.uint8) * 255
        beside &= _grown(black, _BESIDE)  # where outlines are one with black areas, there are borders alone
    pieces, strength = _pieces(
        ridges | beside,
        np.maximum((ridges > 0) * darker, (beside > 0) * steeper),
        2 * style.length * inked.size / _SIDE,
    )
    pieces[_grown(strokes, 3) > 0] = 0
    return TracedLines(ink, pieces, strength, style, crc32(np.ascontiguousarray(colour).data))


def _ink(colour: npt.NDArray[np.uint8], style: LineStyle) -> _Floats:
    """Finds dark strokes and small dark areas: (H, W) in 0..1."""
    # the largest channel: a stroke is dark in all three channels, a saturated colour is not
    value = _lightest_channel(colour)
    side = min(value.shape)
    ground = _dark_ground(value, side * style.solid)
    lightest = np.where(ground > _BLACK_GROUND, np.minimum(_ON_DARK * ground, _BLACK), np.float32(_BLACK))
    strokes = _darker(value, 1 + side * max(_WIDEST_STROKE, 3 * style.width), lightest)
    dark = (value < _DARK).astype(np.uint8)
    areas = np.asarray(cv2.morphologyEx(dark, cv2.MORPH_OPEN, _square(side * style.solid)), dtype=np.uint8)
    areas = dark & _grown(areas, side * style.solid / 2)  # opening by a square cuts round borders off
    blots = _darker(value, side * max(_WIDEST_BLOT, style.solid), np.minimum(_ON_DARK * ground, _DARK)) * (1 - areas)
    return _evenly_dark(np.maximum(strokes, blots))


def _dark_ground(value: Gray, width: float) -> _Floats:
    """Returns the mean level of wide dark areas nearby, (H, W), 255 without: they show between what is lighter, too."""
    side = 1 + round(min(value.shape) * _NEAR)
    areas = cv2.morphologyEx((value < _BLACK).astype(np.uint8), cv2.MORPH_OPEN, _square(width)).astype(np.float32)
    share = cv2.blur(areas, (side, side))
    ground = cv2.blur(areas * value, (side, side)) / np.maximum(share, np.float32(1e-6))
    return np.where(share > _LEAST_GROUND, ground, np.float32(255))


def _evenly_dark(ink: _Floats) -> _Floats:
    """Darkens pale strokes, such as those in coloured ink; the neighbours of a stroke are darkened like it."""
    small = cv2.resize(ink, (64, 64), interpolation=cv2.INTER_AREA)
    squares = cv2.resize(ink * ink, (64, 64), interpolation=cv2.INTER_AREA)
    mean = cv2.GaussianBlur(squares, (0, 0), 4) / (cv2.GaussianBlur(small, (0, 0), 4) + 1e-6)
    gain = np.clip(_USUAL_INK / np.maximum(mean, 1e-3), 1, _MOST_DARKENED)
    return np.asarray(np.minimum(ink * cv2.resize(gain, ink.shape[::-1]), 1), dtype=np.float32)


def _darker(value: Gray, width: float, lightest: _Floats) -> _Floats:
    """Measures how much darker what is narrower than a width is than its surroundings: (H, W) in 0..1."""
    fill = cv2.morphologyEx(value, cv2.MORPH_CLOSE, _square(width))
    quotient = (value + np.float32(_FLOOR)) / (fill + np.float32(_FLOOR))
    black = ((quotient < _INKED) & (value < lightest)).astype(np.uint8)
    # a pixel beside black is part of it as far as it is darker than what is next to it, such as dark skin
    around = _grown(value, 1 + min(value.shape) / 64)
    beside = (value + np.float32(_FLOOR)) / (around + np.float32(_FLOOR))
    darker = np.where(black > 0, quotient, np.maximum(quotient, beside))
    kept = _grown(black, min(value.shape) / 64)
    return np.asarray(np.clip((_PAPER - darker) / (_PAPER - _INK), 0, 1) * kept, dtype=np.float32)


def _pieces(thin: Gray, strength: _Floats, longest: float) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Numbers connected pieces; drops short ones, texture, and the weakest ones of more than a drawing has."""
    pieces = np.asarray(cv2.connectedComponents(thin, connectivity=8)[1], dtype=np.int32)
    at = np.flatnonzero(thin)
    numbers = pieces.ravel()[at]
    length = np.maximum(np.bincount(numbers, minlength=1), 1)
    mean = np.bincount(numbers, strength.ravel()[at], minlength=1) / length
    short = length < _SHORT
    crowd = cv2.blur((short & (length >= _SHORTEST))[pieces].astype(np.float32), (_AMONG, _AMONG))
    crowded = np.bincount(numbers, crowd.ravel()[at], minlength=1) / length > _CROWDED
    mean[(length < _SHORTEST) | (short & crowded & (mean < _STRONG))] = 0
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


def _lightest_channel(colour: npt.NDArray[np.uint8]) -> Gray:
    red, green, blue = cv2.split(colour)
    return np.asarray(cv2.max(cv2.max(red, green), blue), dtype=np.uint8)


def _square(side: float) -> Gray:
    return np.ones((max(3, round(side) | 1),) * 2, np.uint8)


def _grown(mask: Gray, side: float) -> Gray:
    return np.asarray(cv2.dilate(mask, _square(side)), dtype=np.uint8)


def _resized(colour: npt.NDArray[np.uint8], scale: float) -> npt.NDArray[np.uint8]:
    if scale == 1:
        return colour
    size = [max(1, round(side * scale)) for side in colour.shape[1::-1]]
    return np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))
