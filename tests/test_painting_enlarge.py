"""Tests that enlarged colours do not cross lines."""

import io
from functools import cache

import cv2
import numpy as np
import pytest
from PIL import Image

from cyclegan.painting import enlarge as enlarging
from cyclegan.painting.enlarge import enlarge
from demo.drawings import Drawing
from imaging.colour import to_lab


@cache
def drawn(seed: int, domain: str, size: int) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(Drawing(seed).render(domain, size))).convert("RGB"))  # type: ignore[arg-type]


def two_fields(line: int, gap: int = 0) -> np.ndarray:
    """Draws a vertical line on (400, 600) uint8 paper, `line` px wide from x = 301, with a gap of `gap` px."""
    gray = np.full((400, 600), 255, np.uint8)
    gray[:, 301 : 301 + line] = 0
    gray[200 - gap // 2 : 200 + (gap + 1) // 2, 301 : 301 + line] = 255
    return gray


def red_and_blue() -> np.ndarray:
    """Makes (20, 30, 3) colours: red left of the line, blue right of it, their mixture in the line's column."""
    colours = np.empty((20, 30, 3), np.uint8)
    colours[:, :15], colours[:, 16:], colours[:, 15] = (200, 30, 30), (30, 30, 200), (70, 20, 70)
    return colours


@pytest.mark.parametrize("line", [1, 2, 5, 15])
def test_no_colour_crosses_a_line(line: int) -> None:
    large = enlarge(red_and_blue(), two_fields(line), ink=100, paper=255).astype(int)
    assert np.abs(large[:, :301] - (200, 30, 30)).max() <= 3
    assert np.abs(large[:, 301 + line :] - (30, 30, 200)).max() <= 3


def test_through_a_gap_colour_leaks_no_further_than_a_few_small_pixels() -> None:
    large = enlarge(red_and_blue(), two_fields(4, gap=30), ink=100, paper=255).astype(int)
    assert np.abs(large[:, : 301 - 40] - (200, 30, 30)).max() <= 3
    assert np.abs(large[:, 305 + 40 :] - (30, 30, 200)).max() <= 3
    assert np.abs(large[:160, :301] - (200, 30, 30)).max() <= 6


@pytest.mark.parametrize("seed", [2000, 2003, 2007])
def test_a_real_drawing_gets_its_own_colours_back(seed: int) -> None:
    """Enlarges from a sixteenth of the size; plain interpolation is wrong on 3 to 20 times as many pixels."""
    line, colour = drawn(seed, "A", 1024), drawn(seed, "B", 1024)
    gray = cv2.cvtColor(line, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(colour, (128, 128), interpolation=cv2.INTER_AREA)

    def wrong(layer: np.ndarray) -> float:
        result = (layer.astype(np.uint16) * line // 255).astype(np.uint8)
        return float((np.linalg.norm(to_lab(result) - to_lab(colour), axis=2) > 10).mean())

    ours = wrong(enlarge(small, gray, ink=120, paper=255))
    interpolated = wrong(cv2.resize(small, (1024, 1024), interpolation=cv2.INTER_CUBIC))
    assert ours < 0.012
    assert ours < interpolated / 3


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (20, 30), (11, 9), (3, 1000)])
def test_every_size_is_reached(size: tuple[int, int]) -> None:
    large = enlarge(red_and_blue(), np.full(size, 255, np.uint8), ink=100, paper=255)
    assert large.shape == (*size, 3)
    assert large.dtype == np.uint8


def test_strips_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    gray = cv2.cvtColor(drawn(2000, "A", 300), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(drawn(2000, "B", 300), (64, 64), interpolation=cv2.INTER_AREA)
    whole = enlarge(small, gray, ink=120, paper=255)
    monkeypatch.setattr(enlarging, "STRIP", 7)
    assert np.array_equal(enlarge(small, gray, ink=120, paper=255), whole)


def test_one_colour_stays_that_colour_everywhere() -> None:
    gray = cv2.cvtColor(drawn(2003, "A", 500), cv2.COLOR_RGB2GRAY)
    small = np.full((64, 64, 3), (12, 180, 99), np.uint8)
    assert (enlarge(small, gray, ink=120, paper=255) == (12, 180, 99)).all()
