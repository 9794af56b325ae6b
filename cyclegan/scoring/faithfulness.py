"""Measures how faithful a coloured drawing is to its lineart: lines kept, colours inside regions, flat areas clean.

Lengths below are for a shortest side of 256 px; they are scaled to the size of each picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np

MEASURES = ("line_recall", "soft", "within", "noise")

LINE_CONTRAST = 0.1  # share by which a line is darker than the paint beside it
CREST = 0.7  # pixels with this share of the highest contrast around belong to a line; others are antialiasing
FADED = 25.0  # L* by which a kept line may be lighter than the input's
DARK_LINE = 60.0  # L* below which a line counts as kept even if the input's is black: it may be coloured
BLACK = 15.0  # L* of paint on which a black line cannot be seen
WHITE = 92.0  # L* above which lineart is paper
BLACK_HAT = 19  # px; wider strokes are areas, not lines
LINE_TOLERANCE = 2  # px that a kept line may have moved
EROSION = 2  # px between a line and the region core, room for antialiasing
MIN_REGION = 40  # px^2 of core; measures of smaller regions are unreliable
SOFT_SLOPE = (0.3, 4.0)  # Lab per px: steeper is an edge, flatter is flat, between is a leak
NOISE_FILTER = np.outer((1, -2, 1), (1, -2, 1)).astype(np.float32)  # Immerkaer 1996; blind to planes and ramps


@dataclass(frozen=True)
class Drawing:
    """The lines and regions of a drawing, with which any colouring of it is compared.

    Attributes:
        lines: (H, W) bool, pixels of lines.
        limit: (H, W) float32, the L* below which a kept line must be.
        cores: (H, W) int32, region number of a pixel well inside a region, 0 elsewhere.
        stroke: side, px, odd, of the window that separates this drawing's lines from its dark areas.
    """

    lines: np.ndarray
    limit: np.ndarray
    cores: np.ndarray
    stroke: int


def read_lineart(lab: np.ndarray) -> Drawing:
    """Finds lines and regions in lineart: dark strokes, and connected components of the paper between them.

    Args:
        lab: float32 (H, W, 3) CIE Lab.
    """
    light = np.ascontiguousarray(lab[..., 0])
    stroke = _stroke(light)
    limit = np.maximum(DARK_LINE, cv2.erode(light, np.ones((3, 3), np.uint8)) + FADED)
    paper = (light > WHITE).astype(np.uint8)
    # labelled before eroding, so that a narrow passage still joins two halves of a region
    cores = cv2.connectedComponents(paper, connectivity=4)[1] * _erode(paper)
    contrast = _contrast(light, stroke)
    crest = contrast >= CREST * cv2.dilate(contrast, np.ones((3, 3), np.uint8))
    return Drawing((contrast > LINE_CONTRAST) & crest, limit, _large(cores), stroke)


def read_picture(lab: np.ndarray) -> Drawing:
    """Finds lines and regions in a finished colour picture, as the baseline for domain B.

    Args:
        lab: float32 (H, W, 3) CIE Lab.
    """
    light = np.ascontiguousarray(lab[..., 0])
    stroke = _stroke(light)
    lines = _contrast(light, stroke) > LINE_CONTRAST
    # labelled after eroding, which closes the gaps in such lines
    cores = cv2.connectedComponents(_erode((~lines).astype(np.uint8)), connectivity=4)[1]
    return Drawing(lines, np.full_like(light, 100.0), _large(cores), stroke)


def measure(drawing: Drawing, lab: np.ndarray) -> tuple[float, float, float, float]:
    """Measures one coloured picture.

    Args:
        drawing: the lines and regions to compare with.
        lab: float32 (H, W, 3) CIE Lab of the coloured picture, of the drawing's size.

    Returns:
        Four numbers in the order of MEASURES. line_recall: share of the drawing's line pixels with a dark enough line
        within the tolerance, 0..1. soft: share of region-core pixels on a soft chroma ramp, 0..1 (bleeding). within:
        standard deviation of the chroma inside a region, in Lab units (colours that ignore the lines). noise: mean
        response of a 3x3 noise filter to L* in region cores (checkerboards, hidden signals).
    """
    light = np.ascontiguousarray(lab[..., 0])
    core = drawing.cores > 0
    count = max(1, int(core.sum()))
    noise = np.abs(cv2.filter2D(light, -1, NOISE_FILTER, borderType=cv2.BORDER_REFLECT))
    return (
        _recall(drawing, light),
        float((_is_soft(lab) & core).sum() / count),
        _within_regions(drawing.cores, lab),
        float((noise * core).sum() / count),
    )


def _scale(shape: tuple[int, ...]) -> float:
    return min(shape[:2]) / 256.0


def _disc(radius: float) -> np.ndarray:
    r = round(radius)
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1))


def _contrast(light: np.ndarray, size: int) -> np.ndarray:
    """Returns the share by which each pixel is darker than the paint around it, for strokes narrower than `size` px."""
    paint = cv2.morphologyEx(light, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    return (paint - light) / np.maximum(paint, 1.0)


def _stroke(light: np.ndarray) -> int:
    """Returns a window just wide enough for the drawing's typical line, so that narrow dark areas are not lines."""
    widest = max(5, 2 * round(BLACK_HAT * _scale(light.shape) / 2) + 1)
    lines = _contrast(light, widest) > LINE_CONTRAST
    if not lines.any():
        return widest
    # in a stripe of width w, the mean distance to its outside is close to (w + 2) / 4
    width = 4.0 * cv2.distanceTransform(lines.astype(np.uint8), cv2.DIST_L2, 3)[lines].mean() - 2.0
    return int(min(widest, max(5, 2 * round(width) + 1)))


