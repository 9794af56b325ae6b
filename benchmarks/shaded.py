"""Draws portraits that are shaded in a known way: cel, with hard shadows at one side of each part, or soft."""

from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.styles import draw
from imaging.lineart import normalize
from imaging.watershed import spread

FINE = 3  # times finer than the pictures, portraits are drawn
KINDS = ("flat", "cel", "soft")
TINT = np.array([0.74, 0.64, 0.76], np.float32)  # of shadows: the share of each channel that is left
_SHIFT = (0.08, -0.04)  # of the side, by which a shadow's edge follows the edge of its part; the light is at the left
_LEAST = 0.004  # of the picture; smaller parts have no shadow

Floats = np.ndarray  # float32


@dataclass(frozen=True)
class Shaded:
    """A portrait with known shadows.

    Attributes:
        lines: (side, side) uint8, normalized.
        flats: (side, side, 3) float32 in 0..1, colours in full light under the lines.
        mask: (side, side) float32, 1 in shadow.
        ink: (side, side) float32, what the lines leave of the colours.
    """

    lines: np.ndarray
    flats: Floats
    mask: Floats
    ink: Floats

    def picture(self, mask: Floats | None = None) -> np.ndarray:
        """Returns the picture, (side, side, 3) uint8, or one with other shadows."""
        shade = 1 - (self.mask if mask is None else mask)[..., None] * (1 - TINT)
        return np.rint(255 * np.clip(self.flats * shade * self.ink[..., None], 0, 1)).astype(np.uint8)


def shaded(style: str, seed: int, side: int, kind: str) -> Shaded:
    """Draws a portrait.

    Args:
        style: one of `benchmarks.styles.STYLES`.
        seed: decides everything but the size.
        side: width and height in pixels.
        kind: one of KINDS.
    """
    lines, colour = draw(style, seed, side * FINE)
    near = cv2.dilate((lines < 250).view(np.uint8), np.ones((3, 3), np.uint8))
    numbers = np.arange(lines.size, dtype=np.int32).reshape(lines.shape)
    flats = colour.reshape(-1, 3)[spread(numbers, near == 0)]
    mask = np.zeros(lines.shape, np.float32) if kind == "flat" else _shadows(flats)
    if kind == "soft":
        mask = cv2.GaussianBlur(mask, (0, 0), 0.02 * side * FINE)
    mask *= (flats < 250).any(2)
    size = (side, side)
    small = [cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (lines, flats / np.float32(255), mask)]
    toned = normalize(np.asarray(small[0], dtype=np.uint8)).image
    return Shaded(toned, small[1], small[2], small[0].astype(np.float32) / 255)


def _shadows(flats: np.ndarray) -> Floats:
    """Returns the shadows of each part of one colour: what a copy of it, moved towards the light, leaves uncovered."""
    side = len(flats)
    move = np.array([[1, 0, -_SHIFT[0] * side], [0, 1, _SHIFT[1] * side]])
    mask = np.zeros(flats.shape[:2], np.float32)
    names = flats.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
    colours, areas = np.unique(names, return_counts=True)
    for name in colours[areas > _LEAST * names.size]:
        count, pieces, stats, _ = cv2.connectedComponentsWithStats((names == name).view(np.uint8))
        for piece in range(1, count):
            if stats[piece, cv2.CC_STAT_AREA] > _LEAST * names.size:
                part = (pieces == piece).astype(np.uint8)
                moved = cv2.warpAffine(part, move, part.shape[::-1], borderValue=0)
                mask[(part > 0) & (moved == 0)] = 1
    return mask
