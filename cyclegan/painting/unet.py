"""Builds the U-Net generator of pix2pix (Isola et al. 2017, section 6.1.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
        widths = self._widths = [config.ngf * min(2**level, 8) for level in range(config.blocks)]
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

    def dropped(self, height: int, width: int) -> list[tuple[int, int, int]]:
        """Returns the shapes (C, H, W) of the features that are dropped in part, for a picture of this size."""
        shapes, halvings = [], len(self.down)
        tall, wide = (side + -side % 2**halvings for side in (height, width))
        for level, layer in zip(range(halvings - 1, 0, -1), self.up, strict=False):
            if any(isinstance(module, Dropout) for module in layer.modules()):
                shapes.append((self._widths[level - 1], tall >> level, wide >> level))
        return shapes

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
    """Drops the features that :func:`dropping` says, and doubles the others; without it, drops none.

    So training repeats exactly after a resume, and serving depends on no chance. In the paper, serving drops, too.
    """

    kept: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        return x if self.kept is None else x * (2 * self.kept).to(x.dtype)


@contextmanager
def dropping(network: nn.Module, kept: Sequence[Tensor]) -> Iterator[None]:
    """Within the context, the layers of dropout in a network keep features as given.

    Args:
        network: with as many such layers as `kept` has entries.
        kept: (N, C, H, W) uint8 each, 0 or 1, of the shapes that `UNet.dropped` returns.
    """
    layers = [module for module in network.modules() if isinstance(module, Dropout)]
    for layer, own in zip(layers, kept, strict=True):
        layer.kept = own
    try:
        yield
    finally:
        for layer in layers:
            layer.kept = None


def continued(x: Tensor, multiple: int) -> Tensor:
    """Continues (N, C, H, W) by reflection, at the bottom and right, to sides that are multiples of `multiple`."""
    for axis in (2, 3):
        side = x.shape[axis]
        if side % multiple:
            places = torch.arange(side + -side % multiple, device=x.device) % (2 * side)
            x = x.index_select(axis, torch.minimum(places, 2 * side - 1 - places))
    return x
