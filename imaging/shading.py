"""Takes the shading off a colour picture: where its shadows are, and how it looks in full light.

In a picture that is shaded, a segment has two tones of one colour: a lit one and a dark one. The two are found by
two-means of the lightness; the mask of shadows is 0 where a pixel has the lit tone, and 1 where it has the dark one.
Of a segment with several colours, of texture, and of the ground nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from imaging.colour import to_lab
from imaging.segments import Segments, find_segments

_PAPER = 230  # grey level of the lines; darker pixels have the colour of a line, too
_INSIDE = 1.2  # px from a line, where no pixel is mixed with it
_APART = 5.0  # L*; tones that differ less are one
_LIT = 0.2  # share of a segment that is lit at least; a smaller light tone is a highlight
_DARK = 0.03  # share that is in shadow at least; less is what is left of a line
_DARKEST = 0.4  # luminance of a shadow over that of the lit tone
_TINTED = 1.6  # ratio of the channels' factors in a shadow; more is another colour
_FEWEST = 24  # pixels of a segment in which tones are told apart
_GRAIN = 0.3  # share of the mask that a median of 3 px changes; more is texture
_ROUNDS = 8  # of two-means
_UNDER_LINES = 7  # px, over which a mask goes on under lines
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int32]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Shading:
    """The shading of a picture.

    Attributes:
        mask: (H, W) uint8, from 0 in full light to 255 in shadow.
        known: (H, W) bool, where it is known; not on lines.
        lit: (H, W, 3) uint8, the picture in full light; the picture itself where no shadow is known.
    """

    mask: Pixels
    known: Mask
    lit: Pixels


@dataclass(frozen=True)
class _Tones:
    """The two tones of n segments.

    Attributes:
        lit: (n, 3) mean colours of the lighter pixels, 0..255.
        tints: (n, 3) in [0, 1], those of the darker pixels over `lit`.
        shaded: (n,), whether the two are light and shadow.
        flat: (n,), whether the two are one.
    """

    lit: Floats
    tints: Floats
    shaded: Mask
    flat: Mask


def find_shading(picture: Pixels, lines: Pixels) -> Shading:
    """Finds the shading of a picture.

    Args:
        picture: (H, W, 3) uint8 RGB.
        lines: (H, W) uint8, its lines on white.
    """
    segments = find_segments(lines)
    labels, count = segments.labels, segments.count
    depth = cv2.resize(segments.depth, lines.shape[::-1], interpolation=cv2.INTER_LINEAR)
    paper = (lines >= _PAPER) & (depth >= _INSIDE)
    inside, colours = labels[paper], picture[paper].astype(np.float32)
    tones = _tones(colours, to_lab(picture)[..., 0][paper], inside, count)
    shaded = tones.shaded & ~_ground(labels, count)
    mask = np.zeros(paper.shape, np.float32)
    mask[paper] = _shadow(colours, inside, tones) * shaded[inside]
    shaded &= ~_textured(mask, paper, inside, count)
    mask = _under_lines(mask, paper) * shaded[labels]
    light = 1 - mask[..., None] * (1 - tones.tints[labels])
    lit = np.rint(np.clip(picture / light, 0, 255)).astype(np.uint8)
    known = shaded | (tones.flat & ~_beside_lighter(segments, tones))
    return Shading(np.rint(mask * 255).astype(np.uint8), paper & known[labels], lit)


def _tones(colours: Floats, light: Floats, inside: Numbers, count: int) -> _Tones:
    """Finds the tones of segments.

    Args:
        colours: (p, 3), of the pixels.
        light: (p,), their L*.
        inside: (p,), their segments.
        count: number of segments.
    """
    dark = _dark(light, inside, count)
    lit, low = (_means(colours[chosen], inside[chosen], count) for chosen in (~dark, dark))
    pixels = np.bincount(inside, minlength=count)
    share = np.bincount(inside[dark], minlength=count) / np.maximum(pixels, 1)
    flat = (_lightness(lit) - _lightness(low) < _APART) | (share < _DARK) | (1 - share < _LIT)
    tints = np.clip((low + 1) / (lit + 1), 0, 1).astype(np.float32)
    return _Tones(lit, tints, ~flat & _is_shadow(tints) & (pixels >= _FEWEST), flat)


def _dark(light: Floats, inside: Numbers, count: int) -> Mask:
    """Tells which pixels have the darker of their segment's two tones, by two-means."""
    pixels, total = np.bincount(inside, minlength=count), np.bincount(inside, light, count)
    centre = (total / np.maximum(pixels, 1)).astype(np.float32)
    for _ in range(_ROUNDS):
        dark = light < centre[inside]
        number, low = np.bincount(inside, dark, count), np.bincount(inside, light * dark, count)
        centre = 0.5 * (low / np.maximum(number, 1) + (total - low) / np.maximum(pixels - number, 1))
        centre = centre.astype(np.float32)
    return np.asarray(light < centre[inside])


