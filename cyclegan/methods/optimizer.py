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
            rate: the full learning rate; `set_rate` scales it.
            betas: Adam's decay rates of the mean of the gradients and of their squares.
            world: the processes over which gradients are averaged; None: this one alone.
            weight_decay: share of each weight that is added to its gradient.
        """
        self._parameters = [parameter for network in networks for parameter in network.parameters()]
        self._full_rate, self._world = rate, world or World()
        device = self._parameters[0].device
        self._on_gpu = device.type == "cuda"
        # in the GPU's memory, from which a replayed update reads it
        self._rate: float | Tensor = torch.tensor(rate, device=device) if self._on_gpu else rate
        self._adam = torch.optim.Adam(
            self._parameters, self._rate, betas, weight_decay=weight_decay, fused=True, capturable=self._on_gpu
        )

    def set_rate(self, share: float) -> None:
        """Sets the learning rate of the next updates.

        Args:
            share: factor on the full learning rate, 0..1.
        """
        rate = self._full_rate * share
        self._rate = self._rate.fill_(rate) if isinstance(self._rate, Tensor) else rate
        for group in self._adam.param_groups:
            group["lr"] = self._rate

    def update(self, loss: Tensor) -> None:
        """Performs one update.

        Args:
            loss: a scalar; its gradients are computed here.
        """
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        self._world.average([parameter.grad for parameter in self._parameters if parameter.grad is not None])
        self._adam.step()

    def state_dict(self) -> dict[str, Any]:
        """Returns the state, which says nothing of the device: a training may go on on another one."""
        state = self._adam.state_dict()
        for group in state["param_groups"]:
            group |= {"lr": float(group["lr"]), "capturable": False}
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._adam.load_state_dict(state)
        for group in self._adam.param_groups:
            group |= {"lr": self._rate, "capturable": self._on_gpu}
