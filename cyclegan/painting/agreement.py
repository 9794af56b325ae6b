"""Lets segments that are open to each other agree on what they are, unless an outline ends between them.

Geometry cuts paper at narrow places, and knows nothing of what is drawn: a place may be a gap in an outline, or nothing
but the narrowest of open paper, where a change of colour is a fault. What tells them apart is how narrow a place is
beside the areas that it joins, together with how sure a painter is that these are two things.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imaging.segments import Segments

_OPENNESS = 2.0  # weight of a neighbour, in squares over the opening
_ROUNDS = 10  # of agreement
_PLAIN = 0.8  # sureness times narrowness, from which an opening is a gap in an outline

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Openings:
    """Where n segments are open to each other: m pairs.

    Attributes:
        one, other: (m,), the two segments of each pair.
        widths: (m,), length of the border on paper between them, px.
        depths: (m,), how far the middle of the widest place of that border is from a line, px.
        areas: (n,), pixels of each segment.
        deepest: (n,), how far from a line the middle of each segment is, px.
    """

    one: Places
    other: Places
    widths: Floats
    depths: Floats
    areas: Floats
    deepest: Floats

    @classmethod
    def of(cls, segments: Segments) -> Openings:
        pairs, depths = segments.borders()
        pairs, depths = np.sort(pairs[depths > 0].astype(np.int64), axis=1), depths[depths > 0]
        codes = pairs @ [segments.count, 1]
        order = np.argsort(codes, kind="stable")
        found, starts, widths = np.unique(codes[order], return_index=True, return_counts=True)
        one, other = np.divmod(found, segments.count)
        widest = np.maximum.reduceat(depths[order], starts) if len(found) else depths
        deepest = np.zeros(segments.count, np.float32)
        np.maximum.at(deepest, segments.small.ravel(), segments.depth.ravel())
        areas = np.bincount(segments.small.ravel(), minlength=segments.count)
        return cls(one, other, *(each.astype(np.float64) for each in (widths, widest, areas, deepest)))


def agreed(openings: Openings, shares: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Lets segments that are open to each other agree, by the square of the opening's width against their areas.

    A small piece that narrow places cut off from a cheek is what the cheek is; a strand of hair stays hair, although
    its outline is open. What is agreed goes on from piece to piece: each is what it is itself and what its neighbours
    are in the end, by Jacobi's iteration.

    Args:
        openings: of n segments.
        shares: (n, k), the share of each in k classes, by itself.
    """
    if not len(openings.one):
        return shares
    here, there = np.concatenate([openings.one, openings.other]), np.concatenate([openings.other, openings.one])
    order = np.argsort(here, kind="stable")
    there, weights = there[order], _OPENNESS * np.square(np.tile(openings.widths, 2)[order])[:, None]
    members, starts = np.unique(here[order], return_index=True)
    own, totals = openings.areas[:, None] * shares, openings.areas[:, None].copy()
    totals[members] += np.add.reduceat(weights, starts)
    found = shares.astype(np.float64)
    for _ in range(_ROUNDS):
        sums = own.copy()
        sums[members] += np.add.reduceat(weights * found[there], starts)
        found = sums / np.maximum(totals, 1)
    return np.asarray(found, dtype=np.float32)


def settled(openings: Openings, shares: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """Returns the class of each segment, (n,) int32: one class where no outline ends between segments.

    What the least tells apart is given up first. Two segments become one area, of the class in which both together have
    the largest share, and the next opening is judged by what that area is and how wide.

    Args:
        openings: of n segments.
        shares: (n, k), the share of each in k classes.
    """
    areas = _Areas(np.arange(len(shares)), openings.areas[:, None] * shares, openings.deepest.copy())
    while areas.join(openings):
        pass
    return areas.sums.argmax(1).astype(np.int32)[areas.joined]


@dataclass
class _Areas:
    """What segments are joined to.

    Attributes:
        joined: (n,), the number of each segment's area: that of one of its segments.
        sums: (n, k), pixels of each area in each class.
        deepest: (n,), how far from a line the middle of each area is, px.
    """

    joined: Places
    sums: Floats
    deepest: Floats

    def join(self, openings: Openings) -> bool:
        """Joins areas that are of one class or not plainly two, those first that are so the least; False: none are."""
        one, other = self.joined[openings.one], self.joined[openings.other]
        plain = self._plain(one, other, openings.depths)
        order = np.argsort(plain, kind="stable")[: np.count_nonzero(plain < _PLAIN)]
        one, other = one[order], other[order]
        # an opening whose turn it is: the first of both its areas
        ranks, first = np.arange(len(order)), np.full(len(self.joined), len(order))
        np.minimum.at(first, np.concatenate([one, other]), np.tile(ranks, 2))
        turn = (first[one] == ranks) & (first[other] == ranks)
        one, other = one[turn], other[turn]
        self.sums[one] += self.sums[other]
        self.deepest[one] = np.maximum(self.deepest[one], self.deepest[other])
        becomes = np.arange(len(self.joined))
        becomes[other] = one
        self.joined = becomes[self.joined]
        return len(order) > 0

    def _plain(self, one: Places, other: Places, depths: Floats) -> Floats:
        """Returns how plainly openings are gaps in outlines; below 0 between areas of one class, the widest least."""
        classes = self.sums.argmax(1)
        a, b = classes[one], classes[other]
        shares = self.sums / np.maximum(self.sums.sum(1, keepdims=True), 1e-9)
        sure = np.minimum(shares[one, a] - shares[one, b], shares[other, b] - shares[other, a])
        plain = sure * np.minimum(self.deepest[one], self.deepest[other]) / np.maximum(depths, 1e-9)
        return np.where(one == other, np.inf, np.where(a == b, -depths, plain))
