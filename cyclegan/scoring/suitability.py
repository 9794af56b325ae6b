"""Measures whether the colours suit what is drawn, on held-out colour pictures coloured anew from their own lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from imaging.colour import to_lab

_PAPER = 250  # pixels of extracted lines at least this light are not part of a line
_MOST = 2.0  # times the distance of white paper
_ALIKE = 10.0  # ΔE; colours of an output this near to each other are taken for one

_Floats = npt.NDArray[np.float64]


class Suitability:
    """The held-out colour pictures, with which colourings of their extracted lines are compared."""

    def __init__(self, labs: Sequence[np.ndarray], lines: Sequence[np.ndarray]) -> None:
        """Prepares the comparison.

        Args:
            labs: the pictures, float32 (H, W, 3) CIE Lab.
            lines: their extracted lines, uint8 (H, W), in the same order and of the same sizes.
        """
        self._areas = [drawn >= _PAPER for drawn in lines]
        self._colours = [lab[area] for lab, area in zip(labs, self._areas, strict=True)]
        self._untouched = np.array([_distance(np.array([100.0, 0.0, 0.0]), true) for true in self._colours])
        self._in_one_colour = np.array([_distance_apart(np.zeros_like(true), true) for true in self._colours])

    def faults(self, pictures: Sequence[np.ndarray], subsets: int) -> dict[str, _Floats]:
        """Measures how far the colours are from the true ones, and whether what has unlike colours is told apart.

        suit: the distance, as a share of that of white paper. Whether a palette is the one that the picture happened to
        have is partly luck. apart: the distance that is left if each colour of an output is exchanged for the mean of
        the true ones where it is, as a share of that of a single colour; no palette changes it.

        Args:
            pictures: the lines, coloured, uint8 (H, W, 3) RGB.
            subsets: number of values: for all pictures, the even ones, the odd ones, and bootstrap draws of the even.

        Returns:
            By name, (subsets,) from 0 for the true colours to 1 for white paper; suit to 2, for colours twice as far.
        """
        found = [to_lab(picture)[area] for picture, area in zip(pictures, self._areas, strict=True)]
        pairs = list(zip(found, self._colours, strict=True))
        weights = subset_weights(len(pairs), subsets)

        def share(distances: Sequence[float], whole: _Floats) -> _Floats:
            return np.asarray(weights @ np.array(distances) / np.maximum(weights @ whole, 1e-6))

        suit = share([_distance(colours, true) for colours, true in pairs], self._untouched)
        apart = share([_distance_apart(colours, true) for colours, true in pairs], self._in_one_colour)
        return {"suit": suit.clip(0, _MOST), "apart": apart.clip(0, 1)}


def subset_weights(count: int, subsets: int) -> np.ndarray:
    """Returns weights (subsets, count) over pictures: all, even, odd, and bootstrap draws of the even ones."""
    even = np.arange(0, count, 2)
    drawn = np.random.default_rng(0).choice(even, size=(subsets - 3, len(even)))
    chosen = [np.arange(count), even, np.arange(1, count, 2), *drawn]
    counts = np.array([np.bincount(indices, minlength=count) for indices in chosen])
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _distance(found: np.ndarray, true: np.ndarray) -> float:
    """Returns the mean CIE76 distance of Lab colours; 0 without any."""
    return float(np.linalg.norm(found - true, axis=1).mean()) if len(true) else 0.0


def _distance_apart(found: np.ndarray, true: np.ndarray) -> float:
    """Returns the mean CIE76 distance of true Lab colours (n, 3) to their means where found ones (n, 3) are alike."""
    numbers = np.floor(found / _ALIKE).astype(np.int64) @ np.array([1, 1_000, 1_000_000])
    _, alike = np.unique(numbers, return_inverse=True)
    count = np.bincount(alike)
    means = np.stack([np.bincount(alike, channel) / count for channel in true.T], axis=1)
    return _distance(means[alike], true)
