"""Defines what methods have in common that train generators against discriminators, by one Adam each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn

from cyclegan.methods.config import DecayingOptimizerConfig, OptimizerConfig
from cyclegan.methods.losses import adversarial_loss
from cyclegan.methods.method import Batch, Context, Moment
from cyclegan.methods.optimizer import Optimizer
from cyclegan.methods.replayed import Replayed
from cyclegan.painting.painter import Painter

Losses = dict[str, Tensor]
_OF_A_BATCH = len(Batch.__dataclass_fields__)


class Adversarial:
    """Networks, optimizers and state of a Method; see there for what its members mean.

    Attributes:
        painter: the generator that serves.
        networks: the generators, the painter first, and the discriminators.
        optimizers: Adam for the "generators" and for the "discriminators".
    """

    averaged: tuple[str, ...] = ()
    losses: tuple[str, ...]

    def __init__(
        self,
        context: Context,
        painter: Painter,
        generators: Mapping[str, nn.Module],
        discriminators: Mapping[str, nn.Module],
        rates: OptimizerConfig,
    ) -> None:
        """Moves the networks to the device and makes their optimizers.

        Args:
            context: device, random generator and process group.
            painter: one of the generators.
            generators: with their first weights, by name.
            discriminators: in the same way; there may be none.
            rates: of both optimizers.
        """
        self._context, self.painter = context, painter
        self.networks: dict[str, nn.Module] = {**generators, **discriminators}
        for network in self.networks.values():
            context.place(network)
        decay = rates.weight_decay if isinstance(rates, DecayingOptimizerConfig) else 0.0
        both = {
            "generators": (generators, rates.lr_generator),
            "discriminators": (discriminators, rates.lr_discriminator),
        }
        self.optimizers = {
            name: Optimizer(list(networks.values()), rate, (rates.beta1, rates.beta2), context.world, decay)
            for name, (networks, rate) in both.items()
            if networks
        }
        self._parts: list[Replayed] = []

    def _set_rate(self, at: Moment) -> None:
        for optimizer in self.optimizers.values():
            optimizer.set_rate(at.rate)

    def _replayed(self, part: Callable[..., Losses]) -> Replayed:
        """Lets a GPU replay a part of the step."""
        self._parts.append(Replayed(part, captures=self._context.captures))
        return self._parts[-1]

    def state_dict(self) -> dict[str, Any]:
        """Returns the state besides the painter; see Method.state_dict."""
        return {
            "networks": {name: network.state_dict() for name, network in self._others()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what :meth:`state_dict` returned."""
        for name, network in self._others():
            network.load_state_dict(state["networks"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        for part in self._parts:
            part.forget()  # the optimizers' state is elsewhere now

    def _others(self) -> Iterator[tuple[str, nn.Module]]:
        return ((name, network) for name, network in self.networks.items() if network is not self.painter)


class SingleUpdate(Adversarial, ABC):
    """An adversarial method whose step is one update of all networks."""

    @cached_property
    def _warm_up(self) -> Replayed:
        return self._replayed(partial(self._called, True))

    @cached_property
    def _train(self) -> Replayed:
        return self._replayed(partial(self._called, False))

    @abstractmethod
    def _update(self, batch: Batch, drawn: Sequence[Tensor], warming_up: bool) -> Losses:
        """Updates the networks once.

        It may be replayed on a GPU: it must not draw by chance, nor wait for the device.

        Args:
            batch: this process's share of the images.
            drawn: what :meth:`_drawn` returned.
            warming_up: whether the step belongs to the warm-up.

        Returns:
            This process's losses.
        """

    def _drawn(self, batch: Batch) -> Sequence[Tensor]:
        """Draws what a step needs of chance, on the device."""
        return ()

    def _called(self, warming_up: bool, *inputs: Tensor | None) -> Losses:
        drawn = [each for each in inputs[_OF_A_BATCH:] if each is not None]
        return detached(self._update(Batch.of(*inputs[:_OF_A_BATCH]), drawn, warming_up))

    def step(self, batch: Batch, at: Moment) -> Losses:
        """Updates every network once; see Method.step."""
        self._set_rate(at)
        if not at.warming_up:
            self._warm_up.forget()
        losses = (self._warm_up if at.warming_up else self._train)(*batch.tensors(), *self._drawn(batch))
        self._context.world.average(list(losses.values()))
        return losses


def detached(losses: Losses) -> Losses:
    """Returns losses that hold no graph of what they were computed from."""
    return {name: loss.detach() for name, loss in losses.items()}


def told_apart_loss(judge: Callable[[Tensor], Iterable[Tensor]], real: Tensor, fake: Tensor) -> Tensor:
    """Returns how badly several discriminators tell real pictures from fakes, (N, 3, H, W): the sum of LSGAN losses.

    Args:
        judge: returns the logits of each discriminator.
        real: pictures of a domain.
        fake: as many that a generator made.
    """
    judged = [each.chunk(2) for each in judge(torch.cat([real, fake.to(real.dtype)]))]
    apart = [
        adversarial_loss(on_real, real=True) + adversarial_loss(on_fake, real=False) for on_real, on_fake in judged
    ]
    return torch.stack(apart).sum()


def far_from_real(judged: Iterable[Tensor]) -> Tensor:
    """Returns how far several discriminators are from taking pictures for real: the sum of LSGAN losses of logits."""
    return torch.stack([adversarial_loss(each, real=True) for each in judged]).sum()


def weighted_sum(losses: Losses, weights: Mapping[str, float]) -> Tensor:
    """Sums the losses "name_a" and "name_b" of both domains; those without weight may be missing."""
    weighted = (weight * losses[f"{name}_{domain}"] for name, weight in weights.items() if weight for domain in "ab")
    return torch.stack(list(weighted)).sum()


@contextmanager
def seeded(rng: torch.Generator) -> Iterator[None]:
    """Within the context, torch initializes weights by chance from `rng`; its own chance stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=rng)))
        yield


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Within the context, networks pass gradients on and collect none."""
    for network in networks:
        network.requires_grad_(False)
    try:
        yield
    finally:
        for network in networks:
            network.requires_grad_(True)
