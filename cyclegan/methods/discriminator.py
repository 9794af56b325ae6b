"""Defines the discriminator of CycleGAN (Zhu et al. 2017, appendix 7.2)."""

from __future__ import annotations

from torch import Tensor, nn

from cyclegan.methods.config import DiscriminatorConfig


class Discriminator(nn.Module):
    """A PatchGAN: (N, C, H, W) in [-1, 1] → (N, 1, h, w) logits, one per overlapping patch, without sigmoid.

    C is 3, or 6 where it judges a picture beside its lines.
    """

    def __init__(self, config: DiscriminatorConfig, channels: int = 3) -> None:
        super().__init__()
        widths = [config.ndf * min(2**i, 8) for i in range(config.layers + 1)]
        layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
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
