"""Tests deduplication: which pictures count as copies, that the search misses none, and which copy is kept."""

import base64
import csv
import io
from collections.abc import Callable
from functools import partial

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from imaging.codec import decode
from imaging.dedupe import Duplicate, Fingerprint, find_duplicates, fingerprint, near_pairs

SEEDS = range(12)


def scene(seed: int, paint: str = "colour", size: tuple[int, int] = (384, 480)) -> Image.Image:
    """Draws polygons.

    Args:
        seed: decides shapes and colours.
        paint: "colour", "line" (no colour), "other" (other colours) or "detail" (one more spot).
        size: width and height in pixels.
    """
    shapes, colours = np.random.default_rng(seed), np.random.default_rng(seed + (500 if paint == "other" else 100))
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for _ in range(10):
        centre, radius = shapes.integers(0, size, 2), shapes.integers(25, 130)
        angles = np.sort(shapes.uniform(0, 2 * np.pi, 5))
        points = [(float(centre[0] + radius * np.cos(a)), float(centre[1] + radius * np.sin(a))) for a in angles]
        red, green, blue = (int(v) for v in colours.integers(0, 256, 3))
        if paint != "line":
            pen.polygon(points, fill=(red, green, blue))
        pen.line([*points, points[0]], fill=(15, 15, 15), width=4)
    if paint == "detail":
        pen.ellipse((150, 200, 200, 250), fill=(230, 20, 160))
    return image


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return decode(buffer.getvalue())


def shrunk(image: Image.Image, factor: float) -> Image.Image:
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "jpeg 50": lambda image: recompressed(image, 50),
    "jpeg 15": lambda image: recompressed(image, 15),
    "half": lambda image: shrunk(image, 0.5),
    "third, jpeg 60": lambda image: recompressed(shrunk(image, 1 / 3), 60),
    "larger": lambda image: shrunk(image, 1.5),
    "same": lambda image: image.copy(),
}


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("paint", ["colour", "line"])
def test_copies_are_found(copy: str, paint: str) -> None:
    originals = [scene(seed, paint) for seed in SEEDS]
    copies = [COPIES[copy](image) for image in originals]
    prints = [fingerprint(image) for image in originals + copies]
    found = {frozenset((d.index, d.kept)) for d in find_duplicates(prints)}
    pairs = {frozenset((i, i + len(SEEDS))) for i in SEEDS}
    assert found <= pairs
    assert len(found) >= len(pairs) - 1  # at a ninth of the pixels one hash may differ by a bit too much


@pytest.mark.parametrize("paint", ["line", "other", "detail", "grey", "stretched"])
def test_versions_are_kept(paint: str) -> None:
    others: dict[str, Callable[[int], Image.Image]] = {
        "grey": lambda seed: scene(seed).convert("L").convert("RGB"),
        "stretched": lambda seed: scene(seed).resize((384, 450)),
    }
    make = others.get(paint, partial(scene, paint=paint))
    prints = [fingerprint(scene(seed)) for seed in SEEDS] + [fingerprint(make(seed)) for seed in SEEDS]
    assert find_duplicates(prints) == []


def test_blank_pages_only_match_pixel_by_pixel() -> None:
    """The hashes of a nearly blank page are noise."""

    def page(seed: int, strokes: int) -> Image.Image:
        image = Image.new("RGB", (400, 400), "white")
        for x, y in np.random.default_rng(seed).integers(0, 380, (strokes, 2)).tolist():
            ImageDraw.Draw(image).line((x, y, x + 9, y + 4), fill="black", width=1)
        return image

    prints = [fingerprint(page(seed, seed % 3)) for seed in range(9)]
    found = find_duplicates(prints)
    assert {(d.index, d.kept, d.kind) for d in found} == {(3, 0, "exact"), (6, 0, "exact")}


