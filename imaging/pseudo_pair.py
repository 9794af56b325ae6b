"""Makes pseudo-pairs: a colour picture as a drawing of domain A would be coloured, and the lines of that drawing.

Most drawings have blank grounds, and painted pictures have not; a painter that learned from them as they are coloured
the blank paper all round a figure. So where drawings have blank grounds, the plain ground of a picture becomes white,
in the picture and in its lines. Lines are found in the picture as it was, so that a pale figure has an outline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from imaging.ground import Gray, Pixels, cover, find_ground, whitened
from imaging.line_style import LineStyle, measure_lines, some_of
from imaging.lines import TracedLines, trace_lines

_BLANK = 0.15  # share of a drawing that is a blank ground; the margin around a framed scene is less
_OUTLINE = 4  # line widths across which the outline of a figure may lie, half of it on the ground


@dataclass(frozen=True)
class DrawingStyle:
    """What drawings look like, as far as pictures are made like them.

    Attributes:
        lines: style of their lines.
        blank_ground: whether most of them have a blank ground.
    """

    lines: LineStyle = field(default_factory=LineStyle)
    blank_ground: bool = False


@dataclass(frozen=True)
class PseudoPair:
    """A colour picture, and its lines, to be drawn in several ways.

    Attributes:
        colour: (H, W, 3) uint8 RGB.
        traced: its lines.
        blank: (H, W) uint8, 255 where no lines are drawn; None: nowhere.
    """

    colour: Pixels
    traced: TracedLines
    blank: Gray | None = None

    def draw(self, variant: int = 0) -> Gray:
        """Draws the lines: (H, W) uint8; see `imaging.lines.TracedLines.draw`."""
        lines = self.traced.draw(variant)
        return lines if self.blank is None else np.asarray(cv2.max(lines, self.blank), dtype=np.uint8)


def measure_drawings(drawings: Sequence[Gray]) -> DrawingStyle:
    """Measures what drawings look like.

    Args:
        drawings: (H, W) uint8, normalized: white paper, dark lines. Of many, some are measured.
    """
    grounds = [find_ground(np.dstack([each] * 3)).where for each in some_of(drawings)]
    drawn = [float(where.mean()) > _BLANK for where in grounds if not where.all()]
    return DrawingStyle(measure_lines(drawings), 2 * sum(drawn) > len(drawn))


def pseudo_pair(colour: Pixels, style: DrawingStyle) -> PseudoPair:
    """Makes a pseudo-pair of a picture.

    Args:
        colour: (H, W, 3) uint8 RGB.
        style: what drawings look like.
    """
    traced = trace_lines(colour, style.lines)
    ground = find_ground(colour) if style.blank_ground else None
    if ground is None or not ground.rim:
        return PseudoPair(colour, traced)
    covered = cover(colour, ground)
    beside = max(5, round(_OUTLINE * style.lines.width * min(colour.shape[:2])) | 1)
    blank = np.asarray(cv2.erode(covered, np.ones((beside, beside), np.uint8)), dtype=np.uint8)
    return PseudoPair(whitened(colour, ground, covered), traced, blank)
