"""Holds a coloured drawing as layers of the drawing's own size, and merges them into one picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

_STRIP = 512  # rows multiplied at once, to need little memory besides the picture

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Layered:
    """The layers of a coloured drawing, as an image editor shows them, from top to bottom.

    Attributes:
        lines: (H, W, 3) uint8, the drawing as given, on white; multiplied with the flats below.
        flats: (H, W, 3) uint8, the colours; they continue under the lines.
        alpha: (H, W) uint8, 0 where the drawing is transparent; None for an opaque drawing.
        labels: (H, W) int32, the number of each pixel's segment; None where the colours are not by segment.
        find_parts: returns (n,) int32, the number of each segment's part; None where `labels` is None.
        paper: (n,) bool, which segments are paper; None where `labels` is None.
        shading: (H, W, 4) uint8, tint and opacity of shadows, multiplied with the flats; None without shadows.
    """

    lines: Pixels
    flats: Pixels
    alpha: Pixels | None = None
    labels: npt.NDArray[np.int32] | None = None
    find_parts: Callable[[], npt.NDArray[np.int32]] | None = None
    paper: npt.NDArray[np.bool_] | None = None
    shading: Pixels | None = None

    @cached_property
    def parts(self) -> npt.NDArray[np.int32] | None:
        """The number of each segment's part, (n,) int32: what people take for one thing of one colour."""
        return self.find_parts() if self.find_parts else None

    def merged(self) -> Image.Image:
        """Returns lines × flats, in shadow: RGB, or RGBA where the drawing has transparency."""
        picture = np.empty_like(self.flats)
        for top in range(0, len(picture), _STRIP):
            rows = slice(top, top + _STRIP)
            if self.shading is None:
                picture[rows] = (self.flats[rows].astype(np.uint16) * self.lines[rows] + 127) // 255
            else:
                picture[rows] = _in_shadow(self.flats[rows], self.lines[rows], self.shading[rows])
        image = Image.fromarray(picture)
        if self.alpha is not None:
            image.putalpha(Image.fromarray(self.alpha))
        return image


def _in_shadow(flats: Pixels, lines: Pixels, shading: Pixels) -> Pixels:
    """Multiplies flats and lines, (h, w, 3), with shadows, (h, w, 4), and rounds once; below 2³² at each step."""
    left = 255 * 255 - shading[..., 3:].astype(np.uint32) * (255 - shading[..., :3])
    return np.asarray((left * flats * lines + 255**3 // 2) // 255**3, dtype=np.uint8)
