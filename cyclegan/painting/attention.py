"""Builds the generator of U-GAT-IT (Kim et al. 2020, appendix B): attention by class activation maps, AdaLIN."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cyclegan.painting.config import GeneratorConfig

_EPS = 1e-5


class Attention(nn.Module):
    """Weighs features by how much they tell two domains apart (Zhou et al. 2016): (N, C, H, W) → (N, C, H, W)."""

    def __init__(self, channels: int, constrained: Callable[[nn.Linear], nn.Linear] = lambda layer: layer) -> None:
        """Makes the layers.

        Args:
            channels: C.
            constrained: constrains the weights of the classifiers.
        """
        super().__init__()
        self.average, self.maximum = (constrained(nn.Linear(channels, 1, bias=False)) for _ in range(2))
        self.mixed = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the weighed features, before an activation, and the logits (N, 2) of the domain."""
        # not amax, whose gradient ties share, nor a pooling layer, whose gradient is not the same bits each time
        logits = torch.cat([self.average(x.mean((2, 3))), self.maximum(x.flatten(2).max(2).values)], 1)
        weights = (layer.weight.view(1, -1, 1, 1).to(x.dtype) for layer in (self.average, self.maximum))
        return self.mixed(torch.cat([x * weight for weight in weights], 1)), logits


def normalized(x: Tensor, rho: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """Mixes instance and layer norm, in float32 or a higher precision, and scales and shifts the result.

    Args:
        x: (N, C, H, W).
        rho: (1, C, 1, 1) in [0, 1], the share of instance norm.
        gamma: (N, C, 1, 1) or (1, C, 1, 1), the scale.
        beta: in the same way, the shift.

    Returns:
        The same shape and type as x.
    """
    values = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
    of_each, of_all = (
        (values - values.mean(axes, keepdim=True)) / (values.var(axes, keepdim=True) + _EPS).sqrt()
        for axes in ((2, 3), (1, 2, 3))
    )
    found: Tensor = (rho * of_each + (1 - rho) * of_all) * gamma + beta
    return found.to(x.dtype)


class Mixed(nn.Module):
    """Holds the share of instance norm of a mixed norm."""

    def __init__(self, channels: int, rho: float) -> None:
        super().__init__()
        self.rho = nn.Parameter(torch.full((1, channels, 1, 1), rho))

    @torch.no_grad()
    def clip(self) -> None:
        """Limits the share to [0, 1], after an update."""
        self.rho.clamp_(0, 1)


class AdaLin(Mixed):
    """Adaptive layer-instance norm: scale and shift are given."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 0.9)

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return normalized(x, self.rho, gamma[..., None, None], beta[..., None, None])


class Lin(Mixed):
    """Layer-instance norm with a scale and a shift of its own."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 0.0)
        self.gamma = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return normalized(x, self.rho, self.gamma, self.beta)


def _conv(inputs: int, outputs: int, side: int, stride: int = 1, pad: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, stride, pad, bias=False, padding_mode="reflect")


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        norm = nn.InstanceNorm2d
        self.body = nn.Sequential(
            _conv(channels, channels, 3), norm(channels), nn.ReLU(), _conv(channels, channels, 3), norm(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class _AdaLinBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList([_conv(channels, channels, 3) for _ in range(2)])
        self.norms = nn.ModuleList([AdaLin(channels) for _ in range(2)])

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        found = self.norms[0](self.convs[0](x), gamma, beta).relu()
        return x + self.norms[1](self.convs[1](found), gamma, beta)


def _up(inputs: int) -> list[nn.Module]:
    return [nn.Upsample(scale_factor=2), _conv(inputs, inputs // 2, 3), Lin(inputs // 2), nn.ReLU()]


class AttentionGenerator(nn.Module):
    """The generator of U-GAT-IT, with `blocks` residual blocks before the attention and as many after it.

    The full network finds scale and shift of its norms from all features of a picture of `full` px; those of other
    pictures are pooled to that size. The light network finds them from the features' means.
    """

    def __init__(self, config: GeneratorConfig, channels: int) -> None:
        """Builds the network (N, 3, H, W) → (N, channels, H, W), without a final activation."""
        super().__init__()
        n = config.ngf
        wide = 4 * n
        stem = [_conv(3, n, 7, pad=3), nn.InstanceNorm2d(n), nn.ReLU()]
        down = [
            layer for c in (n, 2 * n) for layer in (_conv(c, 2 * c, 3, stride=2), nn.InstanceNorm2d(2 * c), nn.ReLU())
        ]
        self.encoder = nn.Sequential(*stem, *down, *(_Block(wide) for _ in range(config.blocks)))
        self.attention = Attention(wide)
        self.side = config.full // 4 or 1  # of the features that scale and shift are found from
        self.dense = nn.Sequential(
            nn.Linear(wide * self.side**2, wide, bias=False), nn.ReLU(), nn.Linear(wide, wide, bias=False), nn.ReLU()
        )
        self.gamma, self.beta = (nn.Linear(wide, wide, bias=False) for _ in range(2))
        self.blocks = nn.ModuleList([_AdaLinBlock(wide) for _ in range(config.blocks)])
        self.decoder = nn.Sequential(*_up(wide), *_up(wide // 2), _conv(n, channels, 7, pad=3))

    def forward(self, x: Tensor) -> Tensor:
        return self.attend(x)[0]

    def attend(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns what forward does, the logits (N, 2) of the input's domain, and the attention (N, H/4, W/4)."""
        weighed, logits = self.attention(self.encoder(x))
        found = weighed.relu()
        attention = found.sum(1)
        pooled = found if found.shape[2:] == (self.side, self.side) else F.adaptive_avg_pool2d(found, self.side)
        style = self.dense(pooled.flatten(1))
        gamma, beta = self.gamma(style), self.beta(style)
        for block in self.blocks:
            found = block(found, gamma, beta)
        return self.decoder(found), logits, attention

    def clip(self) -> None:
        """Limits the shares of instance norm to [0, 1], after an update (section 2.1.1)."""
        for module in self.modules():
            if isinstance(module, Mixed):
                module.clip()
