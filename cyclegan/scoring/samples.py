"""Colours the held-out lineart: as arrays for the score, and as a sheet of samples for people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from cyclegan.painting.drawing import read_drawing
from cyclegan.painting.guide import AS_IT_COMES
from cyclegan.painting.painter import Painter
from imaging.sheet import grid

_COLUMNS, _ROWS = 4, 6
_TILE = 128


def translate(painter: Painter, lineart: np.ndarray) -> np.ndarray:
    """Colours one drawing as it would be served.

    Args:
        painter: with its memory.
        lineart: (H, W) uint8, normalized, of the painter's size.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    page = np.repeat(lineart[..., None], 3, axis=2)
    drawing = read_drawing(page, None, lineart, lineart, painter.maps(lineart[None])[0], painter.memory())
    return np.asarray(drawing.layered(AS_IT_COMES).merged())


def sample_sheet(lineart: Sequence[np.ndarray], ema: Sequence[np.ndarray], raw: Sequence[np.ndarray]) -> Image.Image:
    """Draws a sheet of the first drawings, three pictures for each.

    Args:
        lineart: (H, W) uint8 each.
        ema: the drawings coloured by the averaged weights, (H, W, 3) uint8 each.
        raw: the drawings coloured by the weights of the last step, (H, W, 3) uint8 each.
    """
    triples = list(zip(lineart, ema, raw, strict=True))[: _COLUMNS * _ROWS]
    rows = [
        [Image.fromarray(image).convert("RGB") for triple in triples[start : start + _COLUMNS] for image in triple]
        for start in range(0, len(triples), _COLUMNS)
    ]
    return grid(rows, captions=["lineart", "EMA", "raw"] * min(_COLUMNS, len(triples)), tile=_TILE, gap=4)
