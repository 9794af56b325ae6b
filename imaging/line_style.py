"""Measures the lines of drawings, so that lines found in colour pictures can be drawn like them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float32]

_MOST_MEASURED = 64  # drawings; more change little
_INK = 0.1  # darkness, 0..1, of what counts as ink
_WIDEST_LINE = 1 / 24  # of the shorter side; wider ink is an area
_AREAS = (1 / 32, 1 / 24, 1 / 16, 1 / 11, 1 / 8, 1 / 5, 1 / 3, 1 / 2)  # of the shorter side, diameters of black areas
_WIDE = 1 / 4  # of the shorter side; a disc takes too long for wider areas, they are opened by the square within it
_LEAST_AREAS = 0.04  # share of the ink; with less in areas of a width, the drawings do not fill such areas


@dataclass(frozen=True)
class LineStyle:
    """What the lines of drawings look like. Lengths are shares of a picture's shorter side.

    Attributes:
        width: of a line.
        faint: darkness of a drawing's faint lines, as a share of that of its dark ones. What the darkness itself is,
            `imaging.lineart.normalize` decides.
        length: of all lines in a square of the shorter side, in a drawing with many: one in ten has more.
        solid: diameter of the widest black areas, such as pupils.
    """

    width: float = 0.008
    faint: float = 0.6
    length: float = 25.0
    solid: float = 1 / 24

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise ValueError(f"style of lines: {field.name} must be a positive number, not {value!r}")

    def to_dict(self) -> dict[str, float]:
        """Returns plain numbers, for checkpoints."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LineStyle:
        """Inverts `to_dict`.

        Raises:
            ValueError: a value is missing, unknown or not positive.
        """
        if set(values) != (names := {field.name for field in fields(cls)}):
            raise ValueError(f"style of lines: {sorted(names)} are needed, not {sorted(values)}")
        return cls(**values)


def measure_lines(drawings: Sequence[Gray]) -> LineStyle:
    """Measures the lines of drawings.

    Args:
        drawings: (H, W) uint8, normalized: white paper, dark lines. Of many, some are measured.

    Returns:
        The style of the drawings that have lines; the usual one if none has.
    """
    measured = [each for each in map(_measure, some_of(drawings)) if each is not None]
    if not measured:
        return LineStyle()
    width, faint, _ = np.median([lines for lines, _ in measured], axis=0)
    length = np.quantile([lines[2] for lines, _ in measured], 0.9)
    shares = np.mean([areas for _, areas in measured], axis=0)
    solid = np.interp(-_LEAST_AREAS, -shares, _AREAS)
    return LineStyle(*(round(float(value), 5) for value in (width, faint, length, max(solid, 2 * width))))


def some_of(drawings: Sequence[Gray]) -> Sequence[Gray]:
    """Returns the drawings that are measured: of many, some, evenly."""
    return drawings[:: max(1, len(drawings) // _MOST_MEASURED)]


def line_width(drawing: Gray) -> float | None:
    """Measures the width of a drawing's lines, as a share of its shorter side; None if it has next to none.

    Args:
        drawing: (H, W) uint8, dark lines on white.
    """
    measured = _measure(drawing)
    return measured[0][0] if measured else None


def _measure(drawing: Gray) -> tuple[tuple[float, float, float], list[float]] | None:
    """Measures one drawing.

    Returns:
        Its width, faintness and length, and the share of its ink that is in areas of each width; None without lines.
    """
    side = min(drawing.shape)
    ink = 1 - drawing.astype(np.float32) / np.float32(255)
    lines = ink - _opened(ink, _WIDEST_LINE)
    # by the coarea formula, the total variation of a stroke is its darkness times its outline: twice its length
    variation = _variation(lines)
    if variation < 2 * side * _INK:
        return None
    width = 2 * float(lines.sum()) / variation
    crests = lines[(lines > _INK) & (lines >= cv2.dilate(lines, np.ones((3, 3), np.uint8)))]
    faint, usual, dark = np.quantile(crests, (0.2, 0.5, 0.8))
    length = variation / (2 * float(usual)) * side / drawing.size
    areas = [float(_opened(ink, share).sum() / ink.sum()) for share in _AREAS]
    return (width / side, float(faint / dark), length), areas


def _opened(ink: _Floats, share: float) -> _Floats:
    """Keeps what is as wide as a share of the shorter side."""
    diameter = min(ink.shape) * share
    if share < _WIDE:
        element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(diameter) | 1,) * 2)
    else:
        element = np.ones((round(diameter / np.sqrt(2)) | 1,) * 2, np.uint8)
    return np.asarray(cv2.morphologyEx(ink, cv2.MORPH_OPEN, element, borderType=cv2.BORDER_REPLICATE))


def _variation(ink: _Floats) -> float:
    down, across = np.diff(ink, axis=0)[:, :-1], np.diff(ink, axis=1)[:-1]
    return float(np.sqrt(down**2 + across**2).sum())
