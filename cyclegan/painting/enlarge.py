"""Enlarges the colours of a small picture to the size of its drawing, with the drawing's lines as borders.

A generator sees a drawing at its training size, where a line is a pixel wide or less. Interpolation would smear the
colours across the lines. Instead, the colours are enlarged by a factor of two at a time. At each size, the colour of a
pixel that contains part of a line has low trust; it is replaced by colours of trusted neighbours, along paths that do
not cross the line at that size. All steps are local: through a gap in an outline, colour leaks no further than the gap
is wide.
"""

from collections.abc import Iterator

import cv2
import numpy as np

# pixels by which colour spreads at each size: across an untrusted pixel that was doubled twice, plus smoothing
STEPS = 4
# without corners, so that a line one pixel wide is a barrier
KERNEL = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 8
LEAK = 3.0  # px of the small picture beside a line, in which a generator mixes the colours of both sides
LINE_TRUST = 0.3  # a pixel of the small picture with less trust counts as line
STRIP = 64  # rows processed at once, so that intermediate results stay in the CPU cache
LITTLE = 1e-6  # weight with which a pixel without a trusted neighbour keeps its colour
ROOT, DISTRUST = 1 / 3, 12  # a pixel of which a line covers 1/30 keeps a hundredth of its weight
GRAIN = 0.95  # a pixel lighter than this share of the paper's level is paper


def enlarge(paint: np.ndarray, gray: np.ndarray, ink: float, paper: float) -> np.ndarray:
    """Enlarges the colours of a drawing.

    Args:
        paint: uint8 (h, w, 3), the colours, at the painter's size.
        gray: uint8 (H, W), the drawing at its own size.
        ink: grey level of the drawing's typical line.
        paper: grey level of its paper.

    Returns:
        uint8 (H, W, 3).
    """
    dark = cv2.LUT(gray, _darkness_table(ink, paper))
    coarse = _trust(_resize(dark, paint.shape))
    paint = _clean_near_lines(paint, coarse)
    for size in _sizes(paint.shape, gray.shape):
        fine = _trust(_resize(dark, size))
        paint, coarse = _enlarge_step(paint, coarse, fine), fine
    return paint


def _clean_near_lines(paint: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Replaces colours (h, w, 3) beside lines, where a generator leaks, by colours from further inside the region."""
    distance = cv2.distanceTransform((trust > LINE_TRUST).astype(np.uint8), cv2.DIST_L2, 3)
    weight = trust * np.clip(distance / LEAK, 0.1, 1) ** 4
    spread = _spread(paint.astype(np.float32), weight, trust, 2 * STEPS)
    own = weight[..., None]
    return np.rint(own * paint + (1 - own) * spread).astype(np.uint8)


def _sizes(start: tuple[int, ...], end: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Yields heights and widths after `start` up to `end`; each is at most about double the one before."""
    ratio = np.array(end[:2]) / np.array(start[:2])
    steps = max(1, int(np.ceil(np.log2(ratio.max()) - 0.01)))
    for step in range(1, steps):
        height, width = np.rint(np.array(start[:2]) * ratio ** (step / steps)).astype(int)
        yield max(1, int(height)), max(1, int(width))
    yield int(end[0]), int(end[1])


def _darkness_table(ink: float, paper: float) -> np.ndarray:
    """Returns a table (256,) uint8 from grey level to darkness: 0 for paper .. 255 for ink."""
    lightest = GRAIN * paper
    share = (lightest - np.arange(256)) / max(1.0, lightest - ink)
    return np.rint(255 * share.clip(0, 1)).astype(np.uint8)


def _trust(dark: np.ndarray) -> np.ndarray:
    """Returns the trust in each pixel, float32, from its mean darkness, uint8: 1 for paper only .. 0 for line."""
    table = (1 - np.linspace(0, 1, 256) ** ROOT) ** DISTRUST
    return table.astype(np.float32)[dark]


def _resize(image: np.ndarray, size: tuple[int, ...], growing: int = cv2.INTER_LINEAR) -> np.ndarray:
    if image.shape[:2] == size[:2]:
        return image
    kind = growing if size[0] > image.shape[0] else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=kind))


def _enlarge_step(paint: np.ndarray, coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
    grown = _resize(paint, fine.shape, cv2.INTER_NEAREST_EXACT)
    coarse_trust = _resize(coarse, fine.shape, cv2.INTER_NEAREST_EXACT)
    height = fine.shape[0]
    out = np.empty_like(grown)
    for top in range(0, height, STRIP):
        bottom = min(height, top + STRIP)
        halo = slice(max(0, top - STEPS), min(height, bottom + STEPS))
        colour = _spread(grown[halo].astype(np.float32), coarse_trust[halo] * fine[halo], fine[halo], STEPS)
        out[top:bottom] = np.rint(colour[top - halo.start : bottom - halo.start])
    return out


def _spread(colour: np.ndarray, weight: np.ndarray, open_: np.ndarray, steps: int) -> np.ndarray:
    """Averages colour (H, W, 3) with its neighbours by weight (H, W); colour spreads on only where `open_` is high."""
    planes = cv2.split(colour)  # far faster than three channels with a broadcast weight
    for _ in range(steps):
        total = cv2.filter2D(weight, -1, KERNEL, borderType=cv2.BORDER_REPLICATE)
        share = np.reciprocal(total + np.float32(LITTLE))
        planes = [_average(plane, weight, share) for plane in planes]
        weight = open_ * np.maximum(weight, np.minimum(1.0, 4 * total))
    return np.asarray(cv2.merge(planes))


def _average(plane: np.ndarray, weight: np.ndarray, share: np.ndarray) -> np.ndarray:
    gathered = cv2.filter2D(cv2.multiply(plane, weight), -1, KERNEL, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.multiply(cv2.scaleAdd(plane, LITTLE, gathered), share))
