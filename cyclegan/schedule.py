"""Where a training stands: how long it is, its learning rate and the weights that change on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cyclegan.config import TrainConfig


@dataclass(frozen=True)
class Schedule:
    """Lengths in steps. Steps count from 0; `total` steps are made."""

    warm_up: int
    constant: int
    decay: int
    cycle_b: tuple[float, float] = (10.0, 10.0)

    @classmethod
    def of(cls, config: TrainConfig, num_a: int, num_b: int) -> Schedule:
        """The schedule for `num_a` + `num_b` training images; an epoch is one pass over the larger domain."""
        epoch = math.ceil(max(num_a, num_b) / config.batch)
        epochs = config.schedule
        return cls(
            round(epochs.warm_up_epochs * epoch),
            round(epochs.constant_epochs * epoch),
            round(epochs.decay_epochs * epoch),
            (config.losses.lambda_cycle_b, config.losses.lambda_cycle_b_end),
        )

    @property
    def total(self) -> int:
        return self.warm_up + self.constant + self.decay

    def warming_up(self, step: int) -> bool:
        return step < self.warm_up

    def rate(self, step: int) -> float:
        """Share of the learning rate at `step`: 1, then linearly towards 0, which step `total` would have."""
        left = self.total - step
        return min(1.0, left / self.decay) if self.decay else 1.0

    def lambda_cycle_b(self, step: int) -> float:
        """Weight of B→A→B at `step`, linear from the first to the last step."""
        first, last = self.cycle_b
        return first + (last - first) * step / max(1, self.total - 1)
