"""Tests that the truth accepts every colouring that the artist could have painted, and no other."""

import io

import numpy as np
import pytest
from PIL import Image

from demo.drawings import HAIR_COLOURS, HELD_OUT_SEEDS, SKIN_COLOURS, Domain, Drawing, _style
from demo.truth import HAIR, Truth, told_apart

SEED, SIZE = HELD_OUT_SEEDS[2], 64  # long hair


@pytest.fixture(scope="module")
def truth() -> Truth:
    return Truth.of(SEED, SIZE)


def picture(domain: Domain = "B", hair: str | None = None, skin: str | None = None) -> np.ndarray:
    with Image.open(io.BytesIO(Drawing(SEED).render(domain, SIZE, hair=hair, skin=skin))) as image:
        return np.array(image.convert("RGB"))


def test_colours_are_the_whole_palette_of_the_artist() -> None:
    assert sorted(SKIN_COLOURS) == sorted(_style("B").colors()["skin"].values())
    assert sorted(HAIR) == sorted(_style("B").colors()["hair"].values())


@pytest.mark.parametrize(("hair", "skin"), [("#3eac2c", "#763900"), ("#dba3be", "#f2d3b1"), (None, None)])
def test_every_colouring_of_the_artist_is_right(truth: Truth, hair: str | None, skin: str | None) -> None:
    coloured = picture(hair=hair, skin=skin)
    assert truth.distance(coloured) < 0.05
    assert told_apart([truth], [coloured]) == 1.0


def test_the_drawing_itself_and_another_palette_are_not(truth: Truth) -> None:
    assert truth.distance(picture("A")) > 5
    assert truth.distance(picture(hair="#0000ff")) > 5


def test_bleeding_is_farther_the_wider_it_is(truth: Truth) -> None:
    page = Image.fromarray(picture())
    blurred = [np.array(page.resize((SIZE // k, SIZE // k)).resize((SIZE, SIZE))) for k in (1, 2, 4, 8)]
    distances = [truth.distance(each) for each in blurred]
    assert distances == sorted(distances) and distances[1] > distances[0]


def test_hair_in_the_colour_of_skin_is_not_told_from_it(truth: Truth) -> None:
    assert truth.tells_hair_from_skin(picture(hair=SKIN_COLOURS[0], skin=SKIN_COLOURS[0])) is False


def test_hair_and_skin_are_different_areas_without_lines(truth: Truth) -> None:
    assert truth.hair.any() and truth.skin.any()
    assert not (truth.hair & truth.skin).any()
    assert not ((truth.hair | truth.skin) & ~truth.areas).any()


def test_a_bald_portrait_says_nothing_about_hair() -> None:
    bald = next(seed for seed in range(2000, 2400) if Drawing(seed).parts["hairVariant"] == "short19")
    truth = Truth.of(bald, SIZE)
    assert truth.tells_hair_from_skin(np.zeros((SIZE, SIZE, 3), np.uint8)) is None
    assert set(HAIR_COLOURS["pink"]) <= set(HAIR)
