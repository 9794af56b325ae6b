"""Tests that a long training needs no more memory than a short one."""

import gc
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from cyclegan.training.dataset import TrainingData
from cyclegan.training.trainer import Trainer
from imaging.lineart import Normalization
from tests.factories import train_config

pytestmark = pytest.mark.slow

torch.set_num_threads(1)
STEPS, EVERY, WARM = 500, 100, 0  # at the first checkpoint the pools are full and all kinds of steps have been made
MOST_GROWTH = 6 * 2**20  # bytes in the 400 steps that follow; a step's graph alone has more than 15 kB a step

CONFIG = train_config(
    generator={"blocks": 1, "ngf": 4, "head": "line_keeping", "upsample": "nearest", "palette": 3},
    discriminator={"ndf": 4, "layers": 1},
    losses={"lambda_pseudo": 5, "grey_lines": True},
    schedule={"warm_up_epochs": 2, "constant_epochs": 48, "decay_epochs": 0},
    data={"crop": 16},
    pool=20,
    augment=False,
    device="cpu",
    checkpoint_every=EVERY,
    log_every=10,
)


def pictures(*shape: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 255, (10, *shape), dtype=np.uint8))


def count_tensors() -> int:
    gc.collect()
    return sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())


def test_memory_does_not_grow(tmp_path: Path) -> None:
    process, memory, tensors = psutil.Process(), [], []

    def look(*_: object) -> None:
        tensors.append(count_tensors())
        memory.append(process.memory_info().rss)

    data = TrainingData(pictures(20, 20), pictures(20, 20, 3))
    Trainer(CONFIG, data, tmp_path, normalization=Normalization()).run(on_checkpoint=look)
    assert len(memory) == STEPS // EVERY
    assert tensors[WARM:] == tensors[WARM:][:1] * len(tensors[WARM:])
    assert memory[-1] - memory[WARM] < MOST_GROWTH, [round(each / 2**20, 1) for each in memory]
