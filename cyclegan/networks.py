"""The generator and the discriminator of CycleGAN (Zhu et al. 2017, appendix 7.2).

Images are (N, 3, H, W) float in [-1, 1] everywhere in this package.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cyclegan.config import DiscriminatorConfig, GeneratorConfig


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
        grow = [nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)]
    else:
        grow = [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(inputs, outputs, 3, padding=1)]
    return [*grow, *_norm_relu(outputs)]


def _generator_layers(config: GeneratorConfig) -> list[nn.Module]:
    n = config.ngf
    stem = [nn.ReflectionPad2d(3), nn.Conv2d(3, n, 7), *_norm_relu(n)]
    down = [
        layer
        for c in (n, 2 * n)
        for layer in (nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), *_norm_relu(2 * c))
    ]
    blocks = [ResidualBlock(4 * n) for _ in range(config.blocks)]
    up = [*_up(4 * n, 2 * n, config.upsample), *_up(2 * n, n, config.upsample)]
    return [*stem, *down, *blocks, *up, nn.ReflectionPad2d(3), nn.Conv2d(n, 3, 7), nn.Tanh()]


class Generator(nn.Module):
    """c7s1-n, d2n, d4n, R4n × blocks, u2n, un, c7s1-3, tanh.

    (N, 3, H, W) in [-1, 1] → the same shape and range; H and W are multiples of 4 and at least 16.
    With `head="line_keeping"` the output in [0, 1] is a predicted colour layer times the input in [0, 1]:
    a black line stays black and can only be coloured beside itself.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.Sequential(*_generator_layers(config))

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        if self.config.head == "tanh":
            return y
        return (y + 1) * (x + 1) / 2 - 1


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
