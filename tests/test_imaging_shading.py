"""Tests that shadows are found where they are, and that a picture in full light is what it was without them."""

import numpy as np
import pytest

from imaging.colour import to_lab
from imaging.shading import find_shading
from tests.shaded_pictures import head


@pytest.mark.parametrize("seed", range(4))
def test_a_shadow_is_found_and_taken_off(seed: int) -> None:
    lines, picture, shadow = head(seed, 64)
    flat = head(seed, 64, shaded=False)[1]
    found = find_shading(picture, lines)
    inside = found.known & (flat != 255).any(2)
    assert inside.sum() > 0.6 * ((flat != 255).any(2) & (lines > 200)).sum()
    assert np.abs(found.mask / 255.0 - shadow)[inside].mean() < 0.02
    apart = np.linalg.norm(to_lab(found.lit)[inside] - to_lab(flat)[inside], axis=1)
    assert apart.mean() < 1
    before = np.linalg.norm(to_lab(picture)[inside] - to_lab(flat)[inside], axis=1)
    assert before.mean() > 5


def test_a_flat_picture_has_no_shadows_and_stays_as_it_is() -> None:
    lines, picture, _ = head(1, 64, shaded=False)
    found = find_shading(picture, lines)
    assert not found.mask.any() and found.known.mean() > 0.5
    assert (found.lit == picture).all()


def test_a_soft_shadow_is_between_light_and_shadow() -> None:
    lines, flat, _ = head(2, 64, shaded=False)
    shade = np.linspace(1, 0.55, 64)[None, :, None]
    picture = np.rint(np.where((flat == 255).all(2, keepdims=True), flat, flat * shade)).astype(np.uint8)
    found = find_shading(picture, lines)
    row = found.mask[32][found.known[32] & (flat[32] != 255).any(1)].astype(int)
    assert row[0] == 0 and row[-1] == 255 and (np.diff(row) >= -8).all()
    assert ((row > 50) & (row < 200)).mean() > 0.2


@pytest.mark.parametrize("second", [(90, 200, 90), (60, 42, 28)])
def test_two_colours_in_one_outline_are_no_light_and_shadow(second: tuple[int, int, int]) -> None:
    lines, flat, shadow = head(3, 64, shaded=False)
    shadow = head(3, 64)[2]
    picture = np.where((shadow & (lines > 200))[..., None], np.array(second, np.uint8), flat)
    found = find_shading(picture, lines)
    assert not found.mask.any() and (found.lit == picture).all()


def test_texture_and_ground_are_not_known() -> None:
    lines, flat, _ = head(4, 64, shaded=False)
    grain = np.where(np.random.default_rng(0).random((64, 64, 1)) < 0.4, 0.7, 1.0)
    ground = np.where((flat == 255).all(2, keepdims=True), flat * np.linspace(1, 0.5, 64)[:, None, None], flat * grain)
    found = find_shading(np.rint(ground).astype(np.uint8), lines)
    assert not found.mask.any()
    assert found.known.mean() < 0.05


def test_pages_of_one_colour_have_no_shadows() -> None:
    for level in (0, 255):
        found = find_shading(np.full((40, 32, 3), level, np.uint8), np.full((40, 32), level, np.uint8))
        assert not found.mask.any() and (found.lit == level).all()
