"""Colours the held-out lineart: as arrays for the score, and as a sheet of samples for people."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from cyclegan.painting.drawing import read_drawing
from cyclegan.painting.guide import AS_IT_COMES
from cyclegan.painting.painter import Painter
from cyclegan.painting.styles import style_code
from imaging.sheet import grid

_PICTURES, _ROWS = 12, 6  # in a row, rows
_TILE = 128


def translate_all(painter: Painter, lineart: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Colours drawings as :func:`translate` does each, in a style of its own if the painter has styles."""
    return [translate(painter, drawing, number) for number, drawing in enumerate(lineart, start=1)]


def translate(painter: Painter, lineart: np.ndarray, style: int = 1) -> np.ndarray:
    """Colours one drawing as it would be served.

    Args:
        painter: with its memory.
        lineart: (H, W) uint8, normalized, of the painter's size.
        style: number of the style, for a painter with styles.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    page = np.repeat(lineart[..., None], 3, axis=2)
    (map_,) = painter.maps(lineart[None], style_code(style) if painter.config.has_styles else None)
    drawing = read_drawing(page, None, lineart, lineart, map_, painter.memory())
    return np.asarray(drawing.layered(AS_IT_COMES).merged())


def sample_sheet(
    lineart: Sequence[np.ndarray],
    ema: Sequence[np.ndarray],
    raw: Sequence[np.ndarray],
    attention: Sequence[np.ndarray] = (),
) -> Image.Image:
    """Draws a sheet of the first drawings, three or four pictures for each.

    Args:
        lineart: (H, W) uint8 each.
        ema: the drawings coloured by the averaged weights, (H, W, 3) uint8 each.
        raw: the drawings coloured by the weights of the last step, (H, W, 3) uint8 each.
        attention: what the averaged weights look at, (H, W, 3) uint8 each; empty for painters without attention.
    """
    kinds = {"lineart": lineart, "EMA": ema, "raw": raw} | ({"attention": attention} if attention else {})
    columns = _PICTURES // len(kinds)
    groups = list(zip(*kinds.values(), strict=True))[: columns * _ROWS]
    rows = [
        [Image.fromarray(image).convert("RGB") for group in groups[start : start + columns] for image in group]
        for start in range(0, len(groups), columns)
    ]
    return grid(rows, captions=list(kinds) * min(columns, len(groups)), tile=_TILE, gap=4)


def looked_at(painter: Painter, lineart: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Draws the attention of a painter over drawings (H, W) uint8, red where it is strong: (H, W, 3) uint8 each.

    Returns:
        An empty list for a painter without attention.
    """
    found = []
    for drawing in lineart[: _PICTURES * _ROWS]:
        attention = painter.attention(drawing)
        if attention is None:
            return []
        wide = cv2.resize(attention, drawing.shape[::-1], interpolation=cv2.INTER_LINEAR)
        heat = cv2.cvtColor(
            cv2.applyColorMap(np.rint(wide * 255).astype(np.uint8), cv2.COLORMAP_JET), cv2.COLOR_BGR2RGB
        )
        found.append((heat * (0.4 + 0.6 * drawing[..., None] / 255)).astype(np.uint8))
    return found