def test_pixels_decide_what_is_exact() -> None:
    image = scene(1)
    assert fingerprint(image).pixel_sha256 == fingerprint(image.copy()).pixel_sha256
    changed = image.copy()
    changed.putpixel((5, 5), (1, 2, 3))
    assert fingerprint(changed).pixel_sha256 != fingerprint(image).pixel_sha256
    flat = [Image.new("RGB", size, "red") for size in ((20, 10), (10, 20))]
    assert fingerprint(flat[0]).pixel_sha256 != fingerprint(flat[1]).pixel_sha256


def test_distances_are_reported() -> None:
    first, second = fingerprint(scene(3)), fingerprint(recompressed(scene(3), 30))
    (found,) = find_duplicates([first, second])
    assert (found.index, found.kept, found.kind) == (1, 0, "near")
    assert found.phash_distance == (int(first.phash, 16) ^ int(second.phash, 16)).bit_count()
    assert found.dhash_distance == (int(first.dhash, 16) ^ int(second.dhash, 16)).bit_count()
    assert 0 < found.rgb_distance <= 4
    assert found.rgb_distance <= found.cell_distance <= 16
    assert find_duplicates([first, first]) == [Duplicate(1, 0, "exact", 0, 0, 0.0, 0)]


# which copy is kept


def test_the_largest_copy_stays_and_the_earlier_of_equals() -> None:
    image = scene(4)
    copies = [shrunk(image, 0.5), recompressed(image, 40), image, shrunk(image, 0.7), image.copy()]
    found = find_duplicates([fingerprint(copy) for copy in copies])
    assert {d.index: d.kept for d in found} == {0: 1, 2: 1, 3: 1, 4: 1}
    found = find_duplicates([fingerprint(copy) for copy in [copies[2], *copies]])
    assert {d.index: d.kept for d in found} == {1: 0, 2: 0, 3: 0, 4: 0, 5: 0}


def made(phash: int, dhash: int = 0, size: int = 100, sha: str | None = None, level: int = 128) -> Fingerprint:
    thumb = np.full(192, level, np.uint8).tobytes()
    return Fingerprint(
        pixel_sha256=sha or f"{phash:016x}{dhash:016x}{size}{level}",
        phash=f"{phash:016x}",
        dhash=f"{dhash:016x}",
        width=size,
        height=size,
        thumb=base64.b64encode(thumb).decode(),
        detail=30.0,
    )


def test_chains_do_not_merge_what_is_far_apart() -> None:
    """Each hash is 4 bits from the next; the third is 8 bits from the first and is kept."""
    chain = [made(0), made(0b1111), made(0b11111111)]
    assert [(d.index, d.kept) for d in find_duplicates(chain)] == [(1, 0)]
    # if the middle one is the best, both others are its copies
    chain = [made(0), made(0b1111, size=101), made(0b11111111)]
    assert [(d.index, d.kept) for d in find_duplicates(chain)] == [(0, 1), (2, 1)]


@pytest.mark.parametrize(
    "other, near",
    [
        (made(0b1111, 0b1111), True),
        (made(0b11111), False),
        (made(0, 0b11111), False),
        (made(0, level=132), True),
        (made(0, level=133), False),
    ],
)
def test_the_rule_holds_at_its_edges(other: Fingerprint, near: bool) -> None:
    assert bool(find_duplicates([made(0), other])) == near


def test_the_aspect_ratio_may_differ_by_two_percent() -> None:
    image = scene(5, size=(1000, 1000))
    for height, near in ((985, True), (975, False)):
        pair = [fingerprint(image), fingerprint(image.resize((1000, height)))]
        assert bool(find_duplicates(pair)) == near


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**10 - 1), st.integers(0, 2**7 - 1), st.integers(1, 3)), max_size=40))
def test_every_dropped_picture_is_near_one_that_stays(rows: list[tuple[int, int, int]]) -> None:
    prints = [made(p, d, 100 * s) for p, d, s in rows]
    found = find_duplicates(prints)
    dropped = {d.index for d in found}
    assert [d.index for d in found] == sorted(dropped)
    for duplicate in found:
        assert duplicate.kept not in dropped
        assert duplicate.phash_distance <= 4
        assert duplicate.dhash_distance <= 4
        assert prints[duplicate.kept].width >= prints[duplicate.index].width
    stays = [i for i in range(len(prints)) if i not in dropped]
    for a in stays:
        for b in stays:
            near_p = (rows[a][0] ^ rows[b][0]).bit_count() <= 4
            assert a == b or not (near_p and (rows[a][1] ^ rows[b][1]).bit_count() <= 4)


