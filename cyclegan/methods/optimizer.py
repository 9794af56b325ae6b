"""Adam for a method's networks, with gradients that are means over all processes of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cyclegan.distributed import World


class Optimizer:
    """Updates some networks together."""

    def __init__(
        self, networks: Sequence[nn.Module], rate: float, betas: tuple[float, float], world: World | None = None
    ) -> None:
        """rate: the full learning rate, of which each update is told its share."""
        self._parameters = [parameter for network in networks for parameter in network.parameters()]
        self._rate, self._world = rate, world or World()
        self._adam = torch.optim.Adam(self._parameters, rate, betas, fused=True)

    def update(self, loss: Tensor, share: float) -> None:
        """One update down the gradient of `loss`, at this share of the learning rate."""
        for group in self._adam.param_groups:
            group["lr"] = self._rate * share
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        self._world.average([parameter.grad for parameter in self._parameters if parameter.grad is not None])
        self._adam.step()

    def state_dict(self) -> dict[str, Any]:
        return self._adam.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._adam.load_state_dict(state)
