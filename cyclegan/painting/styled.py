"""Builds the generator of MUNIT, after the paper (Huang et al. 2018, appendix B.1): content, and a code of style."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cyclegan.painting.config import STYLE, GeneratorConfig
from cyclegan.painting.networks import ResidualBlock
from cyclegan.painting.styles import style_code


def _conv(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, stride, (side - 1) // 2, padding_mode="reflect")


def _content_encoder(n: int, blocks: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for conv, width in ((_conv(3, n, 7), n), (_conv(n, 2 * n, 4, 2), 2 * n), (_conv(2 * n, 4 * n, 4, 2), 4 * n)):
        layers += [conv, nn.InstanceNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers, *(ResidualBlock(4 * n) for _ in range(blocks)))


def _style_encoder(n: int) -> nn.Sequential:
    """Without norms, which would take away the means and variances that are the style."""
    layers: list[nn.Module] = [_conv(3, n, 7), nn.ReLU()]
    for inputs, outputs in ((n, 2 * n), (2 * n, 4 * n), (4 * n, 4 * n), (4 * n, 4 * n)):
        layers += [_conv(inputs, outputs, 4, 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Conv2d(4 * n, STYLE, 1), nn.Flatten())


def _up(inputs: int) -> list[nn.Module]:
    # group norm of one group is layer norm with a scale and a shift for each channel
    norm = nn.GroupNorm(1, inputs // 2)
    return [nn.Upsample(scale_factor=2), _conv(inputs, inputs // 2, 5), norm, nn.ReLU()]


class _AdaInBlock(nn.Module):
    """A residual block whose norms are given their scale and shift (Huang and Belongie 2017)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList([_conv(channels, channels, 3) for _ in range(2)])

    def forward(self, x: Tensor, affine: Tensor) -> Tensor:
        """Takes (N, C, H, W), and (N, 4, C): shift and scale of the first norm, then of the second."""
        shift, scale, last_shift, last_scale = affine[..., None, None].unbind(1)
        found = (F.instance_norm(self.convs[0](x)) * scale + shift).relu()
        return x + F.instance_norm(self.convs[1](found)) * last_scale + last_shift


class StyledGenerator(nn.Module):
    """Translates pictures from one domain to another: the content of the one, in a style of the other.

    It has the content encoder of the domain that it translates from, and decoder and style encoder of the one that it
    translates to, so that it serves by itself.
    """

    first: Tensor

    def __init__(self, config: GeneratorConfig, channels: int) -> None:
        """Builds the network (N, 3, H, W) → (N, channels, H, W), without a final activation."""
        super().__init__()
        n = config.ngf
        self.content, self.style = _content_encoder(n, config.blocks), _style_encoder(n)
        sizes = STYLE, 4 * n, 4 * n
        dense = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
        self.affine = nn.Sequential(*dense, nn.Linear(4 * n, config.blocks * 4 * 4 * n))
        self.blocks = nn.ModuleList([_AdaInBlock(4 * n) for _ in range(config.blocks)])
        self.up = nn.Sequential(*_up(4 * n), *_up(2 * n), _conv(n, channels, 7))
        self.register_buffer("first", torch.from_numpy(style_code(1)), persistent=False)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """Translates pictures, in styles (N, STYLE) or in the first one."""
        return self.decode(self.content(x), self.first.to(x.dtype).expand(len(x), -1) if style is None else style)

    def decode(self, content: Tensor, style: Tensor) -> Tensor:
        """Makes pictures of contents (N, C, H/4, W/4) in styles (N, STYLE)."""
        affine = self.affine(style).view(len(style), len(self.blocks), 4, -1)
        for number, block in enumerate(self.blocks):
            content = block(content, affine[:, number])
        found: Tensor = self.up(content)
        return found
