"""Portraits as arrays, the way training and measuring take them."""

import numpy as np

from demo.drawings import Domain, Drawing
from imaging.codec import decode
from imaging.lineart import Normalization, lineart_gray, normalize


def portrait(seed: int, domain: Domain, size: int) -> np.ndarray:
    """uint8 (size, size, 3) RGB, 0..255."""
    return np.array(decode(Drawing(seed).render(domain, size)))


def normalized_lineart(seed: int, size: int) -> np.ndarray:
    """uint8 (size, size), 0 = ink, as a dataset's lineart reaches the network."""
    return normalize(lineart_gray(decode(Drawing(seed).render("A", size))), Normalization()).image
