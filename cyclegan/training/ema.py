"""Averages a network's weights over the training (Yazıcı et al. 2019).

A GAN's generator oscillates around its optimum; the exponential moving average of its weights converges to it.
"""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


class Ema(Generic[Network]):
    """The exponential moving average of a network's weights. Buffers are not averaged: instance norm has none.

    Attributes:
        network: a copy of the network, in evaluation mode, with the averaged weights.
        decay: of the average, after its warm-up.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    def decay_at(self, step: int) -> float:
        """Returns min(decay, (1 + step) / (10 + step)), so that early averages forget the random start quickly."""
        return min(self.decay, (1 + step) / (10 + step))

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Moves the average towards the current weights.

        Args:
            network: the network with its current weights.
            step: number of the update that was just made, from 0.
        """
        average_weights: list[Tensor] = list(self.network.parameters())
        new_weights: list[Tensor] = list(network.parameters())
        torch._foreach_lerp_(average_weights, new_weights, 1.0 - self.decay_at(step))
