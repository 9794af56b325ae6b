"""Finds pictures that may show the same drawing in another frame: mirrored, cropped a little, or with a border.

A picture is known by the hashes of its lines, of the whole picture and of what is inside its borders. Each is compared
with all hashes of the other pictures, crops included, as they are and mirrored. What is found is only a suggestion,
for drawings made of the same parts are found, too: :mod:`imaging.overlay` decides.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imaging.dedupe import Hashes, Pairs
from imaging.line_hash import MIRRORED

MAX_DISTANCE = 64  # bits of 256; the frame of a crop may lie 2.5 % beside that of the nearest hashed crop

_DIGITS = 64  # of one hash
# at the end of a picture's hashes; those before are of the whole picture and of what is inside its borders
_NUM_CROPS = 5
_MAX_COARSE_DISTANCE = 16  # of the 64 bits of lowest frequency
_NUM_KEYS, _KEY_BITS = 24, 20
_MAX_COMPARED = 64  # for one key: bounds the time for many similar pages
_CHUNK = 1 << 19  # hashes looked up at once: bounds the memory
_MOST_THREADS = 4  # each needs memory
_MIX = np.uint64(0x9E3779B97F4A7C15)  # spreads the bits of a key evenly (Knuth's multiplicative hashing)


def reframed_pairs(hashes: Sequence[bytes]) -> Pairs:
    """Finds pairs of pictures with a hash in common, mirrored or not, up to 64 of its 256 bits.

    Such hashes agree in some groups of their coarse bits. So hashes are grouped by 24 keys of 20 such bits, and only
    those with a common key are compared.

    Args:
        hashes: of each picture; 32 bytes each from :func:`imaging.line_hash.line_hash` and six times as many from
            :func:`imaging.line_hash.crop_hashes`, or only one of these, or none.

    Returns:
        (P, 2) int64 positions i < j, sorted, each once.
    """
    table = _Table.pack(hashes)
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:  # NumPy lets them run at once
        both = np.unique(np.concatenate(list(pool.map(table.pairs, _masks()))))
    return np.stack(np.divmod(both, max(1, len(hashes))), axis=1)


@dataclass(frozen=True)
class _Table:
    """The hashes of all pictures.

    Attributes:
        words: (M, 4) uint64.
        owner: (M,) int64, the position of the picture.
        whole: (K,) int64, the hashes that are of no crop.
        number: of pictures.
    """

    words: Hashes
    owner: npt.NDArray[np.int64]
    whole: npt.NDArray[np.int64]
    number: int

    @classmethod
    def pack(cls, hashes: Sequence[bytes]) -> "_Table":
        counts = np.array([len(each) for each in hashes], np.int64) // (_DIGITS // 2)
        owner = np.repeat(np.arange(len(hashes)), counts)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        whole = np.where(counts > _NUM_CROPS, counts - _NUM_CROPS, counts)
        words = np.frombuffer(b"".join(hashes), np.uint64).reshape(-1, 4)
        return cls(words, owner, np.flatnonzero(place < whole[owner]), len(hashes))

    def pairs(self, mask: np.uint64) -> npt.NDArray[np.int64]:
        """Returns the near pairs that agree in the bits of `mask`, as first × number + second."""
        return np.unique(np.concatenate([np.empty(0, np.int64), *self._pairs(mask)]))

    def _pairs(self, mask: np.uint64) -> Iterator[npt.NDArray[np.int64]]:
        keys = _key(self.words[self.whole, 0], mask)
        both = np.sort(keys << np.uint64(32) | np.arange(len(keys), dtype=np.uint64))
        order = self.whole[(both & np.uint64(0xFFFFFFFF)).astype(np.int64)]
        coarse = self.words[order, 0]  # those of one key side by side, which memory gives fast
        sizes = np.bincount(keys.astype(np.int64), minlength=1 << _KEY_BITS).astype(np.int32)
        starts = np.cumsum(sizes, dtype=np.int32) - sizes
        for first in range(0, len(self.words), _CHUNK):
            for turned in MIRRORED.view(np.uint64), np.zeros(4, np.uint64):
                looked_up = self.words[first : first + _CHUNK, 0] ^ turned[0]
                key = _key(looked_up, mask).astype(np.int32)
                size, start = sizes[key], starts[key]
                query = np.flatnonzero(size)
                for step in range(min(_MAX_COMPARED, int(size.max(initial=0)))):
                    query = query[size[query] > step]
                    # with many under one key, each hash starts at another one, so that all have a chance
                    place = start[query] + (query + step) % size[query]
                    near = np.bitwise_count(looked_up[query] ^ coarse[place]) <= _MAX_COARSE_DISTANCE
                    yield self._near(first + query[near], order[place[near]], turned)

    def _near(self, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], turned: Hashes) -> npt.NDArray[np.int64]:
        differs = self.owner[one] != self.owner[other]
        one, other = one[differs], other[differs]
        distance = np.bitwise_count(self.words[one] ^ turned ^ self.words[other]).sum(axis=1, dtype=np.int64)
        one, other = (self.owner[each[distance <= MAX_DISTANCE]] for each in (one, other))
        return np.asarray(np.minimum(one, other) * self.number + np.maximum(one, other))


def _key(words: Hashes, mask: np.uint64) -> Hashes:
    return np.asarray((words & mask) * _MIX >> np.uint64(64 - _KEY_BITS))


def _masks() -> Iterator[np.uint64]:
    rng = np.random.default_rng(0)
    for _ in range(_NUM_KEYS):
        yield np.bitwise_or.reduce(np.uint64(1) << rng.choice(64, _KEY_BITS, replace=False).astype(np.uint64))