def _erode(mask: np.ndarray) -> np.ndarray:
    return cv2.erode(mask, _disc(max(1.0, EROSION * _scale(mask.shape))), borderValue=1)


def _large(cores: np.ndarray) -> np.ndarray:
    area = np.bincount(cores.ravel())
    return np.where(area[cores] >= max(4.0, MIN_REGION * _scale(cores.shape) ** 2), cores, 0)


def _recall(drawing: Drawing, light: np.ndarray) -> float:
    if not drawing.lines.any():
        return 1.0
    visible = (_contrast(light, drawing.stroke) > LINE_CONTRAST) & (light < drawing.limit)
    kept = (visible | (light < BLACK)).astype(np.uint8)
    near = cv2.dilate(kept, _disc(LINE_TOLERANCE * _scale(light.shape)))
    return float(near[drawing.lines].mean())


def _is_soft(lab: np.ndarray) -> np.ndarray:
    chroma = np.ascontiguousarray(lab[..., 1:])
    dx = cv2.Sobel(chroma, -1, 1, 0, ksize=1, scale=0.5)
    dy = cv2.Sobel(chroma, -1, 0, 1, ksize=1, scale=0.5)
    slope = np.sqrt((dx * dx + dy * dy).sum(axis=2)) * _scale(lab.shape)
    return (slope > SOFT_SLOPE[0]) & (slope < SOFT_SLOPE[1])


def _within_regions(cores: np.ndarray, lab: np.ndarray) -> float:
    """Returns the area-weighted mean over regions of the standard deviation of the chroma."""
    labels = cores.ravel()
    area = np.bincount(labels)
    area[0] = 0  # pixels outside every core
    if not area.any():
        return 0.0
    variance = np.zeros(len(area))
    for channel in (1, 2):
        value = lab[..., channel].ravel()
        mean = np.bincount(labels, value) / np.maximum(area, 1)
        variance += np.bincount(labels, (value - mean[labels]) ** 2) / np.maximum(area, 1)
    return float((np.sqrt(variance) * area).sum() / area.sum())
