"""Tests what is said to be thin about training pictures, on the demo's portraits and changes of them."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from demo.drawings import COLOUR_SEEDS, LINEART_SEEDS
from demo.pictures import normalized_lineart, portrait
from imaging.pseudo_pair import measure_drawings
from imaging.scale import measure_scale
from irodori.thin import FEW, thin

SIDE = 128


@pytest.fixture(scope="module")
def lineart() -> list[np.ndarray]:
    return [normalized_lineart(seed, SIDE) for seed in LINEART_SEEDS[:12]]


@pytest.fixture(scope="module")
def colour() -> list[np.ndarray]:
    return [portrait(seed, "B", SIDE) for seed in COLOUR_SEEDS[:12]]


def told(
    lineart: Sequence[np.ndarray], colour: Sequence[np.ndarray], number: int = FEW, held: int = 8, grey: float = 0.0
) -> list[str]:
    return list(thin(number, [held, held], 4, grey, lineart, colour))


def test_of_good_pictures_nothing_is_said(lineart: list[np.ndarray], colour: list[np.ndarray]) -> None:
    assert told(lineart, colour) == []


def test_few_pictures(lineart: list[np.ndarray], colour: list[np.ndarray]) -> None:
    assert told(lineart, colour, number=FEW - 1)[0].startswith(f"{FEW - 1} colour pictures are few")
    (line,) = told(lineart, colour, held=3)
    assert line.startswith(
        "too few pictures to score checkpoints: 3 of lineart and 3 of colour are held out, 4 of each"
    )


def test_many_grey_ones_in_colour(lineart: list[np.ndarray], colour: list[np.ndarray]) -> None:
    assert told(lineart, colour, grey=0.2) == []
    assert told(lineart, colour, grey=0.3)[0].startswith("30% of the pictures in colour are grey")


def test_painted_backgrounds(lineart: list[np.ndarray], colour: list[np.ndarray]) -> None:
    noise = cv2.GaussianBlur(np.random.default_rng(0).standard_normal((SIDE, SIDE, 3)), (0, 0), 3)
    foliage = np.clip(120 + 60 * noise / noise.std(), 0, 255).astype(np.uint8)
    scenes, night = (
        [np.where((picture > 245).all(axis=2, keepdims=True), ground, picture) for picture in colour]
        for ground in (foliage, np.uint8(20))
    )
    line = told(lineart, scenes)[-1]
    assert line.startswith("12 of 12 colour pictures looked at have painted backgrounds")
    assert told(lineart, night) == []  # a plain ground becomes white
    mixed = told(lineart, [*scenes[:6], *colour[6:]])
    assert not any("painted backgrounds" in line for line in mixed)
    tiled = [np.minimum(picture, np.where(np.indices(picture.shape).min(0) % 8, 255, 0)) for picture in lineart]
    on_tiles = told([picture.astype(np.uint8) for picture in tiled], scenes)
    assert not any("painted backgrounds" in line for line in on_tiles)


def test_scales_that_are_apart(lineart: list[np.ndarray], colour: list[np.ndarray]) -> None:
    """A page of nine small drawings beside portraits."""
    small = [cv2.resize(picture, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA) for picture in lineart]
    pages = [np.tile(picture, (3, 3)) for picture in small]
    assert told(pages, colour)[0].startswith("in the same area lineart shows")


@pytest.mark.parametrize(
    ("domain", "said"), [("A", "lines of the lineart are"), ("B", "outlines of the colour pictures are")]
)
def test_a_domain_that_shows_only_the_middle_of_faces(
    lineart: list[np.ndarray], colour: list[np.ndarray], domain: str, said: str
) -> None:
    def close(pictures: list[np.ndarray]) -> list[np.ndarray]:
        middle = slice(SIDE // 4, -SIDE // 4)
        return [cv2.resize(each[middle, middle], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for each in pictures]

    lines = told(close(lineart), colour) if domain == "A" else told(lineart, close(colour))
    (line,) = (each for each in lines if each.startswith(said))
    assert float(line.removeprefix(said).split()[0]) > 1.4


def test_pictures_without_outlines_say_nothing_of_the_width_of_lines(lineart: list[np.ndarray]) -> None:
    style = measure_drawings(lineart)
    pale = [np.full((SIDE, SIDE, 3), 200, np.uint8) for _ in lineart]
    for picture in pale:
        cv2.circle(picture, (64, 64), 40, (250, 190, 160), -1)
    assert measure_scale(lineart, pale, style).wider == 1.0
