"""Tests what is said to be thin about training pictures, on the demo's portraits and changes of them."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from demo.drawings import COLOUR_SEEDS, LINEART_SEEDS
from demo.pictures import normalized_lineart, portrait
from irodori.thin import FEW, background, thin

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


def test_dark_backgrounds(lineart: list[np.ndarray], colour: list[np.ndarray]) -> None:
    assert all(background(picture) > 200 for picture in colour)
    night = [np.where((picture > 245).all(axis=2, keepdims=True), np.uint8(20), picture) for picture in colour]
    assert "12 of 12 colour pictures looked at have dark backgrounds" in told(lineart, night)[0]
    assert told(lineart, [*night[:9], *colour[9:]]) == []


def test_scales_that_are_apart(lineart: list[np.ndarray], colour: list[np.ndarray]) -> None:
    """A page of nine small drawings beside portraits."""
    small = [cv2.resize(picture, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA) for picture in lineart]
    pages = [np.tile(picture, (3, 3)) for picture in small]
    (line,) = told(pages, colour)
    assert line.startswith("in the same area lineart shows")
