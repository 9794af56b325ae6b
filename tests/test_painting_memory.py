"""Tests that a palette suits what is drawn, that variants differ, and that a palette follows what is asked of it."""

import numpy as np
import pytest
import torch

from cyclegan.painting.memory import Memory, describe, key_length
from tests.factories import untrained
from tests.handmade import CONFIG, noise_pairs

K = 3
WHITE, RED, BLUE, GREEN = (1.0, 1, 1), (0.9, 0.1, 0.1), (0.1, 0.1, 0.9), (0.1, 0.8, 0.1)


def regions(*squares: tuple[int, int, int], side: int = 64) -> np.ndarray:
    """A region map: paper, and squares of 16 px of class, x and y."""
    found = np.zeros((K, side, side), np.float32)
    found[0] = 1
    for number, x, y in squares:
        found[:, y : y + 16, x : x + 16] = np.eye(K)[number][:, None, None]
    return found


def key(*squares: tuple[int, int, int]) -> np.ndarray:
    return describe(regions(*squares), np.full((64, 64), 255, np.uint8))


ABOVE, BELOW = key((1, 24, 4)), key((1, 24, 44))
AREAS = np.array([0.9, 0.1, 0.0], np.float32)


def memory(count: int = 40) -> Memory:
    """Half of the pictures have red above, the others blue below; a few odd ones are green."""
    colours = [(RED, ABOVE), (BLUE, BELOW)] * (count // 2)
    palettes = np.array([(WHITE, colour, colour) for colour, _ in colours], np.float32)
    palettes[:2, 1] = GREEN
    return Memory(palettes, np.full((count, K), 0.3, np.float32), np.stack([each for _, each in colours]))


@pytest.mark.parametrize(("drawn", "colour"), [(ABOVE, RED), (BELOW, BLUE)])
def test_a_drawing_gets_the_colours_of_pictures_that_show_the_same(
    drawn: np.ndarray, colour: tuple[float, ...]
) -> None:
    assert memory().suiting(drawn, AREAS)[1] == pytest.approx(np.array(colour), abs=0.01)


def test_an_odd_picture_does_not_decide_although_it_is_the_nearest() -> None:
    known = memory()
    known.keys[0] += 1e-4 * (ABOVE > 0)
    assert known.suiting(known.keys[0], AREAS)[1] == pytest.approx(np.array(RED), abs=0.01)


def test_a_colour_that_a_picture_hardly_has_does_not_count() -> None:
    known = memory()
    shows_it = np.arange(40) == 4  # one only of those with red above
    known.shares[~shows_it, 1] = 0
    known.palettes[~shows_it, 1] = 0  # measured in nothing
    assert known.suiting(ABOVE, AREAS)[1] == pytest.approx(np.array(RED), abs=0.01)


def test_classes_that_nearly_always_differ_differ_in_the_palette_that_is_chosen() -> None:
    brown, dark, light = (0.55, 0.35, 0.2), (0.2, 0.1, 0.05), (0.9, 0.8, 0.6)
    pairs = [(dark, light), (light, dark)] * 4 + [(brown, brown)]  # the middle of them all
    palettes = np.array([(WHITE, *pair) for pair in pairs], np.float32)
    known = Memory(palettes, np.full((len(pairs), K), 0.3, np.float32), np.stack([ABOVE] * len(pairs)))
    hair, skin = known.suiting(ABOVE, np.array([0.6, 0.2, 0.2], np.float32))[1:]
    assert np.abs(hair - skin).max() > 0.5


def test_variants_differ_and_the_first_is_the_one_that_comes() -> None:
    known = memory()
    first, second, third = (known.suiting(ABOVE, AREAS, variant) for variant in (1, 2, 3))
    assert np.array_equal(first, known.suiting(ABOVE, AREAS))
    assert min(np.abs(a - b).max() for a, b in ((first, second), (second, third), (first, third))) > 0.3


def test_without_keys_a_palette_is_found_all_the_same() -> None:
    known = memory()
    bare = Memory(known.palettes, known.shares, np.zeros((0, 0), np.float32))
    assert any(np.allclose(bare.suiting(ABOVE, AREAS)[1], colour, atol=0.01) for colour in (RED, BLUE, GREEN))


def test_a_palette_follows_what_is_asked_as_the_pictures_did() -> None:
    rng = np.random.default_rng(0)
    first = rng.uniform(0.2, 0.8, (200, 1, 3))
    palettes = np.concatenate([np.ones((200, 1, 3)), first, 1 - first], 1).astype(np.float32)
    known = Memory(palettes, np.full((200, 3), 0.3, np.float32), np.zeros((0, 0), np.float32))
    asked = np.array((0.3, 0.6, 0.7), np.float32)
    followed = known.followed(palettes[0], {1: asked})
    assert np.array_equal(followed[1], asked) and np.array_equal(followed[0], (1, 1, 1))
    assert followed[2] == pytest.approx(1 - asked, abs=0.1)


def test_a_painter_remembers_every_picture_and_describes_it() -> None:
    painter = untrained(CONFIG)
    painter.remember(noise_pairs(5))
    known = painter.memory()
    assert known is not None and known.palettes.shape == (5, CONFIG.palette, 3)
    assert known.keys.shape == (5, key_length(CONFIG.palette)) and known.shares.sum(1) == pytest.approx(1)
    again = untrained(CONFIG, seed=1)
    again.load_state_dict(painter.state_dict())
    assert torch.equal(again.keys, painter.keys) and torch.equal(again.remembered, painter.remembered)
