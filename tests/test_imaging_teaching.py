"""Pictures that are nearly all dark or of text are told from those that teach colours."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from benchmarks.styles import STYLES, draw
from imaging.teaching import DARK, TEXT, light_share, text_share, why_not

SIDE = 256


def written(lines: int, ink: tuple[int, int, int], ground: tuple[int, int, int]) -> np.ndarray:
    """Writes lines of text from the top of a page down; twenty fill it."""
    page = Image.new("RGB", (480, 520), ground)
    for line in range(lines):
        text = "a witch and her cat in the forest of potions"
        ImageDraw.Draw(page).text((20, 20 + 25 * line), text, ink, ImageFont.load_default(20))
    return np.asarray(page)


@pytest.mark.parametrize("style", STYLES)
def test_portraits_teach(style: str) -> None:
    for seed in range(31_000, 31_006):
        assert why_not(draw(style, seed, SIDE)[1]) == ""


@pytest.mark.parametrize(("ink", "ground"), [((60, 20, 20), (240, 200, 90)), ((255, 230, 120), (120, 20, 40))])
def test_a_page_of_text_teaches_little_and_a_caption_changes_nothing(
    ink: tuple[int, int, int], ground: tuple[int, int, int]
) -> None:
    assert why_not(written(20, ink, ground)) == TEXT
    assert text_share(written(20, ink, ground)) > 0.6
    assert why_not(written(4, ink, ground)) == ""


def test_dark_pictures_teach_little_and_night_scenes_teach() -> None:
    portrait = draw("adventurer", 31_000, SIDE)[1]
    assert why_not((portrait * 0.15).astype(np.uint8)) == DARK
    night = (portrait * 0.1).astype(np.uint8)
    night[: SIDE // 3, : SIDE // 3] = (40, 60, 120)  # a window
    assert why_not(night) == ""
    assert 0.1 < light_share(night) < 0.12


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (400, 3)])
def test_pictures_of_any_shape(size: tuple[int, int]) -> None:
    assert why_not(np.full((*size, 3), 200, np.uint8)) == ""