def test_nothing_in_nothing_out() -> None:
    assert find_duplicates([]) == []
    assert find_duplicates([made(1)]) == []
    assert near_pairs(np.empty(0, np.uint64), np.empty(0, np.uint64)).shape == (0, 2)


# the search


def brute_force(phash: np.ndarray, dhash: np.ndarray) -> np.ndarray:
    near = np.bitwise_count(phash[:, None] ^ phash) <= 4
    near &= np.bitwise_count(dhash[:, None] ^ dhash) <= 4
    return np.argwhere(np.triu(near, 1))


@pytest.mark.parametrize("seed", range(4))
def test_the_search_equals_comparing_all(seed: int) -> None:
    """Uses hashes around a few centres, so that there are pairs at every distance from 0 to 8 bits."""
    rng = np.random.default_rng(seed)

    def hashes() -> np.ndarray:
        centres = rng.integers(0, 2**64, 60, dtype=np.uint64)[np.arange(1500) % 60]
        bits = rng.integers(0, 64, (1500, 4)).astype(np.uint64)
        flipped = np.bitwise_xor.reduce(
            (np.uint64(1) << bits) * rng.integers(0, 2, bits.shape).astype(np.uint64), axis=1
        )
        return np.asarray(centres ^ flipped)

    phash, dhash = hashes(), hashes()
    expected = brute_force(phash, dhash)
    assert len(expected) > 1000
    assert (near_pairs(phash, dhash) == expected).all()


def test_the_search_equals_comparing_all_on_equal_hashes() -> None:
    same = np.full(300, 0xFFFF0000FFFF0000, np.uint64)
    assert len(near_pairs(same, same)) == 300 * 299 // 2


# the hashes


def test_hashes_stay_close_to_those_of_imagehash() -> None:
    """The two reduce pictures differently (area average here, Lanczos there), so bits near a threshold may differ."""
    images = [scene(seed, paint) for seed in SEEDS for paint in ("colour", "line")]
    p = [(int(fingerprint(i).phash, 16) ^ int(str(imagehash.phash(i)), 16)).bit_count() for i in images]
    d = [(int(fingerprint(i).dhash, 16) ^ int(str(imagehash.dhash(i)), 16)).bit_count() for i in images]
    assert np.median(p) <= 2
    assert max(p) <= 6
    assert np.median(d) <= 10
    others = [int(fingerprint(i).phash, 16) for i in images]
    apart = [(a ^ b).bit_count() for n, a in enumerate(others) for b in others[:n]]
    assert np.median(apart) >= 26


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (17, 400), (288, 288), (289, 2000)])
def test_any_size_has_a_fingerprint(size: tuple[int, int]) -> None:
    found = fingerprint(Image.new("RGB", size, (10, 200, 30)))
    assert (found.width, found.height, len(found.phash), len(found.dhash)) == (*size, 16, 16)
    assert found.detail == 0


def test_rows_survive_a_csv_file() -> None:
    prints = [fingerprint(scene(seed)) for seed in range(3)]
    text = io.StringIO()
    writer = csv.DictWriter(text, ["key", *prints[0].to_row()])
    writer.writeheader()
    writer.writerows({"key": "x"} | p.to_row() for p in prints)
    text.seek(0)
    assert [Fingerprint.from_row(row) for row in csv.DictReader(text)] == prints


@pytest.mark.parametrize("column, value", [("width", "wide"), ("detail", "")])
def test_a_row_that_is_none_is_refused(column: str, value: str) -> None:
    with pytest.raises(ValueError):
        Fingerprint.from_row(made(1).to_row() | {column: value})
