"""Divides a drawing as LineFiller does, to compare with: trapped-ball filling (Zhang et al. 2009), one area at a time.

Written after https://github.com/hepesu/LineFiller (MIT licence) and the order of its README: balls of a radius of 3, 2
and 1 px, of the largest only the largest area, then what is left by flood fill. Its merging of slivers is left out: it
joins no two areas of more than 500 px, and takes time.
"""

from collections.abc import Iterator

import cv2
import numpy as np

RADII = 3, 2, 1  # px
_DARK = 220  # grey level under which a pixel is line


def divide(gray: np.ndarray) -> np.ndarray:
    """Returns the number of each pixel's area, (H, W) int32, of a drawing (H, W) uint8; 0 on lines."""
    free = (gray >= _DARK).astype(np.uint8)
    labels = np.zeros(gray.shape, np.int32)
    count = 0
    for radius in (*RADII, 0):
        fills = list(_fills(free.copy(), radius))
        if radius == max(RADII) and fills:
            fills = [max(fills, key=lambda fill: int(fill.sum()))]
        for fill in fills:
            count += 1
            labels[fill] = count
            free[fill] = 0
    return labels


def _fills(free: np.ndarray, radius: int) -> Iterator[np.ndarray]:
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    while (seeds := cv2.erode(free, ball) if radius else free).any():
        area = _flooded(free, seeds)
        if radius:
            core = cv2.erode(area, ball)
            area = cv2.dilate(_flooded(core, core), ball) & free
        free[area > 0] = 0
        yield area > 0


def _flooded(free: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Returns what can be reached from the first of the seeds, (H, W) uint8."""
    row, column = divmod(int(seeds.argmax()), seeds.shape[1])
    mask = cv2.copyMakeBorder(1 - free, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(free.copy(), mask, (column, row), 0, flags=4 | (2 << 8) | cv2.FLOODFILL_MASK_ONLY)
    return np.ascontiguousarray((mask[1:-1, 1:-1] == 2).view(np.uint8))
