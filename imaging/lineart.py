"""Normalizes the tone of lineart: paper becomes white, and the mean of the ink is brought into one band.

A model trained on lines of one darkness colours faint pencil and heavy ink badly, so training and serving bring the
mean grey of the ink into the same band. Brightening a pixel repeatedly towards white multiplies its darkness by one
factor, so the whole iteration is one lookup table, `255 - min(255, scale · (255 - v))`. The scale follows from the
histogram.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from imaging.paper import histogram, whiten_paper

Gray = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.float64]
Status = Literal["ok", "in_band", "blank", "too_dense", "unconverged"]

_MAX_ERROR = 0.5  # grey levels between the mean and the band; 256 levels do not allow less
_NUM_CANDIDATES = 64
_DARKNESS = np.arange(256, dtype=np.float64)

_TONE_SIDE = 256
_WIDEST_LINE = 9  # pixels at that size
_TONE_LEVEL = 230
# of 200 portraits of the demo, lineart has 0.07 at most, and 19 in 20 grey copies of the coloured ones over 0.24
_MAX_TONE = 0.12


@dataclass(frozen=True)
class Normalization:
    """Settings of the normalization. A checkpoint stores those of its training data, because its inputs need the same.

    Attributes:
        low: lower end of the band for the mean of the ink, grey level.
        high: upper end of the band, grey level; may equal `low`.
        threshold: a pixel darker than this grey level is ink; JPEG ringing lies above 250.
        max_scale: largest factor by which faint lines are darkened.
        min_ink: share of the picture (0..1); with less ink, it is a blank page.
        max_ink: share of the picture (0..1); with more ink, it is not lineart.
    """

    low: int = 180
    high: int = 200
    threshold: int = 250
    max_scale: float = 3.0
    min_ink: float = 0.001
    max_ink: float = 0.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            wanted = int if field.name in ("low", "high", "threshold") else (int, float)
            if isinstance(value, bool) or not isinstance(value, wanted):
                raise ValueError(f"normalization: {field.name} must be a number, not {value!r}")
        if not 0 < self.low <= self.high < self.threshold <= 255:
            raise ValueError(
                "normalization: 0 < low <= high < threshold <= 255 must hold, not "
                f"{self.low}, {self.high}, {self.threshold}"
            )
        if not self.max_scale >= 1:
            raise ValueError(f"normalization: max_scale must be at least 1, not {self.max_scale}")
        if not 0 <= self.min_ink < self.max_ink <= 1:
            raise ValueError(
                f"normalization: 0 <= min_ink < max_ink <= 1 must hold, not {self.min_ink}, {self.max_ink}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Returns plain numbers, for JSON and checkpoints."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Normalization":
        """Inverts `to_dict`.

        Raises:
            ValueError: a value is missing, unknown or out of range.
        """
        names = {field.name for field in fields(cls)}
        if set(values) != names:
            missing, unknown = sorted(names - set(values)), sorted(set(values) - names)
            raise ValueError(f"normalization: missing {missing or 'nothing'}, unknown {unknown or 'nothing'}")
        return cls(**values)


@dataclass(frozen=True)
class NormalizedLineart:
    """A normalized drawing, with measurements.

    Attributes:
        image: (H, W) uint8, 255 = paper.
        status: "ok": the mean of the ink was brought into the band; "in_band": it was there already; "blank": hardly
            any ink, which is not scaled; "too_dense": scaled, but too much ink for lineart; "unconverged": the mean
            cannot reach the band.
        mean_in: mean grey level of the ink before, 255.0 without ink.
        mean_out: mean grey level of the ink after, 255.0 without ink.
        scale: factor on darkness; 1.0 where the ink was not changed.
        ink_fraction: share of ink pixels (0..1) before scaling.
        paper: grey level of the paper before; 255 where it was white already.
    """

    image: Gray
    status: Status
    mean_in: float
    mean_out: float
    scale: float
    ink_fraction: float
    paper: int


def is_lines(gray: Gray) -> bool:
    """Whether a picture consists of lines on paper, and not of grey areas as a painting does.

    A morphological closing removes dark lines and leaves dark areas.

    Args:
        gray: (H, W) uint8.
    """
    small = cv2.resize(whiten_paper(gray)[0], (_TONE_SIDE, _TONE_SIDE), interpolation=cv2.INTER_AREA)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_WIDEST_LINE, _WIDEST_LINE))
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, element)
    return bool((closed < _TONE_LEVEL).mean() <= _MAX_TONE)


def normalize(gray: Gray, normalization: Normalization | None = None) -> NormalizedLineart:
    """Whitens the paper of a scan, then brings the mean of the ink into the band.

    Normalizing the image of an "ok", "in_band" or "blank" result again changes no pixel.

    Args:
        gray: (H, W) uint8.
        normalization: the settings; None: the defaults.

    Raises:
        ValueError: `gray` is empty or not (H, W) uint8.
    """
    if gray.ndim != 2 or gray.dtype != np.uint8 or gray.size == 0:
        raise ValueError(f"lineart must be (H, W) uint8, not {gray.shape} {gray.dtype}")
    settings = normalization or Normalization()
    gray = np.ascontiguousarray(gray)
    before = histogram(gray)
    white, paper = whiten_paper(gray, before)
    counts = (before if white is gray else histogram(white))[::-1]
    cut = 255 - settings.threshold
    ink_fraction = float(counts[cut + 1 :].sum() / gray.size)
    mean_in = 255 - float(_ink_darkness(_DARKNESS, counts, cut))
    if ink_fraction == 0 or ink_fraction < settings.min_ink:
        return NormalizedLineart(white, "blank", mean_in, mean_in, 1.0, ink_fraction, paper)
    target = min(max(mean_in, settings.low), settings.high)
    in_band = abs(mean_in - target) <= _MAX_ERROR
    scale = 1.0 if in_band else _find_scale(counts, cut, 255 - target, settings.max_scale)
    levels = _scaled_levels(scale)
    mean_out = 255 - float(_ink_darkness(levels, counts, cut))
    image = white if in_band else np.asarray(cv2.LUT(white, (255 - levels)[::-1].astype(np.uint8)), dtype=np.uint8)
    status: Status = "in_band" if in_band else "ok"
    if ink_fraction > settings.max_ink:
        status = "too_dense"
    elif abs(mean_out - target) > _MAX_ERROR:
        status = "unconverged"
    return NormalizedLineart(image, status, mean_in, mean_out, scale, ink_fraction, paper)


def _scaled_levels(scale: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Returns darkness 0..255 times each scale, rounded and clipped: (..., 256)."""
    return np.minimum(255, np.floor(np.multiply.outer(scale, _DARKNESS) + 0.5))


