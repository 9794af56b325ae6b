"""A coloured drawing as its layers, at the drawing's own size, and how they become one picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

_STRIP = 512  # rows multiplied at once, so that little memory is taken beside the picture

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Layered:
    """What an editor would show as layers, from top to bottom.

    Attributes:
        lines: (H, W, 3), the drawing as it was given, on white; multiplied over what lies below.
        flats: (H, W, 3), the colours; they go on under the lines.
        alpha: (H, W), 0 where the drawing is transparent; None where nothing is.
    """

    lines: Pixels
    flats: Pixels
    alpha: Pixels | None = None

    def merged(self) -> Image.Image:
        """lines × flats, rounded: RGB, or RGBA where the drawing has transparency."""
        picture = np.empty_like(self.flats)
        for top in range(0, len(picture), _STRIP):
            rows = slice(top, top + _STRIP)
            picture[rows] = (self.flats[rows].astype(np.uint16) * self.lines[rows] + 127) // 255
        image = Image.fromarray(picture)
        if self.alpha is not None:
            image.putalpha(Image.fromarray(self.alpha))
        return image
