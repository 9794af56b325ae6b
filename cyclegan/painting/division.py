"""Divides a drawing into what its painter tells apart: a class for each segment, parts, and figures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cyclegan.painting.agreement import Openings, agreed, settled
from imaging.segments import Segments
from imaging.watershed import spread

_LEAST_SIDE = 128  # px, of the grid on which a map is read; larger maps have grids of their own size
_COARSE_SIDE = 256  # px, of the grid on which figures are found
_FEW = 4  # samples of a segment; with fewer, all of its pixels are read
_LEAST_DEPTH = 0.1  # px; beside a line, where the painter mixes the classes of both sides, a pixel counts little
_SMALLEST_FIGURE = 0.01, 0.1  # shares of the drawing, and of the largest figure; what is smaller belongs to the nearest

Numbers = npt.NDArray[np.int32]
Box = tuple[float, float, float, float]  # left, top, right, bottom: shares of a drawing's width and height


@dataclass(frozen=True)
class Division:
    """What each of a drawing's n segments is.

    Attributes:
        shares: (n, k) float32, the share of each segment in each of the k classes.
        classes: (n,) int32, the class with the largest share, of areas that no outline parts together; 0 is paper.
        figures: (n,) int32, number of the segment's figure: parts that touch and are not paper. 0 is the largest.
        boxes: the place of each figure.
    """

    shares: npt.NDArray[np.float32]
    classes: Numbers
    figures: Numbers
    boxes: list[Box]

    def areas(self, segments: Segments, figure: int) -> npt.NDArray[np.float32]:
        """Returns the share of each class in a figure, paper included, (k,) float32."""
        pixels = np.bincount(segments.small.ravel(), minlength=segments.count) * (self.figures == figure)
        counts = np.bincount(self.classes, pixels, self.shares.shape[1])
        return np.asarray(counts / max(1.0, counts.sum()), dtype=np.float32)


def divide(segments: Segments, shares: npt.NDArray[np.float32]) -> Division:
    """Gives segments their classes, and groups segments.

    Args:
        segments: n segments of a drawing.
        shares: (n, k) share of each segment in the k classes, such as the means of a region map.
    """
    openings = Openings.of(segments)
    shares = agreed(openings, shares)
    classes = settled(openings, shares)
    step = max(1, min(segments.small.shape) // _COARSE_SIDE)
    figures, boxes = _figures(classes[segments.small[::step, ::step]])
    rows, columns = _places(segments)
    return Division(shares, classes, figures[rows // step, columns // step], boxes)


def mean_by_segment(segments: Segments, maps: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns the means (n, k) of maps (k, h, w) over each of n segments; pixels deep inside a segment count more."""
    step = max(1, min(segments.small.shape) // max(_LEAST_SIDE, *maps.shape[1:]))
    labels, depth = segments.small[::step, ::step], segments.depth[::step, ::step]
    sums, weights = _sums(labels.ravel(), depth.ravel(), _enlarged(maps, labels.shape), segments.count)
    few = np.bincount(labels.ravel(), minlength=segments.count) < _FEW
    if step > 1 and few.any():
        pixels = few[segments.small]
        rest, more = _sums(
            segments.small[pixels],
            segments.depth[pixels],
            _enlarged(maps, segments.small.shape, pixels),
            segments.count,
        )
        sums, weights = np.where(few[:, None], rest, sums), np.where(few, more, weights)
    return np.asarray(sums / np.maximum(weights, 1e-9)[:, None], dtype=np.float32)


def _sums(
    labels: Numbers, depth: npt.NDArray[np.float32], maps: list[npt.NDArray[np.float32]], count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    weights = np.maximum(depth, _LEAST_DEPTH) ** 2
    sums = [np.bincount(labels, weights * values, count) for values in maps]
    return np.stack(sums, 1).astype(np.float64), np.bincount(labels, weights, count).astype(np.float64)


def _enlarged(
    maps: npt.NDArray[np.float32], shape: tuple[int, ...], pixels: npt.NDArray[np.bool_] | None = None
) -> list[npt.NDArray[np.float32]]:
    """Returns each map at another size, flattened; only the chosen pixels of it, if any."""
    large = (cv2.resize(one, shape[::-1], interpolation=cv2.INTER_LINEAR) for one in maps)
    return [np.asarray(one.ravel() if pixels is None else one[pixels], dtype=np.float32) for one in large]


def _places(segments: Segments) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns rows and columns of one pixel of each segment, at the size at which the drawing was divided."""
    flat = np.zeros(segments.count, np.int64)
    flat[segments.small.ravel()] = np.arange(segments.small.size)
    rows, columns = np.divmod(flat, segments.small.shape[1])
    return rows, columns


def find_parts(segments: Segments, classes: Numbers) -> Numbers:
    """Numbers the parts: segments of one class that touch, across lines too.

    Args:
        segments: n segments of a drawing.
        classes: (n,) int32.

    Returns:
        (n,) int32, the number of each segment's part.
    """
    seen = classes[segments.small]
    parts, count = np.zeros(seen.shape, np.int32), 0
    for name in np.unique(seen):
        inside = seen == name
        found, pieces = cv2.connectedComponents(inside.view(np.uint8), connectivity=4)
        parts[inside] = pieces[inside] - 1 + count
        count += found - 1
    return parts[_places(segments)]


def _figures(seen: Numbers) -> tuple[Numbers, list[Box]]:
    """Returns the number of each pixel's figure, (h, w) int32, and the boxes of the figures, the largest first."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((seen != 0).view(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    least = max(_SMALLEST_FIGURE[0] * seen.size, _SMALLEST_FIGURE[1] * areas.max())
    large = [int(piece) for piece in np.argsort(-areas, kind="stable") if areas[piece] >= least]
    height, width = seen.shape
    if not large:
        return np.zeros(seen.shape, np.int32), [(0.0, 0.0, 1.0, 1.0)]
    left, top, wide, high = stats[large, :4].T
    corners = zip(left / width, top / height, (left + wide) / width, (top + high) / height, strict=True)
    boxes = [(float(a), float(b), float(c), float(d)) for a, b, c, d in corners]
    if len(large) == 1:
        return np.zeros(seen.shape, np.int32), boxes
    numbers = np.zeros(count, np.int32)
    numbers[large] = 1 + np.arange(len(large))
    figures = numbers[pieces]
    return spread(figures, figures > 0) - 1, boxes