def _means(values: Floats, inside: Numbers, count: int) -> Floats:
    """Returns the means (count, c) of values (p, c) over segments."""
    pixels = np.maximum(np.bincount(inside, minlength=count), 1)
    return np.stack([np.bincount(inside, each, count) / pixels for each in values.T], 1).astype(np.float32)


def _lightness(colours: Floats) -> Floats:
    return np.asarray(to_lab(np.rint(colours).astype(np.uint8)[None])[0, :, 0], dtype=np.float32)


def _is_shadow(tints: Floats) -> Mask:
    """Tells whether a colour, multiplied by tints (n, 3), is the same in shadow."""
    return np.asarray((tints @ _LUMA >= _DARKEST) & (tints.max(1) <= _TINTED * tints.min(1)))


def _shadow(colours: Floats, inside: Numbers, tones: _Tones) -> Floats:
    """Returns how deep pixels (p, 3) are in shadow, (p,) in [0, 1]."""
    lit = np.maximum(tones.lit @ _LUMA, 1)
    drop = np.maximum(1 - tones.tints @ _LUMA, 1e-3)
    return np.asarray(np.clip((1 - colours @ _LUMA / lit[inside]) / drop[inside], 0, 1), dtype=np.float32)


def _ground(labels: Numbers, count: int) -> Mask:
    """Tells which segments reach two sides of the picture: its ground, whose tones are none of a figure's."""
    sides = [np.bincount(side, minlength=count) > 0 for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1])]
    return np.asarray(np.sum(sides, axis=0) >= 2)


def _textured(mask: Floats, paper: Mask, inside: Numbers, count: int) -> Mask:
    grain = np.abs(mask - cv2.medianBlur(mask, 3))[paper]
    return np.asarray(np.bincount(inside, grain, count) > _GRAIN * np.bincount(inside, mask[paper], count))


def _beside_lighter(segments: Segments, tones: _Tones) -> Mask:
    """Tells which segments touch one of which they may be the shadow."""
    one, other = segments.borders()[0].T.astype(np.int64)
    pairs = np.unique(one * segments.count + other)  # of single numbers, it takes a tenth of the time of rows
    one, other = np.divmod(pairs, segments.count)
    here, there = np.concatenate([one, other]), np.concatenate([other, one])
    light = _lightness(tones.lit)
    tints = np.clip((tones.lit[here] + 1) / (tones.lit[there] + 1), 0, 1)
    darker = (light[there] - light[here] >= _APART) & _is_shadow(tints)
    return np.bincount(here[darker], minlength=segments.count) > 0


def _under_lines(mask: Floats, paper: Mask) -> Floats:
    """Continues a mask under the lines."""
    side = (_UNDER_LINES, _UNDER_LINES)
    near = cv2.blur(mask, side) / np.maximum(cv2.blur(paper.astype(np.float32), side), 1e-3)
    return np.asarray(np.where(paper, mask, near), dtype=np.float32)
