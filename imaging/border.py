"""Finds the part of a picture inside its margins and borders."""

import cv2
import numpy as np
import numpy.typing as npt

Box = tuple[int, int, int, int]  # left, top, right, bottom, px
Margins = tuple[int, int, int, int]  # widths at the left, top, right, bottom, px

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
    height, width = pixels.shape[:2]
    small = np.asarray(cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    left, top, right, bottom = 0, 0, _SIDE, _SIDE
    for _ in range(_MAX_BORDERS):
        inside = _inside_one_border(small[top:bottom, left:right])
        left, top, right, bottom = left + inside[0], top + inside[1], right - inside[2], bottom - inside[3]
        if not any(inside):
            break
    across, down = width / _SIDE, height / _SIDE
    left, top, right, bottom = round(left * across), round(top * down), round(right * across), round(bottom * down)
    return (left, top, right, bottom) if left < right and top < bottom else (0, 0, width, height)


def _inside_one_border(small: npt.NDArray[np.uint8]) -> Margins:
    """Returns the widths of the border on the left, at the top, on the right and at the bottom."""
    rim = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    different = cv2.absdiff(small, np.broadcast_to(np.median(rim, axis=0).astype(np.uint8), small.shape))
    differs = np.maximum.reduce(cv2.split(different)) > _MAX_DIFFERENCE
    (top, bottom), (left, right) = (_margins(differs.sum(axis=axis) > _MAX_SPECKS) for axis in (1, 0))
    if min(small.shape[0] - top - bottom, small.shape[1] - left - right) < _MIN_CONTENT:
        return 0, 0, 0, 0
    return left, top, right, bottom


def _margins(content: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Returns the widths of the border before and after the content, with the pixel that is half border."""
    found = np.flatnonzero(content)
    if not len(found):
        return len(content), 0
    before, after = int(found[0]), len(content) - 1 - int(found[-1])
    return before + (before > 0), after + (after > 0)
