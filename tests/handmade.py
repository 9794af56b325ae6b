"""Makes painters whose colours are known, by setting their weights, and what is to be painted by them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from cyclegan.painting.checkpoint import save_checkpoint
from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.guide import Guide
from cyclegan.painting.networks import WithShadows
from cyclegan.painting.painter import Painter
from cyclegan.training.trainer import Trainer
from imaging.lineart import Normalization
from tests.factories import give_palettes

SIZE = 64
CONFIG = GeneratorConfig(blocks=1, ngf=4, head="line_keeping", upsample="nearest", palette=5)
ORANGE, VIOLET, RED, BLUE = (200, 90, 40), (120, 30, 210), (230, 50, 20), (10, 60, 220)
OUTLINE_SIZE = 32
WHITE, COLOURED = 0, 1  # regions


def ends(network: Painter) -> tuple[nn.Conv2d, nn.Conv2d]:
    """The first and the last convolution, but for those of shadows."""
    layers = network.network
    own = [layers.trunk, layers.head] if isinstance(layers, WithShadows) else [layers]
    convolutions = [layer for part in own for layer in part.modules() if isinstance(layer, nn.Conv2d)]
    return convolutions[0], convolutions[-1]


@torch.no_grad()
def put_all_in_region(network: Painter, region: int) -> None:
    """The whole page is in this one of the regions that palettes colour, whatever is drawn."""
    for parameter in network.parameters():
        parameter.zero_()
    bias = ends(network)[1].bias
    assert bias is not None
    bias[region] = 50.0


@torch.no_grad()
def put_dark_and_light_in_regions(network: Painter, dark: int, light: int) -> None:
    """Areas darker than the page's mean are in one region, all others in the other."""
    put_all_in_region(network, light)
    first, *middle, last = [layer for layer in network.network.children() if isinstance(layer, nn.Conv2d)]
    first.weight[0, :, 3, 3] = -1.0
    for layer in middle:
        layer.weight[0, 0, 1, 1] = 1.0
    last.weight[dark, 0, 3, 3] = 1000.0


def palettes(config: GeneratorConfig, colours: Mapping[int, tuple[int, int, int]]) -> Tensor:
    """To be remembered in every place: the colours of regions, RGB 0..255; those not named are green."""
    palette = torch.tensor([colours.get(region, (0, 255, 0)) for region in range(config.palette)]) / 255
    palette[0] = 1.0
    return palette.expand(64, -1, -1).clone()


def save_known(path: Path, ema: Painter, raw: Painter) -> Path:
    """A checkpoint with these two kinds of weights."""
    checkpoint = {
        "step": 7,
        "painter": {"config": CONFIG.model_dump(), "ema": ema.state_dict(), "raw": raw.state_dict()},
        "normalization": Normalization().to_dict(),
        "lineart": {"size": SIZE, "examples": None},
    }
    save_checkpoint(path, checkpoint)
    return path


def known_painter(remembered: dict[int, tuple[int, int, int]], region: int = 0) -> Painter:
    painter = Painter(CONFIG)
    put_all_in_region(painter, region)
    give_palettes(painter, palettes(CONFIG, remembered))
    return painter


def ink_and_pencil(width: int, height: int) -> np.ndarray:
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
    return np.asarray(colorizer(Image.fromarray(lines), Guide(palette)))


def outlines(count: int, seed: int) -> list[np.ndarray]:
    rng, pages = np.random.default_rng(seed), []
    for _ in range(count):
        page = np.full((OUTLINE_SIZE, OUTLINE_SIZE), 255, np.uint8)
        top, left = rng.integers(4, 9, 2)
        page[top : top + 18, left : left + 16] = 60
        page[top + 1 : top + 17, left + 1 : left + 15] = 255
        pages.append(page)
    return pages


def painters(trainer: Trainer) -> tuple[Painter, Painter]:
    """The averaged one and that of the last step."""
    return trainer.painter.network, trainer.method.painter


def noise_pairs(count: int, side: int = 32) -> list[tuple[Tensor, Tensor]]:
    """Lines and colour pictures of noise, (3, side, side) in [-1, 1] each."""
    random = torch.Generator().manual_seed(0)
    return [
        (
            torch.rand(1, side, side, generator=random).expand(3, -1, -1) * 2 - 1,
            torch.rand(3, side, side, generator=random) * 2 - 1,
        )
        for _ in range(count)
    ]
