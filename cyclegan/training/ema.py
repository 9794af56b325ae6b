"""Averages a network's weights over the training (Yazıcı et al. 2019).

A GAN's generator keeps moving around its optimum; the exponential moving average of its weights settles there.
"""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


class Ema(Generic[Network]):
    """`network` holds the averaged weights, ready to use; instance norm has no buffers that would need averaging."""

    def __init__(self, network: Network, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    def decay_at(self, step: int) -> float:
        """min(decay, (1 + step) / (10 + step)): early averages forget the random start quickly."""
        return min(self.decay, (1 + step) / (10 + step))

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move the average towards `network` after update number `step` (from 0)."""
        mine: list[Tensor] = list(self.network.parameters())
        theirs: list[Tensor] = list(network.parameters())
        torch._foreach_lerp_(mine, theirs, 1.0 - self.decay_at(step))
