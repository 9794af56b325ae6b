"""Finds where lines belong in a colour picture: crests of darkness (ridges) and of change of colour (borders).

Contrast around a place inhibits it (Grigorescu et al. 2003), so that texture gives no lines. The contrast of that side
counts where it is less: a figure keeps its outline before foliage.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
_AnyFloats = npt.NDArray[Any]

# all in pixels of a picture whose shorter side is about 256 px
_WIDEST_RIDGE = 9
_RIDGE = 0.05, 0.14  # contrast of faint and of sure ridges
_BORDER = 5.0, 11.0  # levels of Lab per px, of faint and of sure borders
_BLURS = (0.7, 1.0), (0.3, 2.5)  # shares and px
_INHIBITION = 1.2, 1.8  # shares of what is around that a ridge and a border must exceed
_AROUND, _REACH = 13, 19  # beyond the broadest stroke, there is nothing of it around
_FLOOR = 16.0  # levels; keeps noise in black areas from becoming ridges
_UNIT = 4000  # of a sure crest, for an algorithm in whole numbers
_MOST = 20_000


def find_ridges(lightness: Gray, width: float) -> tuple[Gray, Floats, Gray]:
    """Finds strokes that are darker than both sides.

    Args:
        lightness: (h, w) uint8.
        width: of the strokes, px.

    Returns:
        (h, w) uint8, 255 on lines of 1 px along the strokes; (h, w) float32, how sure they are: 1 is plain; (h, w)
        uint8, 255 on the strokes.
    """
    element = np.ones((max(_WIDEST_RIDGE, round(2 * width) | 1),) * 2, np.uint8)
    area = np.asarray(cv2.morphologyEx(lightness, cv2.MORPH_CLOSE, element))
    contrast = (area - lightness) / (area + np.float32(_FLOOR))
    # the wider blur gives broad strokes a crest in their middle
    blurred = [share * cv2.GaussianBlur(contrast, (0, 0), sigma) for share, sigma in _BLURS]
    contrast = np.asarray(np.sum(blurred, axis=0, dtype=np.float32))
    contrast = _inhibited(contrast, _INHIBITION[0])
    dx, dy = cv2.Sobel(contrast, cv2.CV_32F, 1, 0), cv2.Sobel(contrast, cv2.CV_32F, 0, 1)
    _, angle = _direction(*(cv2.GaussianBlur(each, (0, 0), 1.5) for each in (dx * dx, dy * dy, dx * dy)))
    ridges, strength = _crests(contrast, angle, _RIDGE)
    near = np.asarray(cv2.dilate(ridges, element), dtype=np.uint8)
    return ridges, strength, near & np.where(contrast > _RIDGE[1], 255, 0).astype(np.uint8)


def find_borders(lab: npt.NDArray[np.uint8]) -> tuple[Gray, Floats]:
    """Finds where the colour changes most, by the structure tensor of all three channels (Di Zenzo 1986).

    Args:
        lab: (h, w, 3) uint8, CIE Lab, smoothed.

    Returns:
        Lines and how sure they are, as of `find_ridges`.
    """
    dx, dy = (np.asarray(cv2.Sobel(lab, cv2.CV_32F, *order, scale=1 / 8)) for order in ((1, 0), (0, 1)))
    total = np.ones((1, 3), np.float32)  # numpy's sum over the last axis takes ten times as long
    slope, angle = _direction(*(cv2.transform(each, total) for each in (dx * dx, dy * dy, dx * dy)))
    return _crests(_inhibited(slope, _INHIBITION[1]), angle, _BORDER)


def _direction(xx: _AnyFloats, yy: _AnyFloats, xy: _AnyFloats) -> tuple[_AnyFloats, _AnyFloats]:
    """Returns the root of the larger eigenvalue of structure tensors, and its direction."""
    difference, twice = xx - yy, 2 * xy
    larger = (xx + yy + cv2.magnitude(difference, twice)) / 2
    return np.sqrt(larger), np.arctan2(twice, difference) / 2


def _inhibited(strength: _AnyFloats, share: float) -> _AnyFloats:
    """Takes from a strength a share of what is around, on that side where it is less."""
    around = cv2.erode(cv2.blur(strength, (_AROUND, _AROUND)), np.ones((_REACH, _REACH), np.uint8))
    return np.asarray(np.maximum(strength - share * around, 0))


def _crests(strength: _AnyFloats, angle: _AnyFloats, bounds: tuple[float, float]) -> tuple[Gray, Floats]:
    """Thins a strength to its crests across an angle, with hysteresis (Canny 1986)."""
    faint, sure = bounds
    relative = strength / np.float32(sure)
    scaled = np.minimum(_UNIT * relative, _MOST)
    across, down = ((scaled * part).astype(np.int16) for part in (np.cos(angle), np.sin(angle)))
    crests = cv2.Canny(across, down, _UNIT * faint / sure, _UNIT, L2gradient=True)
    return np.asarray(crests, dtype=np.uint8), np.asarray(relative / 2, dtype=np.float32)
