"""Builds the U-Net generator of pix2pix (Isola et al. 2017, section 6.1.1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cyclegan.painting.config import GeneratorConfig

_DROPPING = 3  # layers of the decoder that drop half of their features, from the innermost one on


class UNet(nn.Module):
    """Halves a picture `blocks` times and doubles it again; each size passes its features across.

    Batches are of one picture in the paper, where batch norm is instance norm; so that a larger batch changes nothing,
    it is instance norm here. Sides that cannot be halved so often are continued by reflection.
    """

    def __init__(self, config: GeneratorConfig, channels: int) -> None:
        """Builds the network (N, 3, H, W) → (N, channels, H, W), without a final activation; any H and W."""
        super().__init__()
        widths = [config.ngf * min(2**level, 8) for level in range(config.blocks)]
        last = config.blocks - 1
        self.down = nn.ModuleList([nn.Conv2d(3, widths[0], 4, 2, 1, bias=False)])
        for level in range(1, config.blocks):
            layers: list[nn.Module] = [
                nn.LeakyReLU(0.2),
                nn.Conv2d(widths[level - 1], widths[level], 4, 2, 1, bias=False),
            ]
            norm = [nn.InstanceNorm2d(widths[level], affine=True)] if level < last else []  # not of a single pixel
            self.down.append(nn.Sequential(*layers, *norm))
        self.up = nn.ModuleList()
        for level in range(last, 0, -1):
            inputs = widths[level] * (1 if level == last else 2)
            layers = [nn.ReLU(), nn.ConvTranspose2d(inputs, widths[level - 1], 4, 2, 1, bias=False)]
            dropout = [Dropout()] if last - level < _DROPPING else []
            self.up.append(nn.Sequential(*layers, nn.InstanceNorm2d(widths[level - 1], affine=True), *dropout))
        self.up.append(
            nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(widths[0] * (1 if last == 0 else 2), channels, 4, 2, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        found, across = continued(x, 2 ** len(self.down)), []
        for layer in self.down:
            found = layer(found)
            across.append(found)
        found = self.up[0](across.pop())
        for layer in self.up[1:]:
            found = layer(torch.cat([across.pop(), found], 1))
        return found[..., :height, :width]


class Dropout(nn.Module):
    """Drops half of the features, with a generator that :func:`dropping` gives; without one, it drops none.

    So training repeats exactly after a resume, and serving depends on no chance. In the paper, serving drops, too.
    """

    rng: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.rng is None:
            return x
        kept = torch.randint(2, x.shape, generator=self.rng, dtype=torch.uint8)
        return x * (2 * kept).to(x.device, x.dtype)


@contextmanager
def dropping(network: nn.Module, rng: torch.Generator) -> Iterator[None]:
    """Lets the dropout of a network, if it has any, draw from `rng` (on the CPU) within the context."""
    layers = [module for module in network.modules() if isinstance(module, Dropout)]
    for layer in layers:
        layer.rng = rng
    try:
        yield
    finally:
        for layer in layers:
            layer.rng = None


def continued(x: Tensor, multiple: int) -> Tensor:
    """Continues (N, C, H, W) by reflection, at the bottom and right, to sides that are multiples of `multiple`."""
    for axis in (2, 3):
        side = x.shape[axis]
        if side % multiple:
            places = torch.arange(side + -side % multiple, device=x.device) % (2 * side)
            x = x.index_select(axis, torch.minimum(places, 2 * side - 1 - places))
    return x
