"""Defines the painter: the network that serves and turns lineart into layers of colour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cyclegan.painting.attention import AttentionGenerator
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.kinds import network_of
from cyclegan.painting.layers import Layers, compose, in_colours
from cyclegan.painting.memory import Memory, describe, drawn_box, key_length
from cyclegan.painting.networks import WithShadows
from cyclegan.painting.palettes import palette_of
from cyclegan.painting.shadows import Example, Shadows, softness_of, tints_of, weigh
from cyclegan.painting.styled import StyledGenerator
from cyclegan.painting.tensors import padded, to_range, to_uint8

MOST_REMEMBERED = 256  # pictures of domain B
MOST_WEIGHED = 64  # pictures by which shadows are measured


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
        tints: (k, 3), of shadows; see :class:`cyclegan.painting.shadows.Shadows`; absent without shading, as the next.
        shading_errors: (3,), how far colours were from domain B without and with shadows.
        softness: a scalar, of the shadows of domain B.
    """

    network: nn.Module
    remembered: Tensor
    shares: Tensor
    keys: Tensor
    tints: Tensor
    shading_errors: Tensor
    softness: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.network = network_of(config, config.palette or 3)
        if config.palette:
            self.register_buffer("remembered", torch.ones(1, config.palette, 3))
            self.register_buffer("shares", torch.ones(1, config.palette))
            self.register_buffer("keys", torch.zeros(0, key_length(config.palette)))
        if config.learns_shadows:
            self.register_buffer("tints", torch.ones(config.palette, 3))
            self.register_buffer("shading_errors", torch.tensor([0.0, 1.0, 1.0]))
            self.register_buffer("softness", torch.zeros(()))

    def forward(self, lines: Tensor, palette: Tensor | None = None) -> Tensor:
        if self.config.palette:
            return compose(self.layers(lines, palette), lines)
        return self.picture(self.network(lines), lines)

    def picture(self, found: Tensor, lines: Tensor) -> Tensor:
        """Makes the picture of what the network of a painter without palettes found in lines, (N, 3, H, W) each."""
        coloured = found.tanh()
        return coloured if self.config.head == "tanh" else compose(Layers((coloured + 1) / 2), lines)

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
        network = self.network.without_shadows if isinstance(self.network, WithShadows) else self.network
        found: Tensor = network(lines)[:, : self.config.palette]
        return found.softmax(1)

    def in_shadow(self, lines: Tensor) -> Tensor:
        """Predicts the colours under lines (N, 3, H, W) in [-1, 1], with shadows if there are any: in [0, 1]."""
        if not self.config.learns_shadows:
            return self.layers(lines).flats
        regions, shadows = self.with_shadows(lines)
        return in_colours(regions, self._first(lines)).flats * (1 - shadows[:, :1].sigmoid() * (1 - self.tints.mean()))

    def with_shadows(self, lines: Tensor) -> tuple[Tensor, Tensor]:
        """Predicts the region map and, with shading, the logits of shadows (N, LIGHTS, H, W) of lines (N, 3, H, W)."""
        found, k = self.network(lines), self.config.palette
        return found[:, :k].softmax(1), found[:, k:]

    @torch.inference_mode()
    def maps(
        self, lineart: npt.NDArray[np.uint8], style: npt.NDArray[np.float32] | None = None
    ) -> npt.NDArray[np.float32]:
        """Makes maps of drawings: region maps and shadows, or colours of a painter without palettes.

        Args:
            lineart: (N, h, w) uint8, normalized drawings of one shape.
            style: (STYLE,), for a painter with styles; None: its first one.

        Returns:
            (N, c, h, w) float32 in [0, 1]. The first k channels are the region map; if domain B has shadows, LIGHTS
            masks of shadows follow, for light as there and mirrored. Without palettes, c is 3.
        """
        height, width = lineart.shape[1:]
        pages = torch.from_numpy(np.stack([padded(gray) for gray in lineart]))
        # a backend for CPUs has no parameters
        device = next((each.device for each in self.parameters()), torch.device("cpu"))
        lines = to_range(pages.to(device))[:, None].expand(-1, 3, -1, -1)
        if self.config.learns_shadows and self.shading_errors[0] > 0:
            regions, shadows = self.with_shadows(lines)
            found = torch.cat([regions, shadows.sigmoid()], 1)
        else:
            found = self.regions(lines) if self.config.palette else self._flats(lines, style)
        return found[..., :height, :width].float().cpu().numpy()

    def _flats(self, lines: Tensor, style: npt.NDArray[np.float32] | None) -> Tensor:
        if style is None:
            return self.layers(lines).flats
        codes = torch.from_numpy(style).to(lines).expand(len(lines), -1)
        found: Tensor = self.network(lines, codes)
        return (found.tanh() + 1) / 2

    @torch.inference_mode()
    def style_of(self, picture: Tensor) -> npt.NDArray[np.float32]:
        """Measures the style (STYLE,) of a colour picture (1, 3, H, W) in [-1, 1], for a painter with styles."""
        assert isinstance(self.network, StyledGenerator)
        found: Tensor = self.network.style(picture)[0]
        return found.float().cpu().numpy()

    @torch.inference_mode()
    def attention(self, lineart: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32] | None:
        """Tells what the painter looks at in a drawing (h, w) uint8: (h', w') in [0, 1]; None without attention."""
        if not isinstance(self.network, AttentionGenerator):
            return None
        lines = to_range(torch.from_numpy(padded(lineart)).to(next(self.parameters()).device))
        found = self.network.attend(lines.expand(1, 3, -1, -1))[2][0]
        span = (found.max() - found.min()).clamp(min=1e-6)  # of an even attention it is 0
        return ((found - found.min()) / span).float().cpu().numpy()

    def memory(self) -> Memory | None:
        """Returns what is remembered, to find palettes that suit drawings; None for a painter without palettes."""
        if not self.config.palette:
            return None
        palettes, shares, keys = (each.float().cpu().numpy() for each in (self.remembered, self.shares, self.keys))
        if not self.config.learns_shadows:
            return Memory(palettes, shares, keys)
        none, soft, cel = self.shading_errors.tolist()
        shadows = Shadows(self.tints.float().cpu().numpy(), (none, soft, cel), float(self.softness))
        return Memory(palettes, shares, keys, shadows)

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

    @torch.no_grad()
    def measure_shadows(self, seen: Iterable[Example], held_out: Iterable[Example]) -> None:
        """Measures the tints of shadows, and whether shadows bring drawings closer to domain B.

        Does nothing for a painter without shading, and without pictures.

        Args:
            seen: pictures of the training.
            held_out: pictures that the painter has not seen.
        """
        if not self.config.learns_shadows:
            return
        first = [(each, self.regions(each.lines[None])[0]) for each in seen]
        if first:
            self.tints, self.softness = tints_of(first, self.config.palette), softness_of(each for each, _ in first)
            self.shading_errors = weigh(map(self._shaded, held_out), self.tints)

    def _shaded(self, example: Example) -> tuple[Example, Tensor, Tensor]:
        """Returns a picture with the region map (k, H, W) and the shadows (H, W) that the painter finds."""
        regions, shadows = self.with_shadows(example.lines[None])
        return example, regions[0], shadows[0, 0].sigmoid()

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
