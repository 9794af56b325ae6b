"""Computes the length of a training and the learning rate at each step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cyclegan.methods.method import Moment
from cyclegan.training.config import TrainConfig


@dataclass(frozen=True)
class Schedule:
    """The phases of a training. Steps count from 0.

    Attributes:
        warm_up: length of the warm-up on pseudo-pairs, in steps.
        constant: length of the phase at the full learning rate, in steps.
        decay: length of the phase with falling learning rate, in steps.
        halving: steps after which the learning rate is halved, each time; 0: never.
    """

    warm_up: int
    constant: int
    decay: int
    halving: int = 0

    @classmethod
    def of(cls, config: TrainConfig, num_a: int, num_b: int) -> Schedule:
        """Computes the schedule; an epoch is one pass over the larger domain.

        Args:
            config: the settings.
            num_a: number of training images of lineart.
            num_b: number of training images of colour.
        """
        epoch = math.ceil(max(num_a, num_b) / config.batch)
        epochs = config.schedule
        return cls(
            round(epochs.warm_up_epochs * epoch),
            round(epochs.constant_epochs * epoch),
            round(epochs.decay_epochs * epoch),
            round(epochs.halving_epochs * epoch),
        )

    @property
    def total(self) -> int:
        """The number of steps of the whole training."""
        return self.warm_up + self.constant + self.decay

    def warming_up(self, step: int) -> bool:
        """Whether `step` belongs to the warm-up."""
        return step < self.warm_up

    def rate(self, step: int) -> float:
        """Returns the factor on the learning rate at `step`: 1, then linear to 0, reached at step `total`; halved."""
        left = self.total - step
        halved: float = 0.5 ** (step // self.halving) if self.halving else 1.0
        return min(1.0, left / self.decay) * halved if self.decay else halved

    def at(self, step: int) -> Moment:
        """Returns the position of `step` in the schedule, for the method."""
        return Moment(step, self.total, self.rate(step), self.warming_up(step))
