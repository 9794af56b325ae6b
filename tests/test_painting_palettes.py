"""Tests the choice of colours: a remembered palette, or the palette of another picture."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.guide import Guide
from cyclegan.painting.palettes import PaletteError, unlike
from tests.factories import drawing, largest_difference, save

RED = (200, 40, 90)


@pytest.fixture
def colorizer(tmp_path: Path) -> Colorizer:
    return Colorizer.load(save(tmp_path / "a.pt", palette=6), device="cpu")


def painted(image: Image.Image) -> Image.Image:
    """Makes a picture with red paper and black lines."""
    lines = np.asarray(image).astype(float) / 255
    return Image.fromarray((lines * RED).round().astype(np.uint8))


def test_a_drawing_is_painted_in_the_palette_that_is_asked_for(colorizer: Colorizer) -> None:
    image = drawing()
    first, second = colorizer.palettes(2)
    assert largest_difference(colorizer(image, Guide(first)), colorizer(image, Guide(second))) > 30
    assert largest_difference(colorizer(image, Guide(first)), colorizer(image, Guide(first.copy()))) == 0
    white = np.ones_like(first)
    assert largest_difference(colorizer(image, Guide(white)), image) <= 1
    assert largest_difference(colorizer(image, Guide(white * np.float32(0.5))), image) > 100


def test_one_palette_for_a_whole_batch(colorizer: Colorizer) -> None:
    images, palette = [drawing(2000), drawing(2001), drawing(2002, 90)], colorizer.palettes(3)[2]
    together = [layered.merged() for layered in colorizer.paint_batch(images, Guide(palette))]
    for image, result in zip(images, together, strict=True):
        assert largest_difference(colorizer(image, Guide(palette)), result) <= 1


def test_the_palette_of_a_picture_has_its_colours(colorizer: Colorizer) -> None:
    palette = colorizer.palette_of(painted(drawing(size=150)))
    assert palette.shape == (6, 3)
    assert (palette[0] == 1).all()
    assert palette[1:] == pytest.approx(np.tile(np.array(RED, np.float32) / 255, (5, 1)), abs=0.03)
    other = colorizer(drawing(2007), Guide(palette))
    assert np.median(np.asarray(other)[..., 1]) < 255


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (97, 61)])
def test_any_picture_has_a_palette(colorizer: Colorizer, size: tuple[int, int]) -> None:
    for mode in ("RGB", "L", "RGBA", "1"):
        palette = colorizer.palette_of(Image.new(mode, size, 1))
        assert np.isfinite(palette).all()


def test_more_variants_only_add_to_fewer(colorizer: Colorizer) -> None:
    five = colorizer.palettes(5)
    assert all((one == other).all() for one, other in zip(colorizer.palettes(3), five, strict=False))
    assert len({palette.tobytes() for palette in five}) == 5
    assert len(colorizer.palettes(64)) == 64


def test_variants_are_unlike_each_other_but_not_odd() -> None:
    """Of three groups of palettes and an outlier, one of each group comes before the outlier and no group twice."""
    kinds, odd = [(0.9, 0.2, 0.2), (0.2, 0.2, 0.9), (0.2, 0.8, 0.2)], (1.0, 1.0, 0.0)
    colours = [*[kinds[0]] * 5, *[kinds[1]] * 4, odd, *[kinds[2]] * 3]
    near = np.random.default_rng(0).uniform(-0.02, 0.02, (len(colours), 4, 3)).astype(np.float32)
    palettes = np.clip(np.array(colours, np.float32)[:, None] + near, 0, 1)
    assert sorted(colours[index] for index in unlike(palettes, 3)) == sorted(kinds)
    assert sorted(unlike(palettes, len(colours))) == list(range(len(colours)))


def test_palettes_that_there_are_not(tmp_path: Path, colorizer: Colorizer) -> None:
    for count in (0, 65):
        with pytest.raises(PaletteError, match="remembers 64"):
            colorizer.palettes(count)
    without = Colorizer.load(save(tmp_path / "b.pt"), device="cpu")
    for ask in (lambda: without.palettes(2), lambda: without.palette_of(drawing())):
        with pytest.raises(PaletteError, match=r"without palettes.*generator\.palette"):
            ask()
