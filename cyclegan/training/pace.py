"""Measures how long a training takes on this machine: by real steps and a real checkpoint of the very settings."""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from cyclegan.painting.painter import MOST_REMEMBERED
from cyclegan.training.checkpoints import list_checkpoints
from cyclegan.training.config import TrainConfig
from cyclegan.training.dataset import TrainingData
from cyclegan.training.schedule import Schedule
from cyclegan.training.trainer import Trainer
from imaging.lineart import Normalization

MOST_TRAINED, MOST_HELD_OUT = 16, 4  # pictures of each domain that are measured with
_STEPS = 4  # of each phase; the first of them starts kernels and caches, and is not counted


@dataclass(frozen=True)
class Numbers:
    """How many pictures a training has, of each domain."""

    a: int
    b: int
    a_held_out: int
    b_held_out: int

    @classmethod
    def of(cls, data: TrainingData) -> Numbers:
        return cls(len(data.a), len(data.b), len(data.a_held_out), len(data.b_held_out))

    @property
    def painted(self) -> int:
        """Pictures that a checkpoint paints with each of its weights: those remembered, and those scored."""
        return min(self.b, MOST_REMEMBERED) + self.a_held_out + self.b_held_out


@dataclass(frozen=True)
class Pace:
    """How long the parts of a training take, in seconds.

    Attributes:
        schedule: the steps of the whole training.
        begin: reading the pictures and their lines, before the first step.
        warm_up: a step of the warm-up.
        step: a step after it.
        checkpoint: a checkpoint with its scores.
        checkpoint_every: steps from one checkpoint to the next.
        checkpoint_bytes: size of a checkpoint's file.
    """

    schedule: Schedule
    begin: float
    warm_up: float
    step: float
    checkpoint: float
    checkpoint_every: int
    checkpoint_bytes: int

    def left(self, step: int) -> float:
        """Returns the seconds from a step to the end of the training, without those to begin."""
        warm_up = max(0, self.schedule.warm_up - step)
        steps = self.schedule.total - step - warm_up
        checkpoints = math.ceil(self.schedule.total / self.checkpoint_every) - step // self.checkpoint_every
        return warm_up * self.warm_up + steps * self.step + checkpoints * self.checkpoint


def measure_pace(config: TrainConfig, sample: TrainingData, normalization: Normalization, numbers: Numbers) -> Pace:
    """Trains a few steps of both phases on a few pictures, in a folder that is deleted.

    Args:
        config: the settings of the whole training.
        sample: a few of its pictures; the steps are measured with as many as there are.
        normalization: that of the lineart.
        numbers: how many pictures the whole training has.

    Raises:
        TrainingError: the images cannot be trained on, or memory runs out (its text is one line).
    """
    epoch = math.ceil(max(len(sample.a), len(sample.b)) / config.batch)
    warms_up = config.schedule.warm_up_epochs > 0
    short = {
        "warm_up_epochs": _STEPS / epoch if warms_up else 0,
        "constant_epochs": _STEPS / epoch,
        "decay_epochs": 0,
    }
    brief = config.changed({"schedule": short, "log_every": 1, "checkpoint_every": 10**6, "processes": 1})
    times = [time.perf_counter()]
    with tempfile.TemporaryDirectory(prefix="irodori-pace-") as folder:
        trainer = Trainer(brief, sample, Path(folder), normalization=normalization)
        begun = time.perf_counter() - times.pop()
        trainer.run(
            lambda step, total, row: times.append(time.perf_counter()), lambda *_: times.append(time.perf_counter())
        )
        (newest,) = list_checkpoints(Path(folder) / "checkpoints")
        checkpoint_bytes = newest.stat().st_size
    seconds = [later - earlier for earlier, later in pairwise(times)]
    *steps, checkpoint = seconds  # between the ends of neighbouring steps, then the checkpoint after the last one
    small = Numbers.of(sample)
    step = statistics.median(steps[-(_STEPS - 1) :])
    return Pace(
        Schedule.of(config, numbers.a, numbers.b),
        begun * numbers.b / small.b,
        statistics.median(steps[: _STEPS - 1]) if warms_up else step,
        step,
        checkpoint * numbers.painted / small.painted,
        config.checkpoint_every,
        checkpoint_bytes,
    )
