"""Remembers the palettes of domain B's pictures and what is drawn in them, to find a palette that suits a drawing.

Each picture is described by its layout (the region map, pooled to 4 x 4) and its ink (the darkness of its extracted
lines, pooled to 8 x 8), both within the box around what is not paper, and of length 1 each. The description of a
drawing is compared with those of all pictures. A single nearest picture may be an odd one, such as a night scene. So
of the nearest few, the palette is chosen that is closest to all of them in the classes that the drawing has, and in
which those classes differ visibly that do so in most.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from cyclegan.painting.palettes import Palette, unlike
from cyclegan.painting.shadows import Shadows

Floats = npt.NDArray[np.float32]

_LAYOUT, _INK = 4, 8  # cells a side
_NEAREST = 16  # pictures among which a palette is chosen
_WIDER = 32  # pictures among which variants are chosen
_APART = 20.0  # ΔE*ab; a plainly visible difference
_SUPPORTED = 0.02  # share of a picture; the colour of a class with less is not known well
_PRIOR = 0.1  # weight of the mean variance in the covariance of palettes (Ledoit and Wolf 2004)


def key_length(k: int) -> int:
    """Returns the number of values that describe a picture, for k classes."""
    return k * _LAYOUT**2 + _INK**2


def describe(regions: Floats, lines: npt.NDArray[np.uint8]) -> Floats:
    """Describes what is drawn.

    Args:
        regions: (k, h, w) region map of a picture, or of a part of it.
        lines: (h, w) uint8, its lines on white.

    Returns:
        (key_length(k),) float32.
    """
    layout = np.stack([_pooled(each, _LAYOUT) for each in regions])
    ink = _pooled(255 - lines.astype(np.float32), _INK)
    return np.concatenate([_unit(layout.ravel()), _unit(ink.ravel())]).astype(np.float32)


def drawn_box(regions: Floats) -> tuple[slice, slice]:
    """Returns rows and columns of the box around what is not paper; of everything, where there is hardly anything."""
    drawn = regions.argmax(0) != 0
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    if min(len(rows), len(columns)) < _INK:
        return slice(0, drawn.shape[0]), slice(0, drawn.shape[1])
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


@dataclass(frozen=True)
class Memory:
    """The palettes of n pictures of domain B.

    Attributes:
        palettes: (n, k, 3) RGB in [0, 1].
        shares: (n, k), the share of each class in each picture; all equal where it is not known.
        keys: (n, key_length(k)), what is drawn; (0, 0) from checkpoints that did not store it.
        shadows: what is known of shadows; None for a painter without them.
    """

    palettes: Floats
    shares: Floats
    keys: Floats
    shadows: Shadows | None = None

    @cached_property
    def id(self) -> str:
        """Identifies the model, as a palette for its classes means nothing to another one."""
        return hashlib.sha256(np.rint(self.palettes * 255).astype(np.uint8).tobytes()).hexdigest()[:12]

    def suiting(self, key: Floats, areas: Floats, variant: int = 1) -> Palette:
        """Chooses a palette that suits a drawing.

        Args:
            key: description of the drawing, or of one figure of it; see :func:`describe`.
            areas: (k,) shares of the classes in it.
            variant: 1 for the one that suits best; 2, 3, … for others that suit, unlike those before.

        Returns:
            (k, 3) RGB in [0, 1]; the same for the same arguments.
        """
        order = self._nearest(key)
        near = self._filled(order[:_NEAREST])
        weights = np.minimum(self.shares[order[:_NEAREST]] / _SUPPORTED, 1) * _coloured(areas)
        best = near[_central(near, weights)]
        if variant == 1:
            return best
        wider = self._filled(order[: max(_WIDER, 2 * variant)])
        return self._others(best, wider, variant)

    def _others(self, best: Palette, palettes: Floats, variant: int) -> Palette:
        """Returns the variant-th of palettes that differ, where the first is `best`."""
        pool = np.concatenate([best[None], palettes])
        chosen = unlike(pool, min(variant, len(pool)), first=0)
        return np.asarray(pool[chosen[-1]], dtype=np.float32)

    def _nearest(self, key: Floats) -> npt.NDArray[np.intp]:
        if not len(self.keys):  # not known what they show: the most representative first
            return np.array(unlike(self.palettes, min(_WIDER, len(self.palettes))))
        return np.argsort(np.square(self.keys - key).sum(1), kind="stable")

    def _filled(self, chosen: npt.NDArray[np.intp]) -> Floats:
        """Returns the chosen palettes; a colour that is not known well moves towards the mean of the others."""
        palettes = self.palettes[chosen]
        known = np.minimum(self.shares[chosen] / _SUPPORTED, 1)[..., None]
        mean = (known * palettes).sum(0) / np.maximum(known.sum(0), 1e-6)
        mean = np.where(known.sum(0) > 0, mean, palettes.mean(0))
        return np.asarray(known * palettes + (1 - known) * mean, dtype=np.float32)

    def followed(self, palette: Palette, wanted: dict[int, Floats]) -> Palette:
        """Gives some classes of a palette other colours; the other classes follow as they did in domain B.

        The palettes of B are taken as normally distributed; the result is the mean of the palette given the colours.

        Args:
            palette: (k, 3) RGB in [0, 1].
            wanted: by class, an RGB colour in [0, 1], which it gets exactly.
        """
        rows = np.concatenate([3 * each + np.arange(3) for each in wanted])
        asked = np.concatenate(list(wanted.values()))
        covariance = self.covariance()
        gain = covariance[:, rows] @ np.linalg.inv(covariance[np.ix_(rows, rows)])
        moved = palette.ravel() + gain @ (asked - palette.ravel()[rows])
        moved[rows] = asked
        moved[:3] = palette[0] if 0 not in wanted else moved[:3]  # paper stays as it is
        return np.asarray(moved.clip(0, 1).reshape(-1, 3), dtype=np.float32)

    def covariance(self) -> npt.NDArray[np.float64]:
        flat = self._filled(np.arange(len(self.palettes))).reshape(len(self.palettes), -1).astype(np.float64)
        own = np.cov(flat.T) if len(flat) > 1 else np.zeros((flat.shape[1],) * 2)
        mean = max(float(np.trace(own)) / len(own), 1e-4)
        return np.asarray((1 - _PRIOR) * own + _PRIOR * mean * np.eye(len(own)))


def _central(palettes: Floats, weights: Floats) -> int:
    """Returns the index of the palette (of m, (m, k, 3)) that is closest to all in Lab and tells the classes apart.

    The closest palette alone may give hair and skin the same brown, as the middle of many colours is brown for both.

    Args:
        palettes: (m, k, 3) RGB in [0, 1].
        weights: (m, k), how much each class of each palette counts.
    """
    lab = cv2.cvtColor(palettes, cv2.COLOR_RGB2LAB)
    distances = np.sqrt(np.square(lab[:, None] - lab[None]).sum(3))
    contrasts = np.sqrt(np.square(lab[:, :, None] - lab[:, None]).sum(3))
    lacking = np.maximum(np.minimum(np.median(contrasts, axis=0), _APART) - contrasts, 0)
    both = np.minimum(weights.sum(0)[:, None], weights.sum(0))
    return int(((distances * weights).sum((1, 2)) + (lacking * both).sum((1, 2))).argmin())


def _coloured(areas: Floats) -> Floats:
    weights = areas.astype(np.float32).copy()
    weights[0] = 0
    return weights


def _pooled(values: Floats, cells: int) -> Floats:
    return np.asarray(cv2.resize(values, (cells, cells), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _unit(values: Floats) -> Floats:
    return np.asarray(values / (np.linalg.norm(values) + 1e-9), dtype=np.float32)
