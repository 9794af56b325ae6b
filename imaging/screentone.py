"""Finds screentone, grey made of a lattice of dots, and takes it off a drawing, so that only its lines are left.

The dots of a tone are alike in size and each has four neighbours at one distance; strokes, freckles and stipples by
hand have not. Each dot would count as a line, and divide the area under the tone into as many pieces.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_INK = 200  # grey level; a pixel that is darker belongs to a dot, or to a line
_WIDEST_DOT = 1 / 40  # of the shorter side of the page
_FEWEST = 24  # regular dots; with fewer, they are drawn as such
_NEAR = 1.25  # times the distance of the nearest dot, within which a dot of a lattice has four neighbours in all
_ALIKE = 2.0  # times its area, by which neighbours are larger at most
_REACH = 2.0  # times the distance of the dots, within which smaller ones, cut off by lines, are of the tone
_BORDER = 3  # rows of dots around the regular ones that may be of the tone
_NEIGHBOURS = 4
_KD_TREE = {"algorithm": 4}  # a single one: exact, and the same at every run


def without_screentone(gray: Gray) -> Gray:
    """Takes screentone off a drawing.

    Args:
        gray: (H, W) uint8, dark lines on light paper.

    Returns:
        (H, W) uint8: where there were dots of a tone, there is paper; `gray` itself if there are none.
    """
    ink = (gray < _INK).astype(np.uint8)
    # the usual algorithm takes three times as long where stats are wanted
    count, labels, stats, centres = cv2.connectedComponentsWithStatsWithAlgorithm(ink, 8, cv2.CV_32S, cv2.CCL_BBDT)
    size = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1)
    small = np.flatnonzero(size <= max(3, _WIDEST_DOT * min(gray.shape)))
    if len(small) < _FEWEST:
        return gray
    dots = _of_tones(centres[small].astype(np.float32), stats[small, cv2.CC_STAT_AREA])
    if not dots.any():
        return gray
    chosen = np.zeros(count, np.uint8)
    chosen[small[dots]] = 1
    # with the soft edges of the dots
    covered = cv2.dilate(chosen[labels], np.ones((3, 3), np.uint8)).astype(bool) & (
        (labels == 0) | (chosen[labels] > 0)
    )
    bare = gray.copy()
    bare[covered] = np.percentile(gray, 95)
    return bare


def _of_tones(centres: Floats, areas: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Tells which of small dots, at (n, 2) centres and of (n,) px, belong to a tone."""
    index = cv2.flann_Index(centres, _KD_TREE)  # type: ignore[attr-defined]  # OpenCV's stubs lack it
    found, squares = index.knnSearch(centres, _NEIGHBOURS + 1)
    distance = np.sqrt(squares[:, 1:])  # the nearest of all is the dot itself
    near = areas[found[:, 1:]]
    alike = (near <= _ALIKE * areas[:, None]) & (near * _ALIKE >= areas[:, None])
    regular = (distance[:, -1] <= _NEAR * distance[:, 0]) & alike.all(1)
    regular &= regular[found[:, 1:]].sum(1) >= _NEIGHBOURS - 1  # a lattice goes on; strokes side by side do not
    if regular.sum() < _FEWEST:
        return np.zeros(len(areas), bool)
    # around regular dots, at their distance, are those at the border of the tone, some cut off by lines
    close = distance <= _REACH * np.median(distance[regular])
    fitting = areas <= _ALIKE * np.median(areas[regular])
    tone = regular
    for _ in range(_BORDER):
        tone = tone | ((tone[found[:, 1:]] & close).any(1) & fitting)
    return np.asarray(tone)
