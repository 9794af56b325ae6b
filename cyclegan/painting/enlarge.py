"""A small picture's colours, brought up to the size of the drawing they belong to, with its lines as borders.

A generator sees a drawing at its training size, where a line is a pixel wide or less. Enlarging its colours by
interpolation would smear each pixel over what was one side of a line and the other. Here they grow by a factor of
two at a time. At each size a pixel that a line runs through is not to be believed, and is filled from neighbours that
are, by paths that do not cross the line as it is at that size. All steps are local, so an open outline leaks no
further than its gap is wide.
"""

from collections.abc import Iterator

import cv2
import numpy as np

STEPS = 4  # pixels that colour travels at each size: a distrusted pixel twice enlarged, and one to smooth
KERNEL = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 8  # no corners: lines of one pixel hold
LEAK = 3.0  # small pixels beside a line in which a generator mixes what is on either side
LINE_TRUST = 0.3  # below it a small pixel counts as line
STRIP = 64  # rows worked on at once: what is in between stays in the cache
LITTLE = 1e-6  # the weight by which a pixel without a trusted neighbour keeps what it has
ROOT, DISTRUST = 1 / 3, 12  # a line that takes 1/30 of a pixel leaves it a hundredth of its weight
GRAIN = 0.95  # share of the paper's level that still is paper


def enlarge(paint: np.ndarray, gray: np.ndarray, ink: float, paper: float) -> np.ndarray:
    """uint8 (h, w, 3) colours of the drawing uint8 (H, W) to uint8 (H, W, 3).

    ink, paper: grey levels of the drawing's typical line and of its paper.
    """
    dark = cv2.LUT(gray, _darkness_table(ink, paper))
    coarse = _trust(_resize(dark, paint.shape))
    paint = _settle(paint, coarse)
    for size in _sizes(paint.shape, gray.shape):
        fine = _trust(_resize(dark, size))
        paint, coarse = _grow(paint, coarse, fine), fine
    return paint


def _settle(paint: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """The small colours (h, w, 3) with those beside lines, where a generator leaks, led by those further inside."""
    distance = cv2.distanceTransform((trust > LINE_TRUST).astype(np.uint8), cv2.DIST_L2, 3)
    weight = trust * np.clip(distance / LEAK, 0.1, 1) ** 4
    settled = _spread(paint.astype(np.float32), weight, trust, 2 * STEPS)
    own = weight[..., None]
    return np.rint(own * paint + (1 - own) * settled).astype(np.uint8)


def _sizes(start: tuple[int, ...], end: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Heights and widths from after `start` to `end`, no step more than about double."""
    ratio = np.array(end[:2]) / np.array(start[:2])
    steps = max(1, int(np.ceil(np.log2(ratio.max()) - 0.01)))
    for step in range(1, steps):
        height, width = np.rint(np.array(start[:2]) * ratio ** (step / steps)).astype(int)
        yield max(1, int(height)), max(1, int(width))
    yield int(end[0]), int(end[1])


def _darkness_table(ink: float, paper: float) -> np.ndarray:
    """(256,) uint8: from grey level to 0 for paper .. 255 for ink."""
    lightest = GRAIN * paper
    share = (lightest - np.arange(256)) / max(1.0, lightest - ink)
    return np.rint(255 * share.clip(0, 1)).astype(np.uint8)


def _trust(dark: np.ndarray) -> np.ndarray:
    """How far pixels, of mean darkness uint8, can be believed to be paper only: float32, 1 .. 0."""
    table = (1 - np.linspace(0, 1, 256) ** ROOT) ** DISTRUST
    return table.astype(np.float32)[dark]


def _resize(image: np.ndarray, size: tuple[int, ...], growing: int = cv2.INTER_LINEAR) -> np.ndarray:
    if image.shape[:2] == size[:2]:
        return image
    kind = growing if size[0] > image.shape[0] else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=kind))


def _grow(paint: np.ndarray, coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
    grown = _resize(paint, fine.shape, cv2.INTER_NEAREST_EXACT)
    believed = _resize(coarse, fine.shape, cv2.INTER_NEAREST_EXACT)
    height = fine.shape[0]
    out = np.empty_like(grown)
    for top in range(0, height, STRIP):
        bottom = min(height, top + STRIP)
        halo = slice(max(0, top - STEPS), min(height, bottom + STEPS))
        colour = _spread(grown[halo].astype(np.float32), believed[halo] * fine[halo], fine[halo], STEPS)
        out[top:bottom] = np.rint(colour[top - halo.start : bottom - halo.start])
    return out


def _spread(colour: np.ndarray, weight: np.ndarray, open_: np.ndarray, steps: int) -> np.ndarray:
    """Averages colour (H, W, 3) with its neighbours by weight (H, W); only where `open_` does it pass on."""
    planes = cv2.split(colour)  # far quicker than three channels and a weight that is broadcast to them
    for _ in range(steps):
        total = cv2.filter2D(weight, -1, KERNEL, borderType=cv2.BORDER_REPLICATE)
        share = np.reciprocal(total + np.float32(LITTLE))
        planes = [_average(plane, weight, share) for plane in planes]
        weight = open_ * np.maximum(weight, np.minimum(1.0, 4 * total))
    return np.asarray(cv2.merge(planes))


def _average(plane: np.ndarray, weight: np.ndarray, share: np.ndarray) -> np.ndarray:
    gathered = cv2.filter2D(cv2.multiply(plane, weight), -1, KERNEL, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.multiply(cv2.scaleAdd(plane, LITTLE, gathered), share))
