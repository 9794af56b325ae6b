"""Tests that colours suit what is drawn: near the true ones, and unlike where those are unlike."""

from collections.abc import Sequence

import numpy as np
import pytest

from cyclegan.scoring.suitability import Suitability
from imaging.colour import to_lab

RED, BLUE, GREEN, SKIN, WHITE = (200, 30, 40), (40, 60, 200), (40, 160, 60), (240, 200, 170), (255, 255, 255)
Colours = Sequence[tuple[int, int, int]]
TRUE: list[Colours] = [(RED, SKIN), (BLUE, SKIN), (RED, GREEN), (GREEN, SKIN)]


def halves(colours: Colours) -> np.ndarray:
    """A picture of 16 × 16 px: a colour above, a line, a colour below."""
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[:8], picture[9:] = colours
    return picture


def faults(colours: Sequence[Colours]) -> tuple[float, float]:
    """Those of pictures in these colours."""
    lines = np.full((16, 16), 255, np.uint8)
    lines[8] = 0
    known = Suitability([to_lab(halves(each)) for each in TRUE], [lines] * len(TRUE))
    found = known.faults([halves(each) for each in colours], 3)
    return float(found["suit"][0]), float(found["apart"][0])


def test_the_true_colours_have_no_fault() -> None:
    assert faults(TRUE) == pytest.approx((0, 0), abs=1e-6)


def test_white_paper_has_both() -> None:
    assert faults([(WHITE, WHITE)] * 4) == pytest.approx((1, 1))


def test_another_palette_tells_apart_as_well() -> None:
    suit, apart = faults([(BLUE, GREEN), (RED, BLUE), (SKIN, BLUE), (SKIN, RED)])
    assert suit > 0.5 and apart == pytest.approx(0, abs=1e-6)


def test_one_colour_for_all_tells_nothing_apart_however_near_it_is() -> None:
    suit, apart = faults([(upper, upper) for upper, _ in TRUE])
    assert 0 < suit < 1 and apart == pytest.approx(1)


def test_colours_farther_than_white_paper_are_worse_than_it() -> None:
    black = (0, 0, 0)
    assert 1 < faults([(black, black)] * 4)[0] <= 2


def test_a_ramp_of_one_colour_is_that_colour() -> None:
    """Soft colours have a thousand values, which tell nothing apart."""
    ramp = np.repeat(np.linspace(100, 103, 16).astype(np.uint8)[:, None], 3, axis=1)
    picture = np.tile(ramp, (16, 1, 1))
    lines = np.full((16, 16), 255, np.uint8)
    known = Suitability([to_lab(halves(each)) for each in TRUE], [lines] * len(TRUE))
    assert known.faults([picture] * 4, 3)["apart"][0] > 0.8
