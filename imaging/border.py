"""Finds the part of a picture inside its margins and borders."""

import cv2
import numpy as np
import numpy.typing as npt

Box = tuple[int, int, int, int]

_SIDE = 256  # side to which the picture is shrunk, px; a border is found to within one of these pixels
_MAX_DIFFERENCE = 24  # grey levels in any channel between pixels of one border
_MAX_SPECKS = 1  # pixels of a row or column that may differ from its border
_MAX_BORDERS = 3  # one around the other, such as a black frame around white margins
_MIN_CONTENT = 8  # pixels of the shrunk picture; less is no content


def content_box(pixels: npt.NDArray[np.uint8]) -> Box:
    """Finds the part of a picture that is left without its borders of one colour each.

    Args:
        pixels: RGB, uint8 (H, W, 3).

    Returns:
        left, top, right, bottom in px; the whole picture if it has no border or only one colour.
    """
    left, top, right, bottom = 0, 0, pixels.shape[1], pixels.shape[0]
    for _ in range(_MAX_BORDERS):
        inner = _inside_one_border(pixels[top:bottom, left:right])
        if inner == (0, 0, right - left, bottom - top):
            break
        left, top, right, bottom = left + inner[0], top + inner[1], left + inner[2], top + inner[3]
    return left, top, right, bottom


def _inside_one_border(pixels: npt.NDArray[np.uint8]) -> Box:
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    rim = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    differs = np.abs(small - np.median(rim, axis=0)).max(axis=2) > _MAX_DIFFERENCE
    rows, columns = (np.flatnonzero(differs.sum(axis=axis) > _MAX_SPECKS) for axis in (1, 0))
    if min(len(rows), len(columns)) < _MIN_CONTENT:
        return 0, 0, width, height
    left, right = _cut(columns, width)
    top, bottom = _cut(rows, height)
    return left, top, right, bottom


def _cut(content: npt.NDArray[np.int64], length: int) -> tuple[int, int]:
    """Returns where the content begins and ends, in px of a side, without a pixel that is half border."""
    first, last = int(content[0]), int(content[-1]) + 1
    first, last = first + (first > 0), last - (last < _SIDE)
    return round(first * length / _SIDE), max(round(first * length / _SIDE) + 1, round(last * length / _SIDE))
