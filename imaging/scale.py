"""Measures at which scale drawings and colour pictures show things: a painter learns from both at one scale.

Two measures, as each sees what the other misses. Lines: outlines of pictures drawn like those drawings, but twice as
large, are twice as wide. Edges: a figure half as large on a plain ground leaves half as many in the same area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from imaging.ground import Pixels
from imaging.line_style import Gray, line_width
from imaging.pseudo_pair import DrawingStyle, pseudo_pair


@dataclass(frozen=True)
class Scale:
    """At which scale things are shown, in drawings and in colour pictures as they are learned from.

    Attributes:
        widths: medians of the width of lines and of dark outlines, shares of the shorter side; 0: too few have any.
        edges: medians of the share of pixels (0..1) that are edges.
    """

    widths: tuple[float, float]
    edges: tuple[float, float]

    @property
    def wider(self) -> float:
        """How many times as wide outlines of pictures are as lines of drawings; 1 where it is not known."""
        return self.widths[1] / self.widths[0] if min(self.widths) else 1.0

    @property
    def busier(self) -> float:
        """How many times as many edges pictures have as drawings."""
        return self.edges[1] / self.edges[0]


def measure_scale(lineart: Sequence[Gray], colour: Sequence[Pixels], style: DrawingStyle) -> Scale:
    """Measures the scale of some pictures of both domains, at least one of each.

    Args:
        lineart: (H, W) uint8, normalized: white paper, dark lines.
        colour: (H, W, 3) uint8 RGB.
        style: what the drawings look like.
    """
    pairs = [pseudo_pair(picture, style) for picture in colour]
    outlines = [np.rint(255 * (1 - pair.traced.ink)).astype(np.uint8) for pair in pairs]
    return Scale(
        (_usual([line_width(each) for each in lineart]), _usual([line_width(each) for each in outlines])),
        (_median([edges(each) for each in lineart]), _median([edges(pair.colour) for pair in pairs])),
    )


def edges(picture: np.ndarray) -> float:
    """Returns the share of a picture's pixels (0..1) that are edges of grey levels, and at least a thousandth.

    Args:
        picture: grey (H, W) or RGB (H, W, 3), uint8.
    """
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    found = cv2.Canny(cv2.GaussianBlur(grey, (0, 0), 1.0), 40, 100)
    return max(0.001, float((found > 0).mean()))


def _usual(widths: Sequence[float | None]) -> float:
    known = [width for width in widths if width is not None]
    return _median(known) if 2 * len(known) > len(widths) else 0.0


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))
