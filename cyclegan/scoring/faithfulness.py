"""Does a coloured drawing still obey its lineart? Lines kept, colours inside their regions, flat areas clean.

Every length below is stated for a shortest side of 256 px and scaled to the picture at hand.
"""

from dataclasses import dataclass

import cv2
import numpy as np

MEASURES = ("line_recall", "soft", "within", "noise")

LINE_CONTRAST = 0.1  # share of the light of the paint beside it that a line takes away
CREST = 0.7  # a line's own pixels have this share of the best contrast around; the rest is antialiasing
FADED = 25.0  # L* that a kept line may be lighter than the input's
DARK_LINE = 60.0  # L* below which a line counts as kept even where the input's was black: coloured ink
BLACK = 15.0  # L* of paint on which a black line cannot be seen
WHITE = 92.0  # L* above which lineart is paper
BLACK_HAT = 19  # px; wider strokes are areas, not lines
LINE_TOLERANCE = 2  # px that a kept line may have moved
EROSION = 2  # px between a line and the region core, room for antialiasing
MIN_REGION = 40  # px^2 of core; smaller regions say nothing reliable about their paint
SOFT_SLOPE = (0.3, 4.0)  # Lab per px: steeper is an edge, flatter is flat, between is a leak
NOISE_FILTER = np.outer((1, -2, 1), (1, -2, 1)).astype(np.float32)  # Immerkaer 1996; blind to planes and ramps


@dataclass(frozen=True)
class Drawing:
    """What a lineart demands of any picture painted over it; made once, used for every checkpoint.

    lines: (H, W) bool, the line's pixels.  limit: (H, W) float32, the L* a kept line must stay below.
    cores: (H, W) int32, region number of a pixel well inside a region, 0 elsewhere.
    stroke: px, odd, side of the window that tells this drawing's lines from its areas.
    """

    lines: np.ndarray
    limit: np.ndarray
    cores: np.ndarray
    stroke: int


def read_lineart(lab: np.ndarray) -> Drawing:
    """The drawing in a lineart: dark strokes on paper, regions = the connected pieces of paper."""
    light = np.ascontiguousarray(lab[..., 0])
    stroke = _stroke(light)
    limit = np.maximum(DARK_LINE, cv2.erode(light, np.ones((3, 3), np.uint8)) + FADED)
    paper = (light > WHITE).astype(np.uint8)
    # Labelled before eroding: a narrow passage still joins two halves of one region.
    cores = cv2.connectedComponents(paper, connectivity=4)[1] * _erode(paper)
    contrast = _contrast(light, stroke)
    crest = contrast >= CREST * cv2.dilate(contrast, np.ones((3, 3), np.uint8))
    return Drawing((contrast > LINE_CONTRAST) & crest, limit, _large(cores), stroke)


def read_picture(lab: np.ndarray) -> Drawing:
    """The drawing inside a finished colour picture, from its own dark lines: the baseline for domain B."""
    light = np.ascontiguousarray(lab[..., 0])
    stroke = _stroke(light)
    lines = _contrast(light, stroke) > LINE_CONTRAST
    # Labelled after eroding, which closes the gaps that such lines have.
    cores = cv2.connectedComponents(_erode((~lines).astype(np.uint8)), connectivity=4)[1]
    return Drawing(lines, np.full_like(light, 100.0), _large(cores), stroke)


def measure(drawing: Drawing, lab: np.ndarray) -> tuple[float, float, float, float]:
    """Four numbers for one coloured picture, in the order of MEASURES.

    line_recall: share of the drawing's line pixels with a dark enough line within tolerance, 0..1.
    soft: share of region-core pixels on a soft chroma ramp, 0..1 (bleeding).
    within: sd of the chroma inside a region, in Lab units (colours that ignore the lines).
    noise: mean response of a 3x3 noise filter on L* in region cores (checkerboards, hidden signals).
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
    """Share of light that each pixel lacks beside the paint around it, for strokes narrower than `size` px."""
    paint = cv2.morphologyEx(light, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    return (paint - light) / np.maximum(paint, 1.0)


def _stroke(light: np.ndarray) -> int:
    """A window just wide enough for the drawing's typical line, so that a narrow dark area is not taken for one."""
    widest = max(5, 2 * round(BLACK_HAT * _scale(light.shape) / 2) + 1)
    lines = _contrast(light, widest) > LINE_CONTRAST
    if not lines.any():
        return widest
    # In a stripe of width w the mean distance to its outside is close to (w + 2) / 4.
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
    """Area-weighted mean over regions of the chroma's standard deviation."""
    labels = cores.ravel()
    area = np.bincount(labels)
    area[0] = 0  # what is outside every core
    if not area.any():
        return 0.0
    variance = np.zeros(len(area))
    for channel in (1, 2):
        value = lab[..., channel].ravel()
        mean = np.bincount(labels, value) / np.maximum(area, 1)
        variance += np.bincount(labels, (value - mean[labels]) ** 2) / np.maximum(area, 1)
    return float((np.sqrt(variance) * area).sum() / area.sum())
