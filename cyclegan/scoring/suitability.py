"""Measures whether the colours suit what is drawn, on held-out colour pictures coloured anew from their own lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imaging.colour import to_lab

_PAPER = 250  # pixels of extracted lines at least this light are not part of a line


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

    def faults(self, pictures: Sequence[np.ndarray], subsets: int) -> np.ndarray:
        """Returns how far the colours are from the true ones, as a share of the distance of white paper.

        Args:
            pictures: the lines, coloured, uint8 (H, W, 3) RGB.
            subsets: number of values: for all pictures, the even ones, the odd ones, and bootstrap draws of the even.

        Returns:
            (subsets,) from 0 for the true colours to 1 for colours no nearer than white paper.
        """
        found = zip(pictures, self._areas, self._colours, strict=True)
        distances = np.array([_distance(to_lab(picture)[area], true) for picture, area, true in found])
        weights = subset_weights(len(distances), subsets)
        return np.asarray((weights @ distances / np.maximum(weights @ self._untouched, 1e-6)).clip(0, 1))


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
