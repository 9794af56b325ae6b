"""Tests the whitening of paper: scans become white and keep their lines, and what is white or no paper stays."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imaging.lineart import normalize
from imaging.paper import whiten_paper
from tests.linework import Gray, draw


def photograph(gray: Gray, corner: float, paper: int = 235, noise: float = 2.0, seed: int = 0) -> Gray:
    """Returns the drawing on grainy paper; the light falls off to the share `corner` at the lower right."""
    height, width = gray.shape
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    light = 1 - (1 - corner) * (0.6 * x + 0.4 * y) ** 1.5
    grain = np.random.default_rng(seed).normal(0, noise, gray.shape)
    return np.asarray(np.clip(gray / 255 * paper * light + grain, 0, 255), dtype=np.uint8)


@pytest.mark.parametrize("seed", range(5))
def test_clean_digital_lineart_keeps_its_paper_bit_by_bit(seed: int) -> None:
    gray = draw(seed=seed)
    white, paper = whiten_paper(gray)
    assert white is gray
    assert paper == 255


def test_compressed_digital_lineart_keeps_its_paper() -> None:
    _, data = cv2.imencode(".jpg", draw(), [cv2.IMWRITE_JPEG_QUALITY, 60])
    gray = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
    assert whiten_paper(gray)[0] is gray


@pytest.mark.parametrize("paper", [200, 215, 235, 245, 249])
def test_scans_become_white_and_keep_their_lines(paper: int) -> None:
    drawing = draw()
    white, found = whiten_paper(photograph(drawing, corner=1.0, paper=paper))
    assert abs(found - paper) <= 2
    assert (white[drawing == 255] == 255).mean() > 0.98
    assert (white[drawing < 60] < 110).all()


@pytest.mark.parametrize("corner", [0.9, 0.8, 0.7])
def test_uneven_light_goes(corner: float) -> None:
    drawing = draw()
    white, _ = whiten_paper(photograph(drawing, corner))
    assert (white[drawing == 255] == 255).mean() > 0.95
    assert (white[drawing < 60] < 110).all()
    assert 0.7 < (white < 250).mean() / (drawing < 250).mean() < 1.1


def test_large_dark_areas_are_not_bleached() -> None:
    drawing = draw()
    drawing = np.where(cv2.circle(np.zeros_like(drawing), (128, 110), 60, 1, -1) > 0, 30, drawing).astype(np.uint8)
    white, _ = whiten_paper(photograph(drawing, corner=0.85))
    assert np.median(white[drawing == 30]) < 45


def test_a_picture_without_paper_is_left_alone() -> None:
    x = np.linspace(0, 255, 256)
    gray = np.rint((np.sin(x / 7)[:, None] * np.cos(x / 11)[None] + 1) * 110).astype(np.uint8)
    white, paper = whiten_paper(gray)
    assert white is gray
    assert paper == 255


@pytest.mark.parametrize("corner", [1.0, 0.9, 0.75])
@pytest.mark.parametrize("seed", range(4))
def test_normalizing_a_scan_twice_changes_nothing(corner: float, seed: int) -> None:
    first = normalize(photograph(draw(seed=seed), corner, seed=seed))
    assert first.status == "ok"
    assert first.paper < 250
    again = normalize(first.image)
    assert again.status == "in_band"
    assert (again.image == first.image).all()


@settings(max_examples=200, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(100, 255)))
def test_whitening_twice_changes_nothing(gray: Gray) -> None:
    white, _ = whiten_paper(gray)
    assert white.shape == gray.shape
    assert white.dtype == np.uint8
    assert whiten_paper(white)[0] is white
