"""The same drawing in lines and in colour, or in other colours: found by its lines alone.

One of a pair in the training pictures and the other one held out would let a model be scored on what it has seen.
Hashes of brightness lie as far apart for a drawing and its colouring as for any two drawings, since the coloured areas
outweigh the lines. So the lines are extracted first: a black hat (Serra, Image Analysis and Mathematical Morphology,
1982) keeps what is dark and thin, whatever it is drawn on.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from imaging.dedupe import Hashes, Pairs, pairs_of_equal

MAX_LINE_DISTANCE = 48  # bits of 256; of unrelated drawings, hardly any two are nearer than 75
MIN_LINES = 0.25  # mean strength of the lines, in grey levels; the hash of an emptier page is noise

_SIDE = 256  # of the picture that lines are looked for in
_WIDEST_LINE = 5  # pixels at that size
_STRONGEST = 16  # grey levels; beyond it a line counts no more, so pale lines on a dark colour count as much as ink
_CELLS, _WAVES = 32, 16

_MAX_COARSE_DISTANCE = 16  # bits of the 64 of lowest frequency, which differ least
_NUM_COARSE, _KEY_BITS = 96, 16
_STRIDES = (1, 5, 7, 11, 13, 17)  # relatively prime to 96, so that each makes six other keys of the same bits
_MAX_NEIGHBOURS = 256  # compared within one key, so that many pages alike cannot take forever


def line_hash(image: Image.Image | npt.NDArray[np.uint8]) -> str:
    """64 hex digits: the signs of the low frequencies of the lines, lowest first; "" without lines.

    image: an RGB picture, or its pixels (H, W, 3).
    """
    gray = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_WIDEST_LINE, _WIDEST_LINE))
    lines = np.minimum(cv2.morphologyEx(small, cv2.MORPH_BLACKHAT, brush), _STRONGEST).astype(np.float32)
    if lines.mean() < MIN_LINES:
        return ""
    cells = np.sqrt(cv2.resize(lines, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA))
    waves = cv2.dct(cells)[:_WAVES, :_WAVES]
    waves[0, 0] = 0  # how many lines there are says little
    return np.packbits(waves.ravel()[_LOWEST_FIRST] > 0).tobytes().hex()


def same_lines(hashes: Sequence[str]) -> Pairs:
    """Pairs (P, 2) of positions i < j whose hashes differ in at most 48 of their 256 bits, the nearest first.

    Hashes that differ by so little agree in some stretches of their coarse bits. Pictures are therefore put side by
    side by 36 keys of 16 such bits, and only neighbours are compared: of pairs that differ in one bit of ten, two in a
    hundred are missed. An empty hash is in no pair.
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


def _near(words: Hashes, pairs: Pairs) -> Pairs:
    pairs = pairs[_distance(words[:1], pairs) <= _MAX_COARSE_DISTANCE]  # leaves few to compare whole
    return np.asarray(pairs[_distance(words, pairs) <= MAX_LINE_DISTANCE])


def _keys(packed: npt.NDArray[np.uint8]) -> Iterator[Hashes]:
    bits = np.unpackbits(packed[:, : _NUM_COARSE // 8], axis=1)
    for stride in _STRIDES:
        mixed = bits[:, np.arange(_NUM_COARSE) * stride % _NUM_COARSE]
        stretches = np.ascontiguousarray(np.packbits(mixed, axis=1)).view(np.uint16)
        yield from stretches.T.astype(np.uint64)


def _distance(words: Hashes, pairs: Pairs) -> npt.NDArray[np.int64]:
    """In bits, of hashes given as (words, N)."""
    first, second = pairs.T
    distance = np.zeros(len(pairs), np.int64)
    for word in words:
        distance += np.bitwise_count(word[first] ^ word[second])
    return distance


def _lowest_first() -> npt.NDArray[np.int64]:
    down, across = np.indices((_WAVES, _WAVES))
    return np.argsort((down + across).ravel(), kind="stable")


_LOWEST_FIRST = _lowest_first()
