"""Draws lineart in grey levels."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Gray = npt.NDArray[np.uint8]


def draw(darkness: int = 235, seed: int = 0, size: int = 256, width: int = 2) -> Gray:
    """Draws clean digital lineart: antialiased strokes of one darkness on pure white."""
    rng = np.random.default_rng(seed)
    page = Image.new("L", (size * 2, size * 2), 255)
    pen = ImageDraw.Draw(page)
    for _ in range(14):
        points = [(int(x), int(y)) for x, y in rng.integers(0, size * 2, (4, 2))]
        pen.line(points, fill=255 - darkness, width=2 * width, joint="curve")
    return np.asarray(page.resize((size, size), Image.Resampling.LANCZOS))
