"""Tests that a painter sees panels without their frames, and that no colour runs from one panel into another."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from cyclegan.painting.pages import parted, unframed, without_margins
from imaging.segments import find_segments


@pytest.mark.parametrize("inset", [0, 6, 20])
@pytest.mark.parametrize("lean", [0.0, 0.5])
def test_a_frame_is_blank_and_the_drawing_inside_is_not(inset: int, lean: float) -> None:
    panel: npt.NDArray[np.uint8] = np.full((300, 400), 240, np.uint8)
    cv2.circle(panel, (200, 150), 80, 10, 3)
    drawn = panel.copy()
    cv2.rectangle(panel, (inset, inset), (399 - inset, 299 - inset), 10, 3)
    turn = cv2.getRotationMatrix2D((200, 150), lean, 1)
    panel, drawn = (
        np.asarray(cv2.warpAffine(each, turn, (400, 300), borderValue=(240.0,)), np.uint8) for each in (panel, drawn)
    )
    seen = unframed(panel)
    assert (seen < 120).sum() < 1.05 * (drawn < 120).sum()
    assert (seen[50:250, 100:300] == drawn[50:250, 100:300]).all()


def test_a_panel_without_a_frame_is_seen_as_it_is() -> None:
    panel = np.full((200, 150), 255, np.uint8)
    cv2.circle(panel, (75, 195), 60, 0, 3)
    assert (unframed(panel) == panel).all()


def test_what_a_panel_cuts_off_does_not_join_what_lies_below() -> None:
    """An arch is open below; the next panel begins there."""
    page = np.full((800, 300), 255, np.uint8)
    cv2.ellipse(page, (150, 400), (100, 250), 0, 180, 360, 0, 3)
    boxes = [(0, 0, 300, 400), (0, 400, 300, 800)]
    before, after = (find_segments(gray).labels for gray in (page, parted(page, boxes)))
    assert before[390, 150] == before[600, 150]
    assert after[390, 150] != after[600, 150] and after[390, 150] != after[390, 20]
    assert parted(page, boxes[:1]) is page and page.min(axis=1)[600] == 255


def test_the_margin_around_a_frame_is_paper() -> None:
    drawn = np.full((300, 400), 255, np.uint8)
    cv2.rectangle(drawn, (12, 12), (387, 287), 0, 3)
    skin = np.zeros((2, 75, 100), np.float32)
    skin[1] = 1
    map_ = without_margins(skin, drawn, [(0, 0, 400, 300)], np.array([1, 0], np.float32))
    assert (map_[0, :3] == 1).all() and (map_[0, :, -3:] == 1).all() and (map_[1, 5:-5, 5:-5] == 1).all()
    assert without_margins(skin, np.full_like(drawn, 255), [(0, 0, 400, 300)], np.ones(2, np.float32)) is skin
