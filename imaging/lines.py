"""Lines taken out of a colour picture, so that domain B alone can teach a first idea of colouring.

A flat-coloured drawing is nearly its colour layer times its lines. A morphological closing removes dark strokes
narrower than its element and so estimates the colour layer; the quotient is the lines. No image of domain A is
paired with one of B by this: the model stays unpaired.
"""

from __future__ import annotations

import cv2
import numpy as np

_STROKE = 1 / 11  # widest stroke, of the shorter side
_FLOOR = 16.0  # grey levels; keeps noise in black areas from becoming lines
_INK, _PAPER = 0.2, 0.8  # quotients that become black and white


def extract_lines(colour: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB → (H, W) uint8, dark lines on white."""
    # the largest channel: a stroke is dark in all three, a saturated colour is not
    value = colour.max(2).astype(np.float32)
    side = max(3, round(min(value.shape) * _STROKE) | 1)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    fill = cv2.morphologyEx(value, cv2.MORPH_CLOSE, element)
    quotient = (value + _FLOOR) / (fill + _FLOOR)
    shares = np.clip((quotient - _INK) / (_PAPER - _INK), 0, 1)
    return np.asarray(np.round(255 * shares).astype(np.uint8))
