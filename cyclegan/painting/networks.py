"""Builds the generator of CycleGAN (Zhu et al. 2017, appendix 7.2) and initializes weights.

Images are (N, 3, H, W) float in [-1, 1] everywhere in this package.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cyclegan.painting.config import GeneratorConfig


def _norm_relu(channels: int) -> list[nn.Module]:
    # no affine parameters and no running statistics: the same function in training and serving
    return [nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)]


class ResidualBlock(nn.Module):
    """A residual block: x + conv(relu(conv(x))) with reflection padding, no ReLU after the sum; (N, C, H, W)."""

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


def resnet(config: GeneratorConfig, channels: int) -> nn.Sequential:
    """Builds c7s1-n, d2n, d4n, R4n × blocks, u2n, un, c7s1-channels (the paper's notation; n is ngf).

    Args:
        config: the sizes.
        channels: of the output.

    Returns:
        A network (N, 3, H, W) → (N, channels, H, W) without a final activation. H and W must be multiples of 4 and at
        least 16.
    """
    n = config.ngf
    stem = [nn.ReflectionPad2d(3), nn.Conv2d(3, n, 7), *_norm_relu(n)]
    down = [layer for c in (n, 2 * n) for layer in (nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), *_norm_relu(2 * c))]
    blocks = [ResidualBlock(4 * n) for _ in range(config.blocks)]
    up = [*_up(4 * n, 2 * n, config.upsample), *_up(2 * n, n, config.upsample)]
    return nn.Sequential(*stem, *down, *blocks, *up, nn.ReflectionPad2d(3), nn.Conv2d(n, channels, 7))


LIGHTS = 2  # directions from which light may fall: as in the pictures, and mirrored
_NO_SHADOW = -4.0  # logit of a shadow before training
_SHADE = "shade"


class WithShadows(nn.Module):
    """The same network with another head, for shadows, at a quarter of the size.

    The new head reads what the trunk found out about the drawing but does not teach it, so that the other channels are
    the same, to the bit, with it and without it.
    """

    def __init__(self, config: GeneratorConfig, channels: int) -> None:
        super().__init__()
        layers, n = list(resnet(config, channels)), config.ngf
        end = 10 + config.blocks
        self.trunk, self.head = nn.Sequential(*layers[:end]), nn.Sequential(*layers[end:])
        self.shade = nn.Sequential(
            nn.Conv2d(4 * n, 2 * n, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * n, 2 * n, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * n, LIGHTS, 3, padding=1),
        )

    def without_shadows(self, x: Tensor) -> Tensor:
        """Returns the channels of the network alone, (N, channels, H, W)."""
        found: Tensor = self.head(self.trunk(x))
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Returns the channels of the network and the logits of shadows, (N, channels + LIGHTS, H, W)."""
        found = self.trunk(x)
        shadows = F.interpolate(self.shade(found.detach()) + _NO_SHADOW, scale_factor=4.0, mode="bilinear")
        return torch.cat([self.head(found), shadows], 1)


class Generator(nn.Module):
    """The published generator: maps pictures to the other domain, both (N, 3, H, W) in [-1, 1]."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.network = resnet(config, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x).tanh()


def init_weights(network: nn.Module, rng: torch.Generator) -> None:
    """Sets weights from N(0, 0.02), drawn from `rng`, and biases to zero (paper, section 7.1).

    Scales of norms, which only a U-Net has, are from N(1, 0.02), as in the code of pix2pix.
    Those of the head for shadows are drawn apart, so that all other weights are the same with it and without it.
    """
    apart = torch.Generator().manual_seed(rng.initial_seed())
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            mean = 1.0 if parameter.ndim == 1 else 0.0
            nn.init.normal_(parameter, mean, 0.02, generator=apart if f"{_SHADE}." in name else rng)
