"""Tests that dots of screentone are taken off before segments are found, and nothing else is."""

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmarks.screentone import dots
from demo.pictures import portrait
from imaging.ink import read_page
from imaging.screentone import without_screentone
from imaging.segments import find_segments


@pytest.mark.parametrize(("pitch", "angle"), [(6, 0), (9, 0)])
def test_an_area_under_a_tone_is_one_segment_and_the_dots_stay_in_the_picture(pitch: int, angle: int) -> None:
    plain = np.full((400, 400), 255, np.uint8)
    cv2.rectangle(plain, (60, 60), (340, 340), 0, 4)
    toned = plain.copy()
    toned[70:330, 70:330] = dots((260, 260), pitch, angle, 0.2)
    page = read_page(Image.fromarray(toned))
    assert find_segments(page.gray).count == find_segments(plain).count
    assert (np.asarray(page.picture)[..., 0] == toned).all()


@pytest.mark.parametrize("seed", range(3000, 3006))
def test_a_drawing_without_a_tone_is_not_touched(seed: int) -> None:
    drawing = portrait(seed, "A", 384)[..., 0]
    assert without_screentone(drawing) is drawing
