"""Cuts segments where an outline is open and a painter sees different things on its two sides.

Geometry closes gaps that are narrower than what they join. Through a wider one, hair runs into the face. What a painter
is sure of are cores; they grow until they meet, as segments do. A border on open paper is right where it only completes
an outline: where it is short beside the lines around the piece that it cuts off. It counts for longer, the less sure
the painter is and the wider it is beside the two pieces. A border in the middle of paper is the painter's doubt.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from imaging.watershed import Labels, grow

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_SURE = 0.9  # share of a class, from which a painter is sure of it
_LEAST_CORE = 1 / 512  # of the drawing; what is smaller may be a slip
_LONGEST = 1 / 4  # of the lines around a piece: the border on open paper that completes them
_PLAIN = 0.6  # sureness times narrowness, from which a border counts no longer than it is
_LEAST_SIDE = 128  # px, of the grid on which segments to cut are looked for
_HALVES = (np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])  # pixels, and those to the right and below


def cut_open(divided: Labels, depth: Floats, regions: Floats) -> tuple[Labels, Floats, npt.NDArray[np.intp]]:
    """Cuts segments.

    Args:
        divided: (h, w) int32, the segments' numbers, 0..n - 1.
        depth: (h, w) float32, distance to the nearest line; 0 on lines.
        regions: (k, h', w') float32, the share of each place in k classes, of the same drawing.

    Returns:
        `divided` with more segments; `depth` with the cuts as lines; and the number (m,) that each segment had before.
    """
    labels, cut_depth, origins = divided, depth, list(range(int(divided.max()) + 1))
    for segment, classes in _seen_as_several(divided, depth, regions):
        inside = divided == segment
        box = _box(inside)
        paper = np.where(inside[box], depth[box], 0)
        shares = [_at_size(regions[each], divided.shape)[box] for each in classes]
        pieces = _pieces(paper, shares, divided.size)
        if pieces.max() == 0:
            continue
        if labels is divided:
            labels, cut_depth = divided.copy(), depth.copy()
        labels[box][inside[box] & (pieces > 0)] = len(origins) - 1 + pieces[inside[box] & (pieces > 0)]
        for here, there, border in _borders(pieces, paper > 0):
            cut_depth[box][here][border] = cut_depth[box][there][border] = 0
        origins += [segment] * int(pieces.max())
    return labels, cut_depth, np.array(origins)


def _seen_as_several(divided: Labels, depth: Floats, regions: Floats) -> list[tuple[int, npt.NDArray[np.intp]]]:
    """Finds segments in which a painter is sure of several classes: their numbers, and those classes."""
    step = max(1, min(divided.shape) // max(_LEAST_SIDE, *regions.shape[1:]))
    labels, paper = divided[::step, ::step], depth[::step, ::step] > 0
    count, k = int(divided.max()) + 1, len(regions)
    areas = np.zeros((count, k), np.intp)
    for name, each in enumerate(regions):
        areas[:, name] = np.bincount(labels[paper & (_at_size(each, labels.shape) > _SURE)], minlength=count)
    large = areas >= _LEAST_CORE * labels.size
    return [(int(segment), np.flatnonzero(large[segment])) for segment in np.flatnonzero(large.sum(1) > 1)]


def _cores(paper: Mask, shares: list[Floats], pixels: int) -> tuple[Labels, npt.NDArray[np.intp]]:
    """Marks what a painter is sure of: numbers from 1, 0 elsewhere; and the class of each, an index of `shares`."""
    cores = np.zeros(paper.shape, np.int32)
    classes: list[int] = []
    for name, share in enumerate(shares):
        _, found, stats, _ = cv2.connectedComponentsWithStats((paper & (share > _SURE)).view(np.uint8), connectivity=4)
        large = stats[:, cv2.CC_STAT_AREA] >= _LEAST_CORE * pixels
        large[0] = False
        numbers = np.where(large, len(classes) + np.cumsum(large), 0)
        cores += numbers[found].astype(np.int32)
        classes += [name] * int(large.sum())
    return cores, np.array(classes, np.intp)


def _pieces(depth: Floats, shares: list[Floats], pixels: int) -> Labels:
    """Grows cores over a segment's box and joins pieces of one class, and those whose border completes no outline.

    Args:
        depth: (h, w), px to the nearest line; 0 on lines and outside the segment.
        shares: (h, w) each, the share of each place in the classes that the painter is sure of.
        pixels: of the drawing.

    Returns:
        (h, w) int32, the numbers of the pieces, from 0.
    """
    paper = depth > 0
    cores, classes = _cores(paper, shares, pixels)
    if len(set(classes)) < 2:
        return np.zeros(paper.shape, np.int32)
    pieces = grow(cores, np.where(paper, 0, 255).astype(np.uint8)) - 1
    touching = _Touching.measured(pieces, depth, shares, classes)
    while (pair := touching.of_one_class() or touching.without_outline()) is not None:
        touching.join(*pair)
    _, numbers = np.unique(touching.joined, return_inverse=True)
    return np.asarray(numbers.astype(np.int32)[pieces], dtype=np.int32)


@dataclass
class _Touching:
    """How pieces touch.

    Attributes:
        joined: (n,), the piece that each piece has become a part of.
        borders: (n, n), length of the border on open paper between each two.
        widths: (n, n), how far the middle of that border is from a line, px.
        lined: (n,), length of the lines around each.
        deepest: (n,), how far the middle of each is from a line, px.
        sums: (n, k), pixels of each in k classes.
        classes: (n,), the class of each.
    """

    joined: npt.NDArray[np.intp]
    borders: npt.NDArray[np.intp]
    widths: Floats
    lined: npt.NDArray[np.intp]
    deepest: Floats
    sums: npt.NDArray[np.float64]
    classes: npt.NDArray[np.intp]

    @classmethod
    def measured(cls, pieces: Labels, depth: Floats, shares: list[Floats], classes: npt.NDArray[np.intp]) -> _Touching:
        count, paper = len(classes), depth > 0
        borders, lined = np.zeros((count, count), np.intp), np.zeros(count, np.intp)
        widths, deepest = np.zeros((count, count), np.float32), np.zeros(count, np.float32)
        for here, there, border in _borders(pieces, paper):
            both = pieces[here][border], pieces[there][border]
            np.add.at(borders, both, 1)
            np.maximum.at(widths, both, np.minimum(depth[here][border], depth[there][border]))
        for one, other in _HALVES:
            for here, there in ((one, other), (other, one)):
                lined += np.bincount(pieces[here][paper[here] & ~paper[there]], minlength=count)
        np.maximum.at(deepest, pieces[paper], depth[paper])
        sums = np.stack([np.bincount(pieces[paper], share[paper], count) for share in shares], 1).astype(np.float64)
        widths = np.maximum(widths, widths.T)
        return cls(np.arange(count), borders + borders.T, widths, lined, deepest, sums, classes)

    def of_one_class(self) -> tuple[int, int] | None:
        """Returns two touching pieces of one class."""
        return _first((self.borders > 0) & (self.classes[:, None] == self.classes))

    def without_outline(self) -> tuple[int, int] | None:
        """Returns the piece whose border completes the least outline, and the piece that it touches most."""
        open_ = (self.borders * self._doubts()).sum(1)
        excess = open_ - _LONGEST * self.lined
        worst = int(np.where(open_ > 0, excess, -np.inf).argmax())
        return (worst, int(self.borders[worst].argmax())) if open_[worst] and excess[worst] > 0 else None

    def _doubts(self) -> Floats:
        """Returns by how much longer the border between each two counts, (n, n): 1 or more."""
        shares = self.sums / np.maximum(self.sums.sum(1, keepdims=True), 1e-9)
        leads = shares[np.arange(len(shares)), self.classes][:, None] - shares[:, self.classes]
        narrow = np.minimum(self.deepest[:, None], self.deepest) / np.maximum(self.widths, 1e-9)
        return np.asarray(1 / np.clip(np.minimum(leads, leads.T) * narrow / _PLAIN, 1e-9, 1), dtype=np.float32)

    def join(self, one: int, other: int) -> None:
        """Makes a piece part of another."""
        self.joined[self.joined == one] = other
        self.lined[other] += self.lined[one]
        self.sums[other] += self.sums[one]
        self.deepest[other] = max(self.deepest[other], self.deepest[one])
        self.widths[other] = np.maximum(self.widths[other], self.widths[one])
        self.widths[:, other] = self.widths[other]
        self.borders[other] += self.borders[one]
        self.borders[:, other] += self.borders[:, one]
        self.borders[one] = self.borders[:, one] = 0
        self.borders[other, other] = 0


def _borders(pieces: Labels, paper: Mask) -> list[tuple[tuple[slice, ...] | slice, tuple[slice, ...] | slice, Mask]]:
    """Returns where two pieces touch on open paper: pixels, those beside them, and at which of these pairs."""
    return [(here, there, (pieces[here] != pieces[there]) & paper[here] & paper[there]) for here, there in _HALVES]


def _first(chosen: Mask) -> tuple[int, int] | None:
    return divmod(int(chosen.argmax()), len(chosen)) if chosen.any() else None


def _box(inside: Mask) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _at_size(values: Floats, shape: tuple[int, ...]) -> Floats:
    return np.asarray(cv2.resize(values, shape[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32)
