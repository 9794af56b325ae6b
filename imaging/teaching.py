"""Tells which colour pictures can teach no colours, though they have some: those nearly all dark or of text."""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Gray = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.int32]

DARK, TEXT = "nearly all dark", "mostly text"
TEACHES_LITTLE = (DARK, TEXT)

_DARK_SIDE = 64
_BLACK = 50  # level of the lightest channel; at most so light, nobody sees what colour it is
_LEAST_LIGHT = 0.05  # share of a picture that is lighter; of 406 real ones, a painted night has least, 0.25

_TEXT_SIDE = 512  # px of the shorter side at which letters are looked for; all px below are of this size
_AROUND, _CONTRAST = 41, 24  # px, grey levels: letters are so much darker or lighter than what is around
_LETTER = 4, 48  # px, heights
_WIDEST, _LEAST_FULL = 4, 0.12  # of its height; of its box
_LINE_OF, _UNEVEN = 6, 2.2  # letters, at least; height of a line over the median of its letters', at most
_MOST_TEXT = 0.3  # share of a picture that is lines of text; see benchmarks/teaching.py


def why_not(pixels: Pixels) -> str:
    """Returns why a picture teaches little, one of TEACHES_LITTLE; "" if it teaches.

    Args:
        pixels: (H, W, 3) uint8 RGB.
    """
    if light_share(pixels) < _LEAST_LIGHT:
        return DARK
    return TEXT if text_share(pixels) > _MOST_TEXT else ""


def light_share(pixels: Pixels) -> float:
    """Returns the share of a picture, (H, W, 3) uint8 RGB, that is light enough to show a colour."""
    small = cv2.resize(pixels, (_DARK_SIDE, _DARK_SIDE), interpolation=cv2.INTER_AREA)
    return float((small.max(axis=2) > _BLACK).mean())


def text_share(pixels: Pixels) -> float:
    """Returns the share of a picture, (H, W, 3) uint8 RGB, that is lines of letters, with the space between them."""
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    scale = _TEXT_SIDE / min(gray.shape)
    size = [round(side * scale) for side in gray.shape[::-1]]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    gray = np.asarray(cv2.resize(gray, size, interpolation=way), dtype=np.uint8)
    around = cv2.blur(gray, (_AROUND, _AROUND))
    covered = np.zeros(gray.shape, np.uint8)
    for apart in (cv2.subtract(around, gray), cv2.subtract(gray, around)):
        letters = _letters(np.asarray(apart > _CONTRAST).view(np.uint8))
        _, _, width, height = letters.T
        if (2 * height * (width + height)).sum() < _MOST_TEXT / 2 * gray.size:  # so few that it need not be known
            continue
        for left, top, right, bottom in _lines(letters, gray.shape):
            covered[max(0, top) : bottom, left:right] = 1
    return float(covered.mean())


def _letters(mask: Gray) -> Boxes:
    """Returns what has the shape of letters or of joined ones: (n, 4), left, top, width and height of each."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    _, _, width, height, area = stats[1:].T
    least, most = _LETTER
    shaped = (height >= least) & (height <= most) & (width <= _WIDEST * height)
    return np.asarray(stats[1:][shaped & (area >= _LEAST_FULL * width * height), :4])


def _lines(letters: Boxes, shape: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Yields lines of letters of one height: left, top, right, bottom of each, with half a letter above and below."""
    joined = np.zeros(shape, np.uint8)
    for x, y, w, h in letters.tolist():  # only the middles of letters, lest lines of text join each other
        cv2.rectangle(joined, (x, y + h // 4), (x + w + h, y + 3 * h // 4), 1, -1)
    rows = np.asarray(cv2.connectedComponents(joined, connectivity=4)[1])
    row = rows[letters[:, 1] + letters[:, 3] // 2, letters[:, 0]]
    order = np.argsort(row, kind="stable")
    for members in np.split(letters[order], np.flatnonzero(np.diff(row[order])) + 1):
        (left, top), (right, bottom) = members[:, :2].min(axis=0), (members[:, :2] + members[:, 2:]).max(axis=0)
        usual = float(np.median(members[:, 3]))
        if len(members) >= _LINE_OF and bottom - top <= _UNEVEN * usual:
            yield int(left), int(top - usual / 2), int(right), int(bottom + usual / 2)
