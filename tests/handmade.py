"""Generators whose colours are known, for tests of what becomes of them: their weights are set, not trained."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cyclegan.config import GeneratorConfig
from cyclegan.networks import Generator


def ends(network: Generator) -> tuple[nn.Conv2d, nn.Conv2d]:
    """The first and the last convolution."""
    convolutions = [layer for layer in network.layers.modules() if isinstance(layer, nn.Conv2d)]
    return convolutions[0], convolutions[-1]


@torch.no_grad()
def put_all_in_region(network: Generator, region: int) -> None:
    """The whole page is in this one of the regions that palettes colour, whatever is drawn."""
    for parameter in network.parameters():
        parameter.zero_()
    bias = ends(network)[1].bias
    assert bias is not None
    bias[region] = 50.0


@torch.no_grad()
def put_dark_and_light_in_regions(network: Generator, dark: int, light: int) -> None:
    """Areas darker than the page's mean are in one region, all others in the other."""
    put_all_in_region(network, light)
    first, *middle, last = [layer for layer in network.layers.children() if isinstance(layer, nn.Conv2d)]
    first.weight[0, :, 3, 3] = -1.0
    for layer in middle:
        layer.weight[0, 0, 1, 1] = 1.0
    last.weight[dark, 0, 3, 3] = 1000.0


def palettes(config: GeneratorConfig, colours: Mapping[int, tuple[int, int, int]]) -> Tensor:
    """To be remembered in every place: the colours of regions, RGB 0..255; those not named are green."""
    palette = torch.tensor([colours.get(region, (0, 255, 0)) for region in range(config.palette)]) / 255
    palette[0] = 1.0
    return palette.expand(64, -1, -1).clone()
