"""The generator and the discriminator of CycleGAN (Zhu et al. 2017, appendix 7.2).

Images are (N, 3, H, W) float in [-1, 1] everywhere in this package.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from cyclegan.config import DiscriminatorConfig, GeneratorConfig

REMEMBERED_PALETTES = 64


def _norm_relu(channels: int) -> list[nn.Module]:
    # no affine parameters and no running statistics: training and serving are the same function
    return [nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)]


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), reflection padded, no ReLU after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            *_norm_relu(channels),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def _up(inputs: int, outputs: int, kind: str) -> list[nn.Module]:
    if kind == "transposed":
        grow: list[nn.Module] = [nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)]
    else:
        grow = [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(inputs, outputs, 3, padding=1)]
    return [*grow, *_norm_relu(outputs)]


def _generator_layers(config: GeneratorConfig) -> list[nn.Module]:
    n = config.ngf
    stem = [nn.ReflectionPad2d(3), nn.Conv2d(3, n, 7), *_norm_relu(n)]
    down = [layer for c in (n, 2 * n) for layer in (nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), *_norm_relu(2 * c))]
    blocks = [ResidualBlock(4 * n) for _ in range(config.blocks)]
    up = [*_up(4 * n, 2 * n, config.upsample), *_up(2 * n, n, config.upsample)]
    return [*stem, *down, *blocks, *up, nn.ReflectionPad2d(3), nn.Conv2d(n, config.palette or 3, 7)]


class Generator(nn.Module):
    """c7s1-n, d2n, d4n, R4n × blocks, u2n, un, c7s1-3, tanh.

    (N, 3, H, W) in [-1, 1] → the same shape and range; H and W are multiples of 4 and at least 16.

    `head="line_keeping"`: the output in [0, 1] is a predicted colour layer times the input in [0, 1]; a black line
    stays black and can only be coloured beside itself.

    `palette=k`: the colour layer is flat. The network divides the drawing into k soft regions (what hair is, what
    skin is), and a palette (N, k, 3) in [0, 1] says the colour of each; the first is always white. `palette_of`
    measures palettes in colour pictures. A drawing given without one gets a remembered palette chosen by its
    pixels, the same every time.
    """

    layers: nn.Module  # what was trained, or what computes the same: cyclegan.backend
    remembered: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.Sequential(*_generator_layers(config))
        if config.palette:
            self.register_buffer("remembered", torch.ones(REMEMBERED_PALETTES, config.palette, 3))

    def forward(self, x: Tensor, palette: Tensor | None = None) -> Tensor:
        if self.config.palette:
            return paint(self.regions(x), self._remembered_palette(x) if palette is None else palette, x)
        y = self.layers(x).tanh()
        return y if self.config.head == "tanh" else (y + 1) * (x + 1) / 2 - 1

    def colour_layer(self, x: Tensor, palette: Tensor | None = None) -> Tensor:
        """What lies under the lines, where the head keeps them; else the picture. Arguments and shape of forward."""
        y = self(x, palette)
        return y if self.config.head == "tanh" else (y + 1) / (x + 1).clamp_min(0.05) * 2 - 1

    def regions(self, x: Tensor) -> Tensor:
        """(N, k, H, W) shares of each pixel in the k regions, summing to 1."""
        return self.layers(x).softmax(1)

    @torch.no_grad()
    def remember(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Keep the palettes of colour pictures and their lines, (3, H, W) each; if few, repeated."""
        palettes = [palette_of(self.regions(lines[None]), lines[None], colour[None])[0] for lines, colour in pairs]
        for slot in range(REMEMBERED_PALETTES):
            self.remembered[slot] = palettes[slot % len(palettes)]

    def _remembered_palette(self, x: Tensor) -> Tensor:
        grey_levels = ((x.float() + 1) * 127.5).round().long()
        return self.remembered[grey_levels.sum((1, 2, 3)) % REMEMBERED_PALETTES]


def palette_of(regions: Tensor, lines: Tensor, colour: Tensor) -> Tensor:
    """(N, k, 3) in [0, 1]: the mean colour of each region where no line is; the first is white.

    regions (N, k, H, W); lines and colour (N, 3, H, W) in [-1, 1]. As colour = layer × lines, the mean of the layer
    over a region is the region's sum of colour over its sum of lines.
    """
    inks = torch.einsum("nkhw,nchw->nkc", regions, (colour + 1) / 2)
    paper = torch.einsum("nkhw,nchw->nkc", regions, (lines + 1) / 2)
    palette = (inks / (paper + 1e-3)).clamp(0, 1)
    return torch.cat([torch.ones_like(palette[:, :1]), palette[:, 1:]], 1)


def paint(regions: Tensor, palette: Tensor, lines: Tensor) -> Tensor:
    """Each region in its colour, under the lines: (N, 3, H, W) in [-1, 1]."""
    return torch.einsum("nkhw,nkc->nchw", regions, palette.to(regions.dtype)) * (lines + 1) - 1


class Discriminator(nn.Module):
    """PatchGAN: (N, 3, H, W) in [-1, 1] → (N, 1, h, w) logits, one for each overlapping patch, no sigmoid."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        widths = [config.ndf * min(2**i, 8) for i in range(config.layers + 1)]
        layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        for i in range(1, config.layers + 1):
            stride = 2 if i < config.layers else 1
            layers += [
                nn.Conv2d(widths[i - 1], widths[i], 4, stride, 1),
                nn.InstanceNorm2d(widths[i]),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def init_weights(network: nn.Module, rng: torch.Generator) -> None:
    """Weights from N(0, 0.02), biases zero (paper, section 7.1), drawn from `rng`."""
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.normal_(parameter, 0.0, 0.02, generator=rng)
