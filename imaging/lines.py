"""Extracts the lines of a colour picture; lines and picture are a pseudo-pair, on which a painter can warm up.

A flat-coloured drawing is nearly its colour layer times its lines. A morphological closing removes dark strokes
narrower than its element and so estimates the colour layer; the quotient is the lines. This pairs no image of domain A
(lineart) with one of domain B (colour), so the training stays unpaired.
"""

from __future__ import annotations

import cv2
import numpy as np

_STROKE = 1 / 11  # widest stroke, as a share of the shorter side
_FLOOR = 16.0  # grey levels; keeps noise in black areas from becoming lines
_INK, _PAPER = 0.2, 0.8  # quotients that become black (or less) and white (or more)


def extract_lines(colour: np.ndarray) -> np.ndarray:
    """Extracts the dark lines of a picture.

    Args:
        colour: (H, W, 3) uint8 RGB.

    Returns:
        (H, W) uint8, dark lines on white.
    """
    # the largest channel: a stroke is dark in all three channels, a saturated colour is not
    value = colour.max(2).astype(np.float32)
    side = max(3, round(min(value.shape) * _STROKE) | 1)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    fill = cv2.morphologyEx(value, cv2.MORPH_CLOSE, element)
    quotient = (value + _FLOOR) / (fill + _FLOOR)
    shares = np.clip((quotient - _INK) / (_PAPER - _INK), 0, 1)
    return np.asarray(np.round(255 * shares).astype(np.uint8))
