"""Tests that a drawing is found in another frame, and that laying pictures over each other tells copies from others."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from benchmarks.reframed import FRAMES, VERSIONS
from demo.pictures import portrait
from imaging.border import content_box
from imaging.line_hash import MIRRORED, crop_hashes, line_hash
from imaging.overlay import UNLIKE, Sketch, overlay
from imaging.reframed import MAX_DISTANCE, reframed_pairs

SEEDS = range(3000, 3012)


def hashes(image: Image.Image) -> bytes:
    return bytes.fromhex(line_hash(image) + crop_hashes(image))


@pytest.fixture(scope="module")
def originals() -> list[Image.Image]:
    return [Image.fromarray(portrait(seed, "B", 256)) for seed in SEEDS]


@pytest.mark.parametrize("frame", FRAMES)
def test_copies_in_another_frame_are_found_and_confirmed(frame: str, originals: list[Image.Image]) -> None:
    copies = [FRAMES[frame](image) for image in originals]
    pairs = reframed_pairs([hashes(image) for image in originals + copies]).tolist()
    sketches = [Sketch.of(image) for image in originals + copies]
    same = {(one, other) for one, other in pairs if overlay(sketches[one], sketches[other]).same_picture}
    true = {(n, n + len(SEEDS)) for n in range(len(SEEDS))}
    assert same <= true and len(same) >= len(SEEDS) - (6 if "JPEG" in frame else 2)  # of 180 px, little is left


@pytest.mark.parametrize("version", VERSIONS)
def test_versions_in_other_colours_are_the_same_drawing_but_no_copies(
    version: str, originals: list[Image.Image]
) -> None:
    for image in originals[:6]:
        likeness = overlay(Sketch.of(image), Sketch.of(VERSIONS[version](image)))
        assert not likeness.same_picture
        assert likeness.same_drawing or "spot" in version


def test_other_portraits_are_not_the_same_drawing(originals: list[Image.Image]) -> None:
    sketches = [Sketch.of(image) for image in originals]
    assert not any(overlay(one, other).same_drawing for one, other in combinations(sketches, 2))


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_the_hash_of_a_mirrored_picture_follows_from_that_of_the_picture(seed: int) -> None:
    """So rows of an older manifest, which have only that hash, find their mirrored copies."""
    picture = portrait(seed, "A", 256)
    old = [bytes.fromhex(line_hash(pixels)) for pixels in (picture, np.ascontiguousarray(picture[:, ::-1]))]
    assert bytes(np.frombuffer(old[0], np.uint8) ^ MIRRORED) == old[1]
    assert reframed_pairs([b"", old[0], b"", hashes(Image.fromarray(picture)), old[1]]).tolist() == [
        [1, 3], [1, 4], [3, 4],
    ]  # fmt: skip


def test_few_of_all_pairs_are_missed_and_none_beyond_the_limit_is_found() -> None:
    rng = np.random.default_rng(3)
    packed = rng.integers(0, 256, (1500, 7, 32), dtype=np.uint8)
    rates = np.where(np.arange(256) < 64, 0.08, rng.uniform(0, 0.3, (1500, 1)))
    flips = np.packbits(rng.random((1500, 256)) < rates, axis=1)
    copies = packed.copy()
    copies[:] = rng.integers(0, 256, copies.shape, dtype=np.uint8)
    copies[:, 0] = packed[:, 2] ^ flips  # the copy is one of the crops
    found = {tuple(pair) for pair in reframed_pairs([each.tobytes() for each in [*packed, *copies]]).tolist()}
    wanted = {(n, n + 1500) for n in np.flatnonzero(np.bitwise_count(flips).sum(axis=1) <= MAX_DISTANCE).tolist()}
    assert found <= wanted
    assert len(found) >= 0.85 * len(wanted) and len(wanted) > 1000


def test_nothing_is_found_in_nothing() -> None:
    assert reframed_pairs([]).shape == reframed_pairs([b"", b""]).shape == (0, 2)


def test_a_thousand_equal_pages_take_no_square_of_time() -> None:
    same = hashes(Image.fromarray(portrait(1, "A", 256)))
    assert len(reframed_pairs([same] * 1000)) <= 1000 * 64 * 24


@pytest.mark.parametrize("borders", [["black"], ["white"], ["black", "white"], ["white", "black", "red"], []])
def test_the_content_is_inside_all_borders(borders: list[str]) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (180, 240, 3), dtype=np.uint8))
    page = image
    for colour in borders:
        framed = Image.new("RGB", (page.width + 40, page.height + 40), colour)
        framed.paste(page, (20, 20))
        page = framed
    inset = 20 * len(borders)
    expected = np.array([inset, inset, inset + 240, inset + 180])
    assert np.abs(np.array(content_box(np.asarray(page))) - expected).max() <= 3 * len(borders)


def test_content_that_is_narrower_than_a_pixel_is_everything() -> None:
    strip = np.full((500, 2, 3), 255, np.uint8)
    strip[200:203, 1] = 0
    assert content_box(strip) == (0, 0, 2, 500)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (400, 2)])
def test_any_size_and_a_blank_page_can_be_looked_at(size: tuple[int, int]) -> None:
    blank = Image.new("RGB", size, "white")
    assert content_box(np.asarray(blank)) == (0, 0, *size)
    assert crop_hashes(blank) == ""
    assert not overlay(Sketch.of(blank), Sketch.of(blank)).same_drawing


def test_what_shares_too_little_is_not_laid_over() -> None:
    image = Image.fromarray(portrait(3001, "B", 256))
    assert overlay(Sketch.of(image), Sketch.of(image.crop((60, 60, 160, 160)))).lines < 0.93
    assert UNLIKE.same_picture is UNLIKE.same_drawing is False
