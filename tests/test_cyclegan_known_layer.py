"""A checkpoint whose colour layer is known: what comes out is the drawing's lines times that layer, to the level."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cyclegan.checkpoint import save_checkpoint
from cyclegan.colorizer import Colorizer
from cyclegan.config import DataConfig, GeneratorConfig, LossConfig, TrainConfig
from cyclegan.networks import Generator
from imaging.lineart import Normalization
from tests.handmade import palettes, put_all_in_region, put_dark_and_light_in_regions

torch.set_num_threads(1)
SIZE = 64
CONFIG = GeneratorConfig(blocks=1, ngf=4, head="line_keeping", upsample="nearest", palette=5)
ORANGE, VIOLET, RED, BLUE = (200, 90, 40), (120, 30, 210), (230, 50, 20), (10, 60, 220)


def save(path: Path, ema: Generator, raw: Generator) -> Path:
    config = TrainConfig(generator=CONFIG, data=DataConfig(crop=SIZE), losses=LossConfig(lambda_pseudo=1.0))
    about = {"step": 7, "config": config.model_dump(), "normalization": Normalization().to_dict()}
    states = {"ema": {"g_ab": ema.state_dict()}, "networks": {"g_ab": raw.state_dict()}}
    save_checkpoint(path, about | states | {"lineart": {"size": SIZE, "examples": None}})
    return path


def network(remembered: dict[int, tuple[int, int, int]], region: int = 0) -> Generator:
    generator = Generator(CONFIG)
    put_all_in_region(generator, region)
    generator.remembered.copy_(palettes(CONFIG, remembered))
    return generator


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Averaged weights lay orange under everything, those of the last step violet."""
    colours = {1: ORANGE, 2: VIOLET, 3: RED, 4: BLUE}
    return save(tmp_path_factory.mktemp("known") / "known.pt", network(colours, 1), network(colours, 2))


def drawing(width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8: lines in ink, in grey and in blue pencil."""
    page = np.full((height, width, 3), 255, np.uint8)
    page[height // 4, 3:-3] = page[2:-9, width // 2] = 0
    page[height // 2, :] = 90
    page[:, width // 5] = page[-2:] = (70, 100, 235)
    page[2 * height // 3 :, -width // 7] = (128, 127, 126)
    return page


def times(lines: np.ndarray, layer: np.ndarray | tuple[int, int, int]) -> np.ndarray:
    return np.rint(lines.astype(float) * np.asarray(layer) / 255).astype(np.uint8)


def coloured(colorizer: Colorizer, lines: np.ndarray, palette: np.ndarray | None = None) -> np.ndarray:
    return np.asarray(colorizer(Image.fromarray(lines), palette))


@pytest.mark.parametrize("size", [(64, 64), (70, 65), (40, 53), (300, 200), (90, 700)])
def test_a_drawing_comes_out_as_its_lines_times_the_layer(checkpoint: Path, size: tuple[int, int]) -> None:
    lines, averaged = drawing(*size), Colorizer.load(checkpoint, device="cpu")
    assert np.array_equal(coloured(averaged, lines), times(lines, ORANGE))
    raw = Colorizer.load(checkpoint, device="cpu", weights="raw")
    assert np.array_equal(coloured(raw, lines), times(lines, VIOLET))
    own = np.array([[255, 255, 255], BLUE, RED, ORANGE, ORANGE], np.float32) / 255
    assert np.array_equal(coloured(averaged, lines, own), times(lines, BLUE))
    assert np.array_equal(coloured(raw, lines, own), times(lines, RED))


def test_a_batch_gets_each_drawing_its_lines_back(checkpoint: Path) -> None:
    pages = [drawing(64, 64), drawing(200, 120), drawing(64, 64)[::-1].copy(), drawing(65, 64)]
    results = Colorizer.load(checkpoint, device="cpu").colorize_batch([Image.fromarray(page) for page in pages])
    assert all(
        np.array_equal(np.asarray(result), times(page, ORANGE)) for result, page in zip(results, pages, strict=True)
    )


def test_what_is_transparent_stays_so_and_counts_as_white_paper(checkpoint: Path) -> None:
    lines = drawing(80, 120)
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
    generator = network({3: RED, 4: BLUE})
    put_dark_and_light_in_regions(generator, dark=3, light=4)
    path = save(tmp_path / "sides.pt", generator, network({}))
    page = np.full((80 * scale, 96 * scale, 3), 255, np.uint8)
    page[: 64 * scale, : 32 * scale] = 150
    result = coloured(Colorizer.load(path, device="cpu"), page)
    dark, seam = (slice(0, 54 * scale), slice(0, 22 * scale)), 12 * scale
    assert np.array_equal(result[dark], times(page[dark], RED))
    for light in ((slice(None), slice(32 * scale + seam, None)), (slice(64 * scale + seam, None), slice(None))):
        assert np.array_equal(result[light], times(page[light], BLUE))


def test_the_layer_under_all_but_black_is_the_palette_and_under_black_it_is_some_colour() -> None:
    generator = network({1: ORANGE}, 1)
    greys = torch.arange(256.0).view(1, 1, 16, 16).expand(1, 3, -1, -1) / 127.5 - 1
    with torch.inference_mode():
        layer, picture = ((generator.colour_layer(greys) + 1) * 127.5, (generator(greys) + 1) * 127.5)
    for channel, level in enumerate(ORANGE):
        assert layer[0, channel].flatten()[8:] == pytest.approx(level, abs=0.01)
        assert picture[0, channel].flatten() == pytest.approx(torch.arange(256.0) * level / 255, abs=0.01)
    assert layer.isfinite().all() and layer.min() >= 0 and layer.max() <= 255.01
