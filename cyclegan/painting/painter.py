"""The painter: the network that serves, lineart in and layers of colour out."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.layers import Layers, compose, in_colours
from cyclegan.painting.networks import resnet
from cyclegan.painting.palettes import palette_of

REMEMBERED_PALETTES = 64


class Painter(nn.Module):
    """(N, 3, H, W) lineart in [-1, 1] → a picture of the same shape and range; sides as `networks.resnet` wants them.

    `head="tanh"`: as published, it draws the lines anew. `head="line_keeping"`: it predicts colours in [0, 1] that lie
    under the lines, so a line can only be coloured beside itself.

    `palette=k`: the colours are flat. The network divides the drawing into k soft classes (what hair is, what skin is),
    and a palette (N, k, 3) in [0, 1] says the colour of each; the first is always white. A drawing given without one
    gets a remembered palette chosen by its pixels, the same every time.
    """

    network: nn.Module  # what was trained, or what computes the same: cyclegan.painting.backend
    remembered: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.network = resnet(config, config.palette or 3)
        if config.palette:
            self.register_buffer("remembered", torch.ones(REMEMBERED_PALETTES, config.palette, 3))

    def forward(self, lines: Tensor, palette: Tensor | None = None) -> Tensor:
        if self.config.head == "tanh":
            return self.network(lines).tanh()
        return compose(self.layers(lines, palette), lines)

    def layers(self, lines: Tensor, palette: Tensor | None = None) -> Layers:
        """What lies under the lines; of a tanh head the whole picture, which has lines of its own."""
        if self.config.palette:
            return in_colours(self.regions(lines), self._remembered_palette(lines) if palette is None else palette)
        return Layers((self.network(lines).tanh() + 1) / 2)

    def regions(self, lines: Tensor) -> Tensor:
        """(N, k, H, W) shares of each pixel in the k classes, summing to 1."""
        return self.network(lines).softmax(1)

    @torch.no_grad()
    def remember(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Keep the palettes of pairs of lines and colour picture, (3, H, W) each; if few, repeated.

        Does nothing for a painter without palettes.
        """
        if not self.config.palette:
            return
        palettes = [palette_of(self.regions(lines[None]), lines[None], colour[None])[0] for lines, colour in pairs]
        for slot in range(REMEMBERED_PALETTES):
            self.remembered[slot] = palettes[slot % len(palettes)]

    def _remembered_palette(self, lines: Tensor) -> Tensor:
        grey_levels = ((lines.float() + 1) * 127.5).round().long()
        return self.remembered[grey_levels.sum((1, 2, 3)) % REMEMBERED_PALETTES]
