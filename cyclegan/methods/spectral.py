"""Limits the layers of discriminators to a Lipschitz constant of 1 (Miyato et al. 2018)."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

Layer = TypeVar("Layer", bound=nn.Module)


class _Spectral(nn.Module):
    """Divides a weight by its largest singular value, by a step of the power method at each use, in full precision."""

    u: Tensor

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.register_buffer("u", F.normalize(torch.randn(rows), dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        matrix = weight.flatten(1)
        with torch.autocast(weight.device.type, enabled=False):
            with torch.no_grad():
                v = F.normalize(matrix.T @ self.u, dim=0)
                u = F.normalize(matrix @ v, dim=0)
                if self.training:
                    self.u.copy_(u)
            return weight / torch.dot(u, matrix @ v)


def spectral_norm(layer: Layer) -> Layer:
    """Normalizes the weight of a layer, in place, and returns it."""
    parametrize.register_parametrization(layer, "weight", _Spectral(len(layer.weight)))  # type: ignore[arg-type]
    return layer
