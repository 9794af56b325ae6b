"""A checkpoint whose colour layer is known: what comes out is the drawing's lines times that layer, to the level."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cyclegan.painting.colorizer import Colorizer
from tests.handmade import (
    BLUE,
    ORANGE,
    RED,
    VIOLET,
    coloured,
    ink_and_pencil,
    known_painter,
    put_dark_and_light_in_regions,
    save_known,
    times,
)

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Averaged weights lay orange under everything, those of the last step violet."""
    colours = {1: ORANGE, 2: VIOLET, 3: RED, 4: BLUE}
    return save_known(
        tmp_path_factory.mktemp("known") / "known.pt", known_painter(colours, 1), known_painter(colours, 2)
    )


@pytest.mark.parametrize("size", [(64, 64), (70, 65), (40, 53), (300, 200), (90, 700)])
def test_a_drawing_comes_out_as_its_lines_times_the_layer(checkpoint: Path, size: tuple[int, int]) -> None:
    lines, averaged = ink_and_pencil(*size), Colorizer.load(checkpoint, device="cpu")
    assert np.array_equal(coloured(averaged, lines), times(lines, ORANGE))
    raw = Colorizer.load(checkpoint, device="cpu", weights="raw")
    assert np.array_equal(coloured(raw, lines), times(lines, VIOLET))
    own = np.array([[255, 255, 255], BLUE, RED, ORANGE, ORANGE], np.float32) / 255
    assert np.array_equal(coloured(averaged, lines, own), times(lines, BLUE))
    assert np.array_equal(coloured(raw, lines, own), times(lines, RED))


def test_a_batch_gets_each_drawing_its_lines_back(checkpoint: Path) -> None:
    pages = [
        ink_and_pencil(64, 64),
        ink_and_pencil(200, 120),
        ink_and_pencil(64, 64)[::-1].copy(),
        ink_and_pencil(65, 64),
    ]
    results = Colorizer.load(checkpoint, device="cpu").paint_batch([Image.fromarray(page) for page in pages])
    for result, page in zip(results, pages, strict=True):
        assert np.array_equal(np.asarray(result.merged()), times(page, ORANGE))
        assert np.array_equal(result.lines, page)
        assert (result.flats == ORANGE).all() and result.alpha is None


def test_what_is_transparent_stays_so_and_counts_as_white_paper(checkpoint: Path) -> None:
    lines = ink_and_pencil(80, 120)
    alpha = np.full((120, 80), 255, np.uint8)
    alpha[:30], alpha[100:, :20], alpha[110:117, 40:60] = 0, 0, 90
    lines[100:118, 20:70] = 255
    result = coloured(Colorizer.load(checkpoint, device="cpu"), np.dstack([lines, alpha]))
    lines[alpha == 0] = 255
    assert result.shape == (120, 80, 4)
    assert np.array_equal(result[..., 3], alpha)
    assert np.array_equal(result[..., :3], times(lines, ORANGE))


@pytest.mark.parametrize("scale", [1, 3])
def test_each_place_gets_the_colour_of_its_own_region(tmp_path: Path, scale: int) -> None:
    """The left third is dark and red, the rest blue, in the orientation and at the place of the drawing."""
    generator = known_painter({3: RED, 4: BLUE})
    put_dark_and_light_in_regions(generator, dark=3, light=4)
    path = save_known(tmp_path / "sides.pt", generator, known_painter({}))
    page = np.full((80 * scale, 96 * scale, 3), 255, np.uint8)
    page[: 64 * scale, : 32 * scale] = 150
    result = coloured(Colorizer.load(path, device="cpu"), page)
    dark, seam = (slice(0, 54 * scale), slice(0, 22 * scale)), 12 * scale
    assert np.array_equal(result[dark], times(page[dark], RED))
    for light in ((slice(None), slice(32 * scale + seam, None)), (slice(64 * scale + seam, None), slice(None))):
        assert np.array_equal(result[light], times(page[light], BLUE))


def test_the_flats_are_the_palette_under_all_lines_and_under_black_ones_too() -> None:
    painter = known_painter({1: ORANGE}, 1)
    greys = torch.arange(256.0).view(1, 1, 16, 16).expand(1, 3, -1, -1) / 127.5 - 1
    with torch.inference_mode():
        layers, picture = painter.layers(greys), (painter(greys) + 1) * 127.5
    assert layers.regions is not None and layers.regions[0, 1].min() == pytest.approx(1)
    for channel, level in enumerate(ORANGE):
        assert 255 * layers.flats[0, channel].flatten() == pytest.approx(level, abs=0.01)
        assert picture[0, channel].flatten() == pytest.approx(torch.arange(256.0) * level / 255, abs=0.01)
