"""Finds the same drawing as lineart and in colour, or in different colours, by its lines alone.

If one of such a pair were in the training set and the other held out, a model would be scored on what it has seen.
Hashes of the brightness differ as much between a drawing and its colouring as between any two drawings, because the
coloured areas outweigh the lines. So the lines are extracted first: a black-hat transform (Serra, Image Analysis and
Mathematical Morphology, 1982) keeps what is dark and thin, on any background.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from imaging.border import content_box
from imaging.dedupe import Hashes, Pairs, pairs_of_equal

MAX_LINE_DISTANCE = 48  # bits of 256; hardly any two unrelated drawings differ by less than 75
MIN_LINES = 0.25  # mean strength of the lines, in grey levels; with less, the hash is noise

_SIDE = 256  # side of the shrunk picture from which lines are extracted, px
_WIDEST_LINE = 5  # pixels at that size
_STRONGEST = 16  # grey levels; stronger lines are clipped, so that pale lines on a dark colour count as much as ink
_CELLS, _FREQUENCIES = 32, 16
_CUT = 13  # pixels at that size: 5 %
_CROPS = [(0, 0, 0, 0), (_CUT, _CUT, _CUT, _CUT)] + [
    tuple(_CUT * (side == cut) for side in range(4)) for cut in range(4)
]

_MAX_COARSE_DISTANCE = 16  # of the 64 bits of lowest frequency, which differ least
_NUM_COARSE, _KEY_BITS = 96, 16
_STRIDES = (1, 5, 7, 11, 13, 17)  # coprime to 96, so that each stride makes six other keys of the same bits
_MAX_NEIGHBOURS = 256  # compared within one key: bounds the time for many similar pages


def line_hash(image: Image.Image | npt.NDArray[np.uint8]) -> str:
    """Hashes the lines of a picture.

    Args:
        image: an RGB picture, or its pixels, uint8 (H, W, 3).

    Returns:
        64 hex digits: the signs of the low frequencies of the lines, lowest first; "" for a picture without lines.
    """
    lines = _lines(np.asarray(image))
    return "" if lines is None else _hash(lines)


def crop_hashes(image: Image.Image | npt.NDArray[np.uint8]) -> str:
    """Hashes the lines of a picture without its borders: of all of it, and of crops that are 5 % smaller.

    By these, a copy with a border or a slightly different crop is found; see :mod:`imaging.reframed`.

    Args:
        image: an RGB picture, or its pixels, uint8 (H, W, 3).

    Returns:
        64 hex digits for each of: all, cropped on all sides, on the left, top, right, bottom; "" without lines.
    """
    pixels: npt.NDArray[np.uint8] = np.asarray(image)
    left, top, right, bottom = content_box(pixels)
    lines = _lines(pixels[top:bottom, left:right])
    if lines is None:
        return ""
    return "".join(_hash(lines[top : _SIDE - bottom, left : _SIDE - right]) for left, top, right, bottom in _CROPS)


def line_map(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Returns the strength of the lines of RGB pixels (H, W, 3), (256, 256) in 0..16 grey levels."""
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_WIDEST_LINE, _WIDEST_LINE))
    return np.minimum(cv2.morphologyEx(small, cv2.MORPH_BLACKHAT, element), _STRONGEST).astype(np.float32)


def same_lines(hashes: Sequence[str]) -> Pairs:
    """Finds pairs of pictures whose hashes differ in at most 48 of their 256 bits.

    Such hashes agree in some groups of their coarse bits. So pictures are grouped by 36 keys of 16 such bits, and
    only pictures with a common key are compared. Of pairs that differ in a tenth of their bits, this misses 2 %.

    Args:
        hashes: from :func:`line_hash`; an empty hash is in no pair.

    Returns:
        (P, 2) int64 positions i < j, the nearest pair first.
    """
    known = np.flatnonzero([bool(digits) for digits in hashes])
    if not known.size:
        return np.empty((0, 2), np.int64)
    packed = np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(len(known), -1)
    words = packed.view(np.uint64).T.copy()
    near = [np.empty((0, 2), np.int64)]
    for key in _keys(packed):
        near += [_near(words, pairs) for pairs in pairs_of_equal(key, _MAX_NEIGHBOURS)]
    pairs = np.unique(np.concatenate(near), axis=0)
    order = np.argsort(_distance(words, pairs), kind="stable")
    return np.asarray(known[pairs[order]])


def _lines(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32] | None:
    lines = line_map(pixels)
    return None if lines.mean() < MIN_LINES else lines


def _hash(lines: npt.NDArray[np.float32]) -> str:
    cells = np.sqrt(cv2.resize(lines, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA))
    coefficients = cv2.dct(cells)[:_FREQUENCIES, :_FREQUENCIES]
    coefficients[0, 0] = 0  # the amount of lines distinguishes little
    return np.packbits(coefficients.ravel()[_LOWEST_FIRST] > 0).tobytes().hex()


def _near(words: Hashes, pairs: Pairs) -> Pairs:
    pairs = pairs[_distance(words[:1], pairs) <= _MAX_COARSE_DISTANCE]  # leaves few pairs for the full comparison
    return np.asarray(pairs[_distance(words, pairs) <= MAX_LINE_DISTANCE])


def _keys(packed: npt.NDArray[np.uint8]) -> Iterator[Hashes]:
    bits = np.unpackbits(packed[:, : _NUM_COARSE // 8], axis=1)
    for stride in _STRIDES:
        mixed = bits[:, np.arange(_NUM_COARSE) * stride % _NUM_COARSE]
        bit_groups = np.ascontiguousarray(np.packbits(mixed, axis=1)).view(np.uint16)
        yield from bit_groups.T.astype(np.uint64)


def _distance(words: Hashes, pairs: Pairs) -> npt.NDArray[np.int64]:
    """Returns the distance of each pair in bits; `words` are the hashes, (words, N)."""
    first, second = pairs.T
    distance = np.zeros(len(pairs), np.int64)
    for word in words:
        distance += np.bitwise_count(word[first] ^ word[second])
    return distance


def _lowest_first() -> npt.NDArray[np.int64]:
    down, across = np.indices((_FREQUENCIES, _FREQUENCIES))
    return np.argsort((down + across).ravel(), kind="stable")


_LOWEST_FIRST = _lowest_first()
# bits that mirroring inverts: the cosine of an odd frequency has the opposite sign
MIRRORED = np.packbits(_LOWEST_FIRST % _FREQUENCIES % 2)
