"""Defines the discriminators of U-GAT-IT (Kim et al. 2020, appendix B)."""

from __future__ import annotations

from torch import Tensor, nn

from cyclegan.methods.config import DiscriminatorConfig
from cyclegan.methods.spectral import spectral_norm
from cyclegan.painting.attention import Attention

WIDER = 2  # stride-2 layers that the global discriminator has more than the local one


class AttentiveDiscriminator(nn.Module):
    """A PatchGAN with attention: (N, 3, H, W) → logits of patches (N, 1, h, w), and of the whole (N, 2)."""

    def __init__(self, ndf: int, layers: int) -> None:
        """Builds it.

        Args:
            ndf: channels of the first layer; each other one has twice those of the one before.
            layers: those of stride 2; one of stride 1 follows.
        """
        super().__init__()
        widths = [3, *(ndf * 2**level for level in range(layers + 1))]
        trunk: list[nn.Module] = []
        for level in range(layers + 1):
            conv = nn.Conv2d(widths[level], widths[level + 1], 4, 2 if level < layers else 1, 1, padding_mode="reflect")
            trunk += [spectral_norm(conv), nn.LeakyReLU(0.2)]
        wide = widths[-1]
        self.trunk = nn.Sequential(*trunk)
        self.attention = Attention(wide, spectral_norm)
        last = nn.Conv2d(wide, 1, 4, padding=1, bias=False, padding_mode="reflect")
        self.judge = nn.Sequential(nn.LeakyReLU(0.2), spectral_norm(last))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        weighed, logits = self.attention(self.trunk(x))
        return self.judge(weighed), logits


class BothDiscriminators(nn.Module):
    """A local discriminator, and a global one that halves its input twice more: two pairs of logits."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.local = AttentiveDiscriminator(config.ndf, config.layers)
        self.whole = AttentiveDiscriminator(config.ndf, config.layers + WIDER)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return (*self.local(x), *self.whole(x))
