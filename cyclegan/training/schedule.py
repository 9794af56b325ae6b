"""How long a training is, and its learning rate at each step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cyclegan.methods.method import Moment
from cyclegan.training.config import TrainConfig


@dataclass(frozen=True)
class Schedule:
    """Lengths in steps. Steps count from 0; `total` steps are made."""

    warm_up: int
    constant: int
    decay: int

    @classmethod
    def of(cls, config: TrainConfig, num_a: int, num_b: int) -> Schedule:
        """The schedule for `num_a` + `num_b` training images; an epoch is one pass over the larger domain."""
        epoch = math.ceil(max(num_a, num_b) / config.batch)
        epochs = config.schedule
        return cls(
            round(epochs.warm_up_epochs * epoch),
            round(epochs.constant_epochs * epoch),
            round(epochs.decay_epochs * epoch),
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

    def at(self, step: int) -> Moment:
        """What a method must know of step number `step`."""
        return Moment(step, self.total, self.rate(step), self.warming_up(step))
