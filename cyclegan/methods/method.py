"""Defines the interface between the trainer and a training method."""

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
    """The images of one step, (N, 3, crop, crop) float in [-1, 1] each.

    Attributes:
        real_a: lineart.
        real_b: colour pictures, unrelated to `real_a`.
        lines_b: lines extracted from `real_b`; None if the method does not use them.
        shadows_b: (N, LIGHTS, crop, crop), masks of shadows in [0, 1], or UNKNOWN, by the direction of the light; then
            `real_b` is in full light. None where nothing is to be learned of shadows.
    """

    real_a: Tensor
    real_b: Tensor
    lines_b: Tensor | None = None
    shadows_b: Tensor | None = None

    @classmethod
    def of(cls, *images: Tensor | None) -> Batch:
        """Makes a batch of what `tensors` returned."""
        real_a, real_b, *more = images
        assert real_a is not None and real_b is not None
        return cls(real_a, real_b, *more)

    def tensors(self) -> tuple[Tensor | None, ...]:
        """Returns the images, in the order of the attributes."""
        return self.real_a, self.real_b, self.lines_b, self.shadows_b


@dataclass(frozen=True)
class Moment:
    """The position of a step in the schedule.

    Attributes:
        step: number of steps before this one.
        total: number of steps of the whole training.
        rate: factor on the learning rate, 0..1.
        warming_up: whether the step belongs to the warm-up.
    """

    step: int
    total: int
    rate: float
    warming_up: bool


class Method(Protocol):
    """A way to train a painter. The method updates the networks; the trainer does everything else."""

    @property
    def losses(self) -> tuple[str, ...]:
        """The names of the losses that `step` may return, in the order of their columns in metrics.csv."""
        ...

    @property
    def painter(self) -> Painter:
        """The network that will serve."""
        ...

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """All trained networks by name, including the painter."""
        ...

    @property
    def averaged(self) -> tuple[str, ...]:
        """Names of the networks, besides the painter, whose averaged weights the trainer keeps too."""
        ...

    def step(self, batch: Batch, at: Moment) -> dict[str, Tensor]:
        """Updates the networks once.

        Args:
            batch: this process's share of the images.
            at: the position in the schedule.

        Returns:
            Scalar losses by name, averaged over the processes. They stay on the device: the call does not wait for it.
        """
        ...

    def state_dict(self) -> dict[str, Any]:
        """Returns all state, besides the painter's weights, from which training continues exactly."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        ...


@dataclass(frozen=True)
class Context:
    """The environment in which a method computes.

    Attributes:
        device: of the networks and batches.
        rng: the run's only random generator, on the CPU; every process draws the same numbers, for the whole batch.
        batch: images of each domain in a step, over all processes.
        world: the processes that train together.
        bf16: whether the networks compute in bfloat16.
    """

    device: torch.device
    rng: torch.Generator
    batch: int = 1
    world: World = field(default_factory=World)
    bf16: bool = False

    @property
    def captures(self) -> bool:
        """Whether steps are captured as CUDA graphs; several processes would exchange gradients amid them."""
        return self.device.type == "cuda" and self.world.size == 1

    def place(self, network: Network) -> Network:
        """Moves a network to the device and returns it."""
        # not in channels_last, which convolutions like: instance norm would copy every image back, also on a GPU
        return network.to(self.device)

    def autocast(self) -> torch.autocast:
        """Returns a context for forward passes in bf16. It has float32's range, so losses need no scaling."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def draw(self, low: int, high: int, count: int) -> Tensor:
        """Draws random integers for images of this process; all processes draw the same numbers and take their share.

        Args:
            low: the smallest integer.
            high: the largest integer.
            count: number of images of this process, a multiple of its share of the batch.

        Returns:
            (count,) int64, on the CPU.
        """
        drawn = torch.randint(low, high + 1, (count * self.world.size,), generator=self.rng)
        return drawn.view(-1, self.batch)[:, self.world.share(self.batch)].flatten()


def compute_alike_each_time() -> None:
    """Makes this process compute the same bits on a GPU each time, so that a resumed training ends as a whole one.

    Without it, sums are made in the order in which the GPU's threads come, and each process times cuDNN's algorithms
    anew and takes another one.
    """
    torch.use_deterministic_algorithms(True, warn_only=True)
    # it looks for errors in code, at some of the speed
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False


def computes_in_bf16(device: torch.device) -> bool:
    """Whether the hardware supports bf16 natively; emulated bf16 is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities: Mapping[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # newer than torch 2.11
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def together(network: Callable[[Tensor], Tensor], *images: Tensor | None) -> tuple[Tensor, ...]:
    """Passes several batches through a network at once. Instance norm treats each image alone, so results are the same.

    Args:
        network: (N, …) → (N, …).
        images: batches of one shape; None is skipped.

    Returns:
        The output for each batch that is not None.
    """
    given = [image for image in images if image is not None]
    return network(torch.cat(given)).split(given[0].shape[0])
