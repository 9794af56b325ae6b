"""Draws portraits as arrays in the form that training and scoring take."""

import numpy as np

from demo.drawings import Domain, Drawing
from imaging.codec import decode
from imaging.ink import lineart_gray
from imaging.lineart import Normalization, normalize


def portrait(seed: int, domain: Domain, size: int) -> np.ndarray:
    """Draws a portrait as an array.

    Args:
        seed: seed of the drawing.
        domain: "A" for the lineart, "B" for the colour version.
        size: width and height in pixels.

    Returns:
        (size, size, 3) uint8, RGB, 0..255.
    """
    return np.array(decode(Drawing(seed).render(domain, size)))


def normalized_lineart(seed: int, size: int) -> np.ndarray:
    """Draws normalized lineart, as the network gets it from a dataset.

    Args:
        seed: seed of the drawing.
        size: width and height in pixels.

    Returns:
        (size, size) uint8, from 0 for ink to 255 for paper.
    """
    return normalize(lineart_gray(decode(Drawing(seed).render("A", size))), Normalization()).image
