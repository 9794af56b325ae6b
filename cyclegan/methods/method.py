"""What the trainer asks of a method, and what a method is given to work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from cyclegan.distributed import World
from cyclegan.painting.painter import Painter

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Batch:
    """(N, 3, crop, crop) float in [-1, 1]; `lines_b` are the lines extracted from `real_b`, if the method uses them."""

    real_a: Tensor
    real_b: Tensor
    lines_b: Tensor | None = None


@dataclass(frozen=True)
class Moment:
    """Where in a training a step is.

    Attributes:
        step, total: steps made before this one, and of the whole training.
        rate: share of the learning rate, 0..1.
        warming_up: whether the method's first phase lasts.
    """

    step: int
    total: int
    rate: float
    warming_up: bool


class Method(Protocol):
    """One way to teach a painter. A step updates all networks once; nothing else of a training is its business."""

    @property
    def losses(self) -> tuple[str, ...]:
        """The names that `step` may give, in the order of their columns in metrics.csv."""
        ...

    @property
    def painter(self) -> Painter: ...

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """All that are trained, by name, the painter among them."""
        ...

    @property
    def averaged(self) -> tuple[str, ...]:
        """Those of them, besides the painter, of which a running average is kept."""
        ...

    def step(self, batch: Batch, at: Moment) -> dict[str, Tensor]:
        """Update every network once. Returns scalar losses on the device, without waiting for it."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that going on exactly takes, besides the painter's weights."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class Context:
    """Where and with whom a method computes.

    Attributes:
        rng: all chance of the run; every process draws the same numbers, for the batches of all.
        batch: images of each domain in a step, of all processes together.
        bf16: whether the networks compute in bfloat16.
    """

    device: torch.device
    rng: torch.Generator
    batch: int = 1
    world: World = field(default_factory=World)
    bf16: bool = False

    def place(self, network: Network) -> Network:
        """The network on the device, in the memory layout that is quickest there."""
        # tensor cores want channels last; on a CPU instance norm would copy every image back
        layout = torch.channels_last if self.device.type == "cuda" else torch.contiguous_format
        return network.to(self.device).to(memory_format=layout)

    def autocast(self) -> torch.autocast:
        """Networks inside compute in bf16, which keeps float32's range: no loss scaling. Losses stay float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def draw(self, low: int, high: int, count: int) -> Tensor:
        """Integers from low to high, both included, for `count` images: this process's share of those drawn for all."""
        drawn = torch.randint(low, high + 1, (count * self.world.size,), generator=self.rng)
        return drawn.view(-1, self.batch)[:, self.world.share(self.batch)].flatten()


def computes_in_bf16(device: torch.device) -> bool:
    """Whether the hardware itself calculates in bf16; where it is emulated, it is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities: Mapping[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # newer than torch 2.11
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def together(network: Callable[[Tensor], Tensor], *images: Tensor | None) -> tuple[Tensor, ...]:
    """One pass for all the images that are given, split again: instance norm works on each image alone."""
    given = [image for image in images if image is not None]
    return network(torch.cat(given)).split(given[0].shape[0])
