"""Defines the painter: the network that serves and turns lineart into layers of colour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.layers import Layers, compose, in_colours
from cyclegan.painting.memory import Memory, describe, drawn_box, key_length
from cyclegan.painting.networks import resnet
from cyclegan.painting.palettes import palette_of
from cyclegan.painting.tensors import padded, to_range, to_uint8

MOST_REMEMBERED = 256  # pictures of domain B


class Painter(nn.Module):
    """Maps lineart, (N, 3, H, W) in [-1, 1], to a picture of the same shape and range; sides as in `networks.resnet`.

    With `head="tanh"`, as published, the network redraws the lines. With `head="line_keeping"`, it predicts colours in
    [0, 1] that are placed under the lines, so the lines do not change.

    With `palette=k`, the colours are flat. The network divides the drawing into k soft classes (such as hair or skin),
    and a palette, (N, k, 3) in [0, 1], gives the colour of each class; the first is always white.

    Attributes:
        config: the settings of the network.
        network: the trained network, or a faster equivalent from :mod:`cyclegan.painting.backend`.
        remembered: (n, k, 3) in [0, 1], palettes of n training pictures; absent without palettes, as the next two.
        shares: (n, k), the share of each class in these pictures.
        keys: (n, key_length), what they show; see :mod:`cyclegan.painting.memory`.
    """

    network: nn.Module
    remembered: Tensor
    shares: Tensor
    keys: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.network = resnet(config, config.palette or 3)
        if config.palette:
            self.register_buffer("remembered", torch.ones(1, config.palette, 3))
            self.register_buffer("shares", torch.ones(1, config.palette))
            self.register_buffer("keys", torch.zeros(0, key_length(config.palette)))

    def forward(self, lines: Tensor, palette: Tensor | None = None) -> Tensor:
        if self.config.head == "tanh":
            return self.network(lines).tanh()
        return compose(self.layers(lines, palette), lines)

    def layers(self, lines: Tensor, palette: Tensor | None = None) -> Layers:
        """Predicts the layers of colour under the lines; with a tanh head, the whole picture with redrawn lines.

        Args:
            lines: (N, 3, H, W) in [-1, 1].
            palette: (N, k, 3) in [0, 1]; None: the first remembered one. Ignored by a painter without palettes.
        """
        if self.config.palette:
            return in_colours(self.regions(lines), self._first(lines) if palette is None else palette)
        return Layers((self.network(lines).tanh() + 1) / 2)

    def regions(self, lines: Tensor) -> Tensor:
        """Predicts the region map (N, k, H, W), shares that sum to 1, of lines (N, 3, H, W) in [-1, 1]."""
        return self.network(lines).softmax(1)

    @torch.inference_mode()
    def maps(self, lineart: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Makes maps of drawings: region maps, or colours of a painter without palettes.

        Args:
            lineart: (N, h, w) uint8, normalized drawings of one shape.

        Returns:
            (N, c, h, w) float32 in [0, 1]; c is k, or 3 without palettes.
        """
        height, width = lineart.shape[1:]
        pages = torch.from_numpy(np.stack([padded(gray) for gray in lineart]))
        # a backend for CPUs has no parameters
        device = next((each.device for each in self.parameters()), torch.device("cpu"))
        lines = to_range(pages.to(device))[:, None].expand(-1, 3, -1, -1)
        found = self.regions(lines) if self.config.palette else self.layers(lines).flats
        return found[..., :height, :width].float().cpu().numpy()

    def memory(self) -> Memory | None:
        """Returns what is remembered, to find palettes that suit drawings; None for a painter without palettes."""
        if not self.config.palette:
            return None
        return Memory(*(each.float().cpu().numpy() for each in (self.remembered, self.shares, self.keys)))

    @torch.no_grad()
    def remember(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Stores the palettes of colour pictures, and what the pictures show; forgets those before.

        Does nothing for a painter without palettes.

        Args:
            pairs: lines and colour picture, (3, H, W) float in [-1, 1] each; at least one pair.
        """
        if not self.config.palette:
            return
        found = [self._remembered(lines, colour) for lines, colour in pairs]
        self.remembered, self.shares, self.keys = (torch.stack(each) for each in zip(*found, strict=True))

    def _remembered(self, lines: Tensor, colour: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns palette, shares and key of one picture; (3, H, W) in [-1, 1] each."""
        regions = self.regions(lines[None])
        # as a drawing is coloured: one class for each place
        hard = nn.functional.one_hot(regions.argmax(1), self.config.palette).movedim(3, 1).to(regions.dtype)
        palette = palette_of(hard, lines[None], colour[None])[0]
        found = regions[0].float().cpu().numpy()
        box = drawn_box(found)
        key = describe(found[:, *box], to_uint8(lines[0]).cpu().numpy()[box])
        return palette, hard.mean((0, 2, 3)), torch.from_numpy(key).to(lines.device)

    def _first(self, lines: Tensor) -> Tensor:
        return self.remembered[:1].expand(len(lines), -1, -1)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        # the number of remembered pictures differs between checkpoints
        for name in ("remembered", "shares", "keys"):
            if (stored := state_dict.get(prefix + name)) is not None:
                setattr(self, name, torch.empty_like(stored, device=getattr(self, name).device))
        super()._load_from_state_dict(state_dict, prefix, *args)
