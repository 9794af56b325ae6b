"""Divides a drawing into segments: pieces of paper between the lines, closed even where an outline has gaps.

A gap is narrower than the areas that it joins. So markers are set from the widest places to the narrowest: at each of a
falling series of radii, a piece of the paper that is everywhere further from a line than the radius, and in which there
is no marker yet, becomes a marker. From all markers together, segments grow over the paper until they meet: in the
middle of gaps, and of other narrow passages. (Trapped-ball filling, Zhang et al. 2009, with distances instead of balls;
a watershed, Meyer 1994, instead of its growth of regions.) Under the lines, each pixel joins the nearest segment, so
that flat colours meet there and leave no white beside a line.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from imaging.open_outlines import cut_open
from imaging.watershed import Gray, Labels, grow

WIDEST_GAP = 1 / 24  # of the shorter side; a gap up to this width closes between areas that are wider than the gap
_SMALLEST_RADIUS = 0.5  # px
_FINEST = 2.0  # px; up to twice this radius, every pixel is looked at
_WORKING_SIDE = 768  # px, of the shorter side; a larger drawing is divided at this size
_PAPER_SIDE = 512  # px, of the shorter side at which the paper beside the lines is estimated
_WIDEST_LINE = 1 / 24  # of the shorter side; wider dark strokes are areas
_LINE_CONTRAST = 28  # grey levels by which a line is darker than the paper beside it
_SURE = 1.5  # px of the working size from a line, at which a pixel's segment needs no refinement


@dataclass(frozen=True)
class Segments:
    """The segments of a drawing.

    Attributes:
        labels: (H, W) int32, the number of each pixel's segment, 0..count - 1, at the drawing's size.
        small: (h, w) int32, the same at the size at which the drawing was divided; a segment may be missing.
        depth: (h, w) float32, px of that size to the nearest line; 0 on lines.
        count: number of segments, at least 1.
    """

    labels: Labels
    small: Labels
    depth: npt.NDArray[np.float32]
    count: int

    def borders(self) -> tuple[Labels, npt.NDArray[np.float32]]:
        """Finds where segments touch, at the size at which the drawing was divided.

        Returns:
            (m, 2) int32, the segments of each two pixels that lie beside or below each other and are not of one; and
            (m,) float32, the lesser depth of the two: 0 where they touch under a line.
        """
        labels, depth, width = self.small.ravel(), self.depth.ravel(), self.small.shape[1]
        beside = np.flatnonzero(labels[:-1] != labels[1:])
        beside = beside[beside % width != width - 1]  # a row's last pixel and the next row's first
        below = np.flatnonzero(labels[:-width] != labels[width:])
        one, other = np.concatenate([beside, below]), np.concatenate([beside + 1, below + width])
        return np.stack([labels[one], labels[other]], 1), np.minimum(depth[one], depth[other])


def find_segments(gray: Gray, regions: npt.NDArray[np.float32] | None = None) -> Segments:
    """Divides a drawing into segments.

    Args:
        gray: (H, W) uint8, the drawing on white paper, as `imaging.lineart.normalize` returns it.
        regions: (k, h, w), the share of each place in the k classes that a painter tells apart; where it is sure, wide
            openings of outlines are cut. None: only gaps are closed.
    """
    small = reduced(gray, _WORKING_SIDE)
    lines = find_lines(small)
    depth = np.asarray(cv2.distanceTransform(255 - lines, cv2.DIST_L2, cv2.DIST_MASK_5), dtype=np.float32)
    depth = np.minimum(depth, max(small.shape))  # of a blank page it is infinite
    markers, radii = _markers(depth)
    if not len(radii):  # all ink
        return Segments(np.zeros(gray.shape, np.int32), np.zeros(small.shape, np.int32), depth, 1)
    divided = grow(markers, lines) - 1
    if regions is not None:
        divided, depth, origins = cut_open(divided, depth, regions)
        radii = radii[origins]
    labels = divided if small.shape == gray.shape else _refined(divided, depth, radii, gray)
    return Segments(labels, divided, depth, len(radii))


def find_lines(gray: Gray) -> Gray:
    """Finds the lines: what is darker than the paper beside it and narrower than _WIDEST_LINE, and borders of tones.

    Args:
        gray: (H, W) uint8.

    Returns:
        (H, W) uint8: 255 on lines, 0 elsewhere.
    """
    small = reduced(gray, _PAPER_SIDE)
    side = round(min(small.shape) * _WIDEST_LINE) | 1
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    steps = cv2.morphologyEx(paper, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    steps = cv2.resize(steps, gray.shape[::-1], interpolation=cv2.INTER_NEAREST)
    paper = cv2.resize(paper, gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    _, lines = cv2.threshold(cv2.max(cv2.subtract(paper, gray), steps), _LINE_CONTRAST - 1, 255, cv2.THRESH_BINARY)
    return np.asarray(lines, dtype=np.uint8)


def reduced(gray: Gray, side: int) -> Gray:
    """Shrinks a picture, (H, W) uint8, to a shorter side of at most `side` px."""
    scale = side / min(gray.shape)
    if scale >= 1:
        return gray
    size = [max(1, round(side * scale)) for side in gray.shape[::-1]]
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _markers(depth: npt.NDArray[np.float32]) -> tuple[Labels, npt.NDArray[np.float64]]:
    """Sets markers, from the widest places to the narrowest.

    Returns:
        (h, w) int32 with the markers' numbers from 1, 0 between them; and the radius of each.
    """
    markers = np.zeros(depth.shape, np.int32)
    radii: list[float] = []
    radius = WIDEST_GAP * min(depth.shape) / 2
    while radius >= _SMALLEST_RADIUS or (not radii and radius > _SMALLEST_RADIUS / 2):
        # wide places are found on a coarse grid; each finer grid contains the points of the coarser ones
        step = 2 ** max(0, int(np.log2(radius / _FINEST)))
        grid = markers[::step, ::step]
        count, pieces = cv2.connectedComponents((depth[::step, ::step] > radius).view(np.uint8), connectivity=4)
        new = np.ones(count, bool)
        new[0] = False
        new[pieces.ravel()[np.flatnonzero(grid)]] = False
        numbers = np.where(new, len(radii) + np.cumsum(new), 0).astype(np.int32)
        grid += numbers[pieces]
        radii += [radius] * int(new.sum())
        radius /= 2
    return markers, np.array(radii)


def _refined(divided: Labels, depth: npt.NDArray[np.float32], radii: npt.NDArray[np.float64], gray: Gray) -> Labels:
    """Enlarges segments to the drawing's size; beside lines, their borders are found anew."""
    sure = depth > np.minimum(_SURE, radii)[divided]
    markers = cv2.resize(np.where(sure, divided + 1, 0), gray.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return grow(np.asarray(markers, dtype=np.int32), find_lines(gray)) - 1
