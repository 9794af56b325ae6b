"""Finds duplicates: pictures saved again, resized or recompressed, but not recoloured or grey versions.

Hashes of the brightness are the same for a drawing and its grey copy. So two pictures count as near duplicates only if
both hashes, the colours of a small thumbnail and the aspect ratio agree.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

MAX_HASH_DISTANCE = 4  # bits of 64, for each of the two hashes
MAX_RGB_DISTANCE = 4.0  # mean absolute difference of the thumbnails, in levels of 255
MAX_CELL_DISTANCE = 16  # largest difference in any channel of any thumbnail cell: detects recoloured details
MAX_ASPECT_RATIO = 1.02
MIN_DETAIL = 2.0  # grey levels; the hashes of a picture with less detail are noise

THUMB_SIDE = 8
_WORKING_SIDE = 288  # divisible by 32, 16, 9 and 8, the sizes to which it is shrunk
_NUM_CHUNKS = MAX_HASH_DISTANCE + 1

Hashes = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The data by which a picture is compared with others.

    Attributes:
        pixel_sha256: hex digest of size and RGB pixels, the same for lossless copies whatever their metadata.
        phash: 16 hex digits, signs of the low frequencies of the brightness.
        dhash: 16 hex digits, signs of the horizontal gradients of the brightness.
        width: of the picture, px.
        height: of the picture, px.
        thumb: base64 of the 8 × 8 RGB area average.
        detail: standard deviation of the brightness at 32 × 32, in grey levels.
    """

    pixel_sha256: str
    phash: str
    dhash: str
    width: int
    height: int
    thumb: str
    detail: float

    def to_row(self) -> dict[str, str]:
        """Returns the fields as CSV cells."""
        return {name: str(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> "Fingerprint":
        """Inverts `to_row`; ignores other columns.

        Raises:
            KeyError: a column is missing.
            ValueError: a number cannot be parsed.
        """
        return cls(
            pixel_sha256=row["pixel_sha256"],
            phash=row["phash"],
            dhash=row["dhash"],
            width=int(row["width"]),
            height=int(row["height"]),
            thumb=row["thumb"],
            detail=float(row["detail"]),
        )


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A picture that is a copy of another one.

    Attributes:
        index: position of the copy in the given sequence.
        kept: position of the picture that is kept instead.
        kind: "exact" for the same pixels, else "near".
        phash_distance: different bits, of 64.
        dhash_distance: different bits, of 64.
        rgb_distance: mean absolute difference of the thumbnails, in levels of 255.
        cell_distance: largest absolute difference of the thumbnails, in levels of 255.
    """

    index: int
    kept: int
    kind: Literal["exact", "near"]
    phash_distance: int
    dhash_distance: int
    rgb_distance: float
    cell_distance: int


def fingerprint(image: Image.Image | npt.NDArray[np.uint8]) -> Fingerprint:
    """Computes the fingerprint of an RGB picture, or of its pixels, uint8 (H, W, 3)."""
    pixels: npt.NDArray[np.uint8] = np.ascontiguousarray(image)
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(f"{width}x{height}:".encode())
    digest.update(pixels.data)
    working = pixels
    if min(width, height) > _WORKING_SIDE:  # read the big picture once instead of four times
        working = _shrink(pixels, _WORKING_SIDE, _WORKING_SIDE)
    gray = np.asarray(cv2.cvtColor(working, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    coarse = _shrink(gray, 32, 32)
    return Fingerprint(
        pixel_sha256=digest.hexdigest(),
        phash=_phash(coarse),
        dhash=_dhash(_shrink(gray, 9, 8)),
        width=width,
        height=height,
        thumb=base64.b64encode(_shrink(working, THUMB_SIDE, THUMB_SIDE).tobytes()).decode(),
        detail=round(float(coarse.std()), 2),
    )


def find_duplicates(fingerprints: Sequence[Fingerprint], num_kept: int = 0) -> list[Duplicate]:
    """Finds the pictures that are copies of others. Compares all pairs.

    Of several copies the largest is kept, and of equal sizes the earliest: pass preferred pictures first. Every copy is
    itself near the picture that is kept instead, never only through a third one.

    Args:
        fingerprints: of all pictures.
        num_kept: the first `num_kept` pictures were kept earlier and are kept again, even if a larger copy follows.

    Returns:
        One entry per copy, by ascending position.
    """
    if not fingerprints:
        return []
    table = _Table.pack(fingerprints)
    kept = _first_of_equal(fingerprints)
    better, worse = _near_duplicates(table, kept, num_kept).T.tolist()
    owner = np.arange(len(kept))
    for i, j in zip(better, worse, strict=True):
        if owner[i] == i and owner[j] == j and j >= num_kept:
            owner[j] = i
    kept = owner[kept]
    return [
        _describe(fingerprints, table, i, int(kept[i])) for i in np.flatnonzero(kept != np.arange(len(kept))).tolist()
    ]


def near_pairs(phash: Hashes, dhash: Hashes) -> Pairs:
    """Finds all pairs of pictures whose two hashes differ in at most 4 bits each.

    Two hashes with at most 4 different bits agree in at least one of 5 chunks. So pictures are grouped by one chunk of
    each hash, in 25 ways, and only pictures of one group are compared. This misses no pair, and is fast even where
    thousands of white pages share a chunk of one hash.

    Args:
        phash: (N,) uint64.
        dhash: (N,) uint64.

    Returns:
        (P, 2) int64 positions i < j, sorted.
    """
    found = [np.empty((0, 2), np.int64)]
    for i in range(_NUM_CHUNKS):
        for j in range(_NUM_CHUNKS):
            keys = _chunk(phash, i) << np.uint64(13) | _chunk(dhash, j)
            found += [p[_is_near(phash, p, i) & _is_near(dhash, p, j)] for p in pairs_of_equal(keys)]
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def pairs_of_equal(keys: Hashes, max_neighbours: int | None = None) -> Iterator[Pairs]:
    """Yields every pair of positions with equal keys.

    Args:
        keys: (N,) uint64, below 2^32.
        max_neighbours: with how many others of the same key a position is paired; None: with all.

    Yields:
        (P, 2) int64 positions i < j, with P at most N.
    """
    # key and position in one number: sorting plain numbers is ten times as fast as an indirect sort
    both = np.sort(keys << np.uint64(32) | np.arange(len(keys), dtype=np.uint64))
    keys, order = both >> np.uint64(32), (both & np.uint64(0xFFFFFFFF)).astype(np.int64)
    start = np.arange(len(keys))
    for step in range(1, min(len(keys), 1 + (max_neighbours or len(keys)))):
        start = start[start < len(keys) - step]
        start = start[keys[start] == keys[start + step]]
        if not start.size:
            return
        yield np.stack([order[start], order[start + step]], axis=1)


def _chunk(hashes: Hashes, number: int) -> Hashes:
    return hashes >> np.uint64(13 * number) & np.uint64(0x1FFF)


def _is_near(hashes: Hashes, pairs: Pairs, chunk: int) -> npt.NDArray[np.bool_]:
    """Whether pairs are near and `chunk` is the first in which they agree, so that each pair is found once."""
    different = hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]
    near = np.bitwise_count(different) <= MAX_HASH_DISTANCE
    for earlier in range(chunk):
        near &= _chunk(different, earlier) != 0
    return np.asarray(near)


def _near_duplicates(table: "_Table", first: npt.NDArray[np.int64], num_kept: int) -> Pairs:
    """Returns pairs (better, worse) that meet every condition, among pictures with different pixels, best first."""
    eligible = np.flatnonzero((first == np.arange(len(first))) & table.is_detailed)
    ranked = eligible[np.lexsort((-table.num_pixels[eligible], eligible >= num_kept))]
    pairs = ranked[near_pairs(table.phash[ranked], table.dhash[ranked])]
    aspects = table.aspect[pairs]
    pairs = pairs[aspects.max(axis=1) <= MAX_ASPECT_RATIO * aspects.min(axis=1)]
    different = table.cell_differences(pairs)
    alike = (different.mean(axis=1) <= MAX_RGB_DISTANCE) & (different.max(axis=1) <= MAX_CELL_DISTANCE)
    return np.asarray(pairs[alike])


def _describe(fingerprints: Sequence[Fingerprint], table: "_Table", index: int, kept: int) -> Duplicate:
    exact = fingerprints[index].pixel_sha256 == fingerprints[kept].pixel_sha256
    phash, dhash = (int(np.bitwise_count(h[index] ^ h[kept])) for h in (table.phash, table.dhash))
    cells = table.cell_differences(np.array([[index, kept]]))
    kind: Literal["exact", "near"] = "exact" if exact else "near"
    return Duplicate(index, kept, kind, phash, dhash, round(float(cells.mean()), 2), int(cells.max()))


def _shrink(pixels: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _phash(coarse: npt.NDArray[np.uint8]) -> str:
    low = cv2.dct(coarse.astype(np.float32))[:8, :8]
    return _hex(low > np.median(low))


def _dhash(coarse: npt.NDArray[np.uint8]) -> str:
    return _hex(coarse[:, 1:] > coarse[:, :-1])


def _hex(bits: npt.NDArray[np.bool_]) -> str:
    return np.packbits(bits).tobytes().hex()


def _first_of_equal(fingerprints: Sequence[Fingerprint]) -> npt.NDArray[np.int64]:
    """Returns for each position the first one with the same pixels."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(f.pixel_sha256, i) for i, f in enumerate(fingerprints)], dtype=np.int64)


@dataclass(frozen=True)
class _Table:
    """Fingerprints as columns."""

    phash: Hashes
    dhash: Hashes
    thumb: npt.NDArray[np.uint8]  # (N, 192)
    aspect: npt.NDArray[np.float64]
    num_pixels: npt.NDArray[np.int64]
    is_detailed: npt.NDArray[np.bool_]

    @classmethod
    def pack(cls, fingerprints: Sequence[Fingerprint]) -> "_Table":
        thumbs = base64.b64decode("".join(f.thumb for f in fingerprints))
        width = np.array([f.width for f in fingerprints], np.int64)
        height = np.array([f.height for f in fingerprints], np.int64)
        return cls(
            phash=_from_hex(f.phash for f in fingerprints),
            dhash=_from_hex(f.dhash for f in fingerprints),
            thumb=np.frombuffer(thumbs, np.uint8).reshape(len(fingerprints), -1),
            aspect=width / height,
            num_pixels=width * height,
            is_detailed=np.array([f.detail >= MIN_DETAIL for f in fingerprints], bool),
        )

    def cell_differences(self, pairs: Pairs) -> npt.NDArray[np.uint8]:
        """Returns the (P, 192) absolute differences of the thumbnails of each pair."""
        a, b = self.thumb[pairs[:, 0]], self.thumb[pairs[:, 1]]
        return np.maximum(a, b) - np.minimum(a, b)


def _from_hex(digits: Iterable[str]) -> Hashes:
    return np.frombuffer(bytes.fromhex("".join(digits)), ">u8").astype(np.uint64)
