"""Defines the painter: the network that serves and turns lineart into layers of colour."""

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
    """Maps lineart, (N, 3, H, W) in [-1, 1], to a picture of the same shape and range; sides as in `networks.resnet`.

    With `head="tanh"`, as published, the network redraws the lines. With `head="line_keeping"`, it predicts colours in
    [0, 1] that are placed under the lines, so the lines do not change.

    With `palette=k`, the colours are flat. The network divides the drawing into k soft classes (such as hair or skin),
    and a palette, (N, k, 3) in [0, 1], gives the colour of each class; the first is always white. If no palette is
    given, the drawing's pixels select a remembered one, the same every time.

    Attributes:
        config: the settings of the network.
        network: the trained network, or a faster equivalent from :mod:`cyclegan.painting.backend`.
        remembered: (REMEMBERED_PALETTES, k, 3) in [0, 1], palettes of training pictures; absent without palettes.
    """

    network: nn.Module
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
        """Predicts the layers of colour under the lines; with a tanh head, the whole picture with redrawn lines.

        Args:
            lines: (N, 3, H, W) in [-1, 1].
            palette: (N, k, 3) in [0, 1]; None: a remembered one. Ignored by a painter without palettes.
        """
        if self.config.palette:
            return in_colours(self.regions(lines), self._remembered_palette(lines) if palette is None else palette)
        return Layers((self.network(lines).tanh() + 1) / 2)

    def regions(self, lines: Tensor) -> Tensor:
        """Predicts the region map (N, k, H, W), shares that sum to 1, of lines (N, 3, H, W) in [-1, 1]."""
        return self.network(lines).softmax(1)

    @torch.no_grad()
    def remember(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Stores the palettes of colour pictures; repeats them if there are fewer than REMEMBERED_PALETTES.

        Does nothing for a painter without palettes.

        Args:
            pairs: lines and colour picture, (3, H, W) float in [-1, 1] each; at least one pair.
        """
        if not self.config.palette:
            return
        palettes = [palette_of(self.regions(lines[None]), lines[None], colour[None])[0] for lines, colour in pairs]
        for slot in range(REMEMBERED_PALETTES):
            self.remembered[slot] = palettes[slot % len(palettes)]

    def _remembered_palette(self, lines: Tensor) -> Tensor:
        grey_levels = ((lines.float() + 1) * 127.5).round().long()
        return self.remembered[grey_levels.sum((1, 2, 3)) % REMEMBERED_PALETTES]
