"""Defines the discriminator of MUNIT (Huang et al. 2018, appendix B.1, after Wang et al. 2018)."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from cyclegan.methods.config import DiscriminatorConfig

SCALES = 3


class MultiScaleDiscriminator(nn.Module):
    """Judges pictures (N, 3, H, W) at full, half and quarter size: logits of patches (N, 1, h, w) for each."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        widths = [3, *(config.ndf * min(2**level, 8) for level in range(config.layers))]
        self.scales = nn.ModuleList()
        for _ in range(SCALES):
            layers: list[nn.Module] = []
            for inputs, outputs in pairwise(widths):
                layers += [nn.Conv2d(inputs, outputs, 4, 2, 1, padding_mode="reflect"), nn.LeakyReLU(0.2)]
            self.scales.append(nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 1)))

    def forward(self, x: Tensor) -> list[Tensor]:
        judged = []
        for scale in self.scales:
            judged.append(scale(x))
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return judged
