"""Makes what tests of single optimization steps need: a small CycleGAN in float64, a batch, moments, gradients."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cyclegan.methods.augment import Draw
from cyclegan.methods.config import CycleGanConfig
from cyclegan.methods.cyclegan import CycleGan
from cyclegan.methods.method import Batch, Context, Moment
from cyclegan.training.schedule import Schedule

CPU = torch.device("cpu")


def config(**changes: Any) -> CycleGanConfig:
    small = {"generator": {"blocks": 1, "ngf": 4}, "discriminator": {"ndf": 4, "layers": 2}}
    return CycleGanConfig.model_validate(small | changes)


def at(step: int, warm_up: int = 0) -> Moment:
    return Schedule(warm_up, 10, 10).at(step)


def model(settings: CycleGanConfig, batch: int = 2) -> CycleGan:
    gan = CycleGan(settings, Context(CPU, torch.Generator().manual_seed(0), batch))
    for network in gan.networks.values():
        network.double()
        for parameter in network.parameters():  # N(0, 0.02) gives so small a network gradients near zero
            nn.init.normal_(parameter, 0.0, 0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    return gan


def drawn(seed: int) -> Draw:
    return Context(CPU, torch.Generator().manual_seed(seed)).draw


def batch(count: int = 2, side: int = 32) -> Batch:
    rng = torch.Generator().manual_seed(1)
    a, lines = (torch.rand(count, 1, side, side, generator=rng, dtype=torch.float64) * 2 - 1 for _ in range(2))
    b = torch.rand(count, 3, side, side, generator=rng, dtype=torch.float64) * 2 - 1
    return Batch(a.expand(-1, 3, -1, -1), b, lines.expand(-1, 3, -1, -1))


def gradients(network: nn.Module) -> dict[str, Tensor]:
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def assert_gradients_are(
    networks: Mapping[str, nn.Module], expected: Mapping[str, dict[str, Tensor]], rtol: float, atol: float
) -> None:
    """Networks have the gradients that are expected, by the names of networks and parameters, and some."""
    for name, theirs in expected.items():
        ours = gradients(networks[name])
        assert ours.keys() == theirs.keys() and ours
        for key, gradient in ours.items():
            torch.testing.assert_close(gradient, theirs[key], rtol=rtol, atol=atol, msg=f"{name}.{key}")
