"""Tests the demo's drawings: lineart that lines up with its colours, and tags that describe the drawing."""

import io
from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from demo.drawings import (
    COLOUR_SEEDS,
    CREDIT,
    HAIR_COLOURS,
    HELD_OUT_SEEDS,
    LINEART_SEEDS,
    Domain,
    Drawing,
    _style,
)


def pixels(seed: int, domain: Domain, size: int = 96) -> npt.NDArray[np.int16]:
    with Image.open(io.BytesIO(Drawing(seed).render(domain, size))) as image:
        return np.asarray(image.convert("RGB"), dtype=np.int16)


def seed_of(hair_variant: str) -> int:
    return next(seed for seed in range(2000) if Drawing(seed).parts["hairVariant"] == hair_variant)


@pytest.mark.parametrize("domain", ["A", "B"])
def test_render_gives_a_png_of_the_size_asked_for(domain: Domain) -> None:
    with Image.open(io.BytesIO(Drawing(5).render(domain, 130))) as image:
        assert (image.format, image.size) == ("PNG", (130, 130))


@pytest.mark.parametrize("domain", ["A", "B"])
def test_same_seed_same_bytes_other_seed_other_bytes(domain: Domain) -> None:
    assert Drawing(5).render(domain, 96) == Drawing(5).render(domain, 96)
    assert Drawing(5).render(domain, 96) != Drawing(6).render(domain, 96)


# the haircuts with flowers in fixed colours, the one with a tint, and any other one
@pytest.mark.parametrize("hair", ["long03", "long08", "long18", "short19", "short02"])
def test_lineart_is_ink_on_white_without_colour_or_tone(hair: str) -> None:
    lineart = pixels(seed_of(hair), "A", 256)
    assert (lineart.max(axis=2) == lineart.min(axis=2)).all(), "a coloured pixel"
    grey = lineart[:, :, 0]
    # at this size lines are 2 px wide: pixels that are neither ink nor paper are edges of lines, next to ink
    tone = (grey > 64) & (grey < 250)
    ink = np.pad(grey <= 64, 2)
    near_ink = np.zeros_like(tone)
    for dy in range(5):
        for dx in range(5):
            near_ink |= ink[dy : dy + 256, dx : dx + 256]
    assert (tone & ~near_ink).mean() < 0.002
    assert 0.02 < (grey < 128).mean() < 0.2


@pytest.mark.parametrize("seed", [1000, 1001, 2000, 2001])
def test_lineart_lines_up_with_its_colour_version(seed: int) -> None:
    lineart, colour = pixels(seed, "A", 256), pixels(seed, "B", 256)
    ink = lineart.max(axis=2) < 32
    assert ink.any()
    assert (colour[ink].max(axis=1) < 64).mean() > 0.98, "ink of the lineart is ink in colour"
    assert (colour <= lineart + 8).all(), "removing colour never darkens"
    assert (colour.max(axis=2) - colour.min(axis=2) > 40).mean() > 0.1, "the colour version has colours"


def test_hair_colours_are_the_whole_palette_of_the_artist() -> None:
    ours = sorted(value for values in HAIR_COLOURS.values() for value in values)
    assert ours == sorted(_style("B").colors()["hair"].values())


@pytest.mark.parametrize("name", ["pink", "green", "red"])
def test_hair_tag_tells_the_colour_that_is_painted(name: str) -> None:
    seed = next(s for s in COLOUR_SEEDS if {f"{name}_hair", "long_hair"} <= set(Drawing(s).tags("B").split()))
    (value,) = HAIR_COLOURS[name]
    painted = np.array([int(value[i : i + 2], 16) for i in (1, 3, 5)])
    assert (np.abs(pixels(seed, "B", 192) - painted).max(axis=2) <= 2).mean() > 0.05


def test_glasses_are_drawn_where_they_are_tagged() -> None:
    for seed in COLOUR_SEEDS[:150]:
        drawing = Drawing(seed)
        assert ("glasses" in drawing.tags("B").split()) == ('"glasses' in str(drawing._avatar("B")))


def test_lineart_has_no_tags_of_colours() -> None:
    for seed in LINEART_SEEDS[:100]:
        tags = set(Drawing(seed).tags("A").split())
        assert {"lineart", "monochrome", "solo", "white_background"} <= tags
        assert not tags & {f"{name}_hair" for name in HAIR_COLOURS}
        assert not tags & {"dark_skin", "red_lips", "blush", "freckles"}


def test_every_hair_colour_has_enough_drawings_and_pink_the_most() -> None:
    count = Counter(tag for seed in COLOUR_SEEDS for tag in Drawing(seed).tags("B").split())
    hair = {name: count[f"{name}_hair"] for name in HAIR_COLOURS}
    assert min(hair.values()) >= 40
    assert max(hair, key=hair.__getitem__) == "pink" and hair["pink"] >= 100
    assert not count["lineart"] and not count["monochrome"]


def test_training_seeds_and_held_out_seeds_are_disjoint() -> None:
    seeds = [*COLOUR_SEEDS, *LINEART_SEEDS, *HELD_OUT_SEEDS]
    assert len(seeds) == len(set(seeds)) == 700 + 700 + 60


def test_credit_names_what_the_style_itself_names() -> None:
    meta = _style("B").meta()
    for name in (meta.creator().name(), meta.license().name(), meta.source().name()):
        assert name and name in CREDIT
