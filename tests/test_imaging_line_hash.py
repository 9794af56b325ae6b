"""Tests that line hashes find the coloured versions of a drawing and no other drawings."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from demo.drawings import Domain, Drawing
from imaging.dedupe import fingerprint
from imaging.line_hash import MAX_LINE_DISTANCE, line_hash, same_lines

SEEDS = range(3000, 3060)


def portrait(seed: int, domain: Domain, size: int = 256) -> Image.Image:
    return Image.open(io.BytesIO(Drawing(seed).render(domain, size))).convert("RGB")


@pytest.fixture(scope="module")
def hashes() -> dict[Domain, list[str]]:
    return {"A": [line_hash(portrait(s, "A")) for s in SEEDS], "B": [line_hash(portrait(s, "B")) for s in SEEDS]}


def bits(digits: str) -> npt.NDArray[np.uint8]:
    return np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8))


def test_every_drawing_finds_its_own_colouring(hashes: dict[Domain, list[str]]) -> None:
    pairs = {(int(i), int(j)) for i, j in same_lines(hashes["A"] + hashes["B"])}
    true = {(n, n + len(SEEDS)) for n in range(len(SEEDS))}
    assert true <= pairs
    assert len(pairs - true) <= 1  # of 7,080: portraits of the same parts resemble each other


def test_brightness_alone_does_not_see_it() -> None:
    """Shows why a hash of lines is needed."""
    distances = []
    for seed in SEEDS[:20]:
        one, other = (int(fingerprint(portrait(seed, domain)).phash, 16) for domain in ("A", "B"))
        distances.append((one ^ other).bit_count())
    assert np.median(distances) > 8


@pytest.mark.parametrize("change", ["jpeg", "half", "grey", "tinted", "dark paper"])
def test_the_lines_survive(change: str, hashes: dict[Domain, list[str]]) -> None:
    found = 0
    for seed, known in zip(SEEDS[:20], hashes["A"], strict=False):
        pixels: npt.NDArray[np.uint8] = np.asarray(portrait(seed, "B"))
        if change == "jpeg":
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "JPEG", quality=60)
            pixels = np.asarray(Image.open(buffer))
        elif change == "half":
            pixels = pixels[::2, ::2]
        elif change == "grey":
            pixels = np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))
        else:
            share = np.array([0.9, 0.8, 0.6] if change == "tinted" else [0.4, 0.4, 0.4])
            pixels = np.rint(pixels * share).astype(np.uint8)
        found += int((bits(line_hash(Image.fromarray(pixels))) != bits(known)).sum()) <= MAX_LINE_DISTANCE
    assert found >= 19


def test_without_lines_there_is_no_hash_and_no_pair() -> None:
    blank = line_hash(Image.new("RGB", (300, 200), "white"))
    assert blank == ""
    assert line_hash(Image.fromarray(np.arange(256, dtype=np.uint8).repeat(256 * 3).reshape(256, 256, 3))) == ""
    assert same_lines([blank] * 5).shape == same_lines([]).shape == (0, 2)


def test_places_count_pictures_without_lines_too() -> None:
    digits = "5a" * 32
    assert same_lines(["", digits, "", digits]).tolist() == [[1, 3]]


def test_nearest_first_and_none_beyond_the_limit() -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(0, 2, 256, dtype=np.uint8)

    def changed(number: int) -> str:
        other = base.copy()
        other[rng.choice(np.arange(96, 256), number, replace=False)] ^= 1
        return np.packbits(other).tobytes().hex()

    found = same_lines([changed(0), changed(MAX_LINE_DISTANCE), changed(MAX_LINE_DISTANCE + 1), changed(5)])
    ours = [pair for pair in found.tolist() if 0 in pair]
    assert ours == [[0, 3], [0, 1]]


def test_few_of_all_pairs_are_missed() -> None:
    """Compares with a search of all pairs, over all distances within the limit."""
    rng = np.random.default_rng(3)
    first = rng.integers(0, 2, (1500, 256), dtype=np.uint8)
    second = first ^ (rng.random(first.shape) < rng.uniform(0, 0.15, (len(first), 1)))
    packed = np.packbits(np.concatenate([first, second]), axis=1)
    found = {tuple(pair) for pair in same_lines([row.tobytes().hex() for row in packed]).tolist()}
    wanted = {(n, n + 1500) for n in range(1500) if (first[n] != second[n]).sum() <= MAX_LINE_DISTANCE}
    assert found <= wanted
    assert len(found) >= 0.97 * len(wanted) and len(wanted) > 1300
