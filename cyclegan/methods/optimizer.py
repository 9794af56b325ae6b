"""Updates a method's networks by Adam, with gradients averaged over all processes of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cyclegan.distributed import World


class Optimizer:
    """An Adam optimizer for several networks."""

    def __init__(
        self,
        networks: Sequence[nn.Module],
        rate: float,
        betas: tuple[float, float],
        world: World | None = None,
        weight_decay: float = 0.0,
    ) -> None:
        """Creates the optimizer.

        Args:
            networks: the networks to update.
            rate: the full learning rate; `update` scales it.
            betas: Adam's decay rates of the mean of the gradients and of their squares.
            world: the processes over which gradients are averaged; None: this one alone.
            weight_decay: share of each weight that is added to its gradient.
        """
        self._parameters = [parameter for network in networks for parameter in network.parameters()]
        self._rate, self._world = rate, world or World()
        self._adam = torch.optim.Adam(self._parameters, rate, betas, weight_decay=weight_decay, fused=True)

    def update(self, loss: Tensor, share: float) -> None:
        """Performs one update.

        Args:
            loss: a scalar; its gradients are computed here.
            share: factor on the learning rate, 0..1.
        """
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