def _ink_darkness(levels: npt.NDArray[np.float64], counts: Counts, cut: int) -> Any:
    """Returns the mean darkness of the ink when darkness d becomes levels[..., d]; 0 if no ink is left."""
    weights = counts * (levels > cut)
    return (weights * levels).sum(axis=-1) / np.maximum(weights.sum(axis=-1), 1)


def _find_scale(counts: Counts, cut: int, target: float, max_scale: float) -> float:
    """Returns the scale nearest 1 for which the mean darkness of the ink is `target`, within the table's rounding."""
    brighten = _ink_darkness(_DARKNESS, counts, cut) > target
    guess = _brightening_scale(counts, cut, target) if brighten else _darkening_scale(counts, cut, target)
    present = _DARKNESS[1:][counts[1:] > 0]
    # scales at which the rounding of a present level changes, on either side of the guess
    flips = (np.floor(guess * present - 0.5)[:, None] + np.array([0.5, 1.5])) / present[:, None]
    candidates = np.append(guess, flips.ravel() * (1 + 1e-12))
    lowest, highest = (0.0, 1.0) if brighten else (1.0, max_scale)
    candidates = np.clip(candidates, lowest, highest)
    candidates = candidates[np.argsort(np.abs(candidates - guess), kind="stable")[:_NUM_CANDIDATES]]
    error = np.abs(_ink_darkness(_scaled_levels(candidates), counts, cut) - target)
    return float(candidates[error.argmin()])


def _brightening_scale(counts: Counts, cut: int, target: float) -> float:
    """Returns the largest scale under 1 with mean{scale·d : scale·d > cut} = target.

    Faint ink becomes paper as the scale falls. Once all ink up to darkness k has, scale = target / mean{d : d > k}.
    This is a solution only if that scale makes k paper but not k + 1; at least one k fits.
    """
    num = np.cumsum(counts[::-1])[::-1]
    total = np.cumsum((counts * _DARKNESS)[::-1])[::-1]
    dropped = np.flatnonzero(num[1:] > 0)
    dropped = dropped[dropped >= cut]
    scales = target * num[dropped + 1] / total[dropped + 1]
    edge = cut + 0.5  # the table rounds, so ink begins here
    fits = (scales * dropped < edge) & (scales * (dropped + 1) >= edge)
    return float(scales[fits][0]) if fits.any() else float(scales[-1])


def _darkening_scale(counts: Counts, cut: int, target: float) -> float:
    """Returns the smallest scale over 1 with mean{min(255, scale·d) : scale·d > cut} = target.

    As the scale grows, the mean rises, except where near-white pixels become ink: each time it drops.
    """
    scale = 1.0
    for dropped in range(cut, -1, -1):
        weights = counts * (_DARKNESS > dropped)
        scale = _clipped_scale(weights, target)
        if scale * dropped < cut + 0.5:
            break
    return scale


def _clipped_scale(weights: Counts, target: float) -> float:
    """Solves mean(min(255, scale·d)) = target by Newton's method: few steps, as it is concave and piecewise linear."""
    scale = target * weights.sum() / (weights * _DARKNESS).sum()
    while True:
        clipped = scale * _DARKNESS >= 255
        slope = (weights * _DARKNESS)[~clipped].sum()
        if slope == 0:
            return float(scale)
        solved = (target * weights.sum() - 255 * weights[clipped].sum()) / slope
        if solved <= scale * (1 + 1e-12):
            return float(scale)
        scale = solved
