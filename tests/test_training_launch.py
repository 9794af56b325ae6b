"""Tests training in several processes: it equals one process with the same batch, however one of them ends."""

import csv
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from cyclegan.distributed import World
from cyclegan.errors import TrainingError
from cyclegan.methods.cyclegan import CycleGan
from cyclegan.methods.method import Batch, Moment
from cyclegan.painting.checkpoint import load_checkpoint
from cyclegan.training.checkpoints import checkpoint_path, load_newest
from cyclegan.training.dataset import TrainingData
from cyclegan.training.launch import launch
from tests.factories import TOTAL, Stop, tiny_config, trainer

pytestmark = pytest.mark.slow

torch.set_num_threads(1)
SCHEDULE = {"warm_up_epochs": 2, "constant_epochs": 6, "decay_epochs": 0}
# in bf16 rounding differs between one process and two from the first layer on
SETTINGS = tiny_config(batch=4, log_every=1, schedule=SCHEDULE, precision="float32")
PROCESSES = 2


def noise() -> TrainingData:
    """Makes noise: at equal pixels rounding decides the gradient of the L1 loss, and here almost none are equal."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (12, 20, 24), np.uint8), rng.integers(0, 256, (12, 20, 24, 3), np.uint8)
    return TrainingData(list(a), list(b))


def train(world: World, folder: Path, event: str, number: int) -> None:
    """Runs one process of a training.

    Args:
        world: which of the processes this is.
        folder: folder of the run.
        event: at step `number`: "kill" kills a process that does not lead, "stop" sends SIGTERM to the parent of the
            one that leads, "break" sets weights to NaN; anything else changes nothing.
        number: step of the event.
    """
    running: Any = trainer(folder, SETTINGS.model_copy(update={"processes": world.size}), noise(), world)
    method_step = running.method.step

    def step(batch: Batch, at: Moment) -> dict[str, torch.Tensor]:
        if at.step == number and event == "kill" and not world.leads:
            os.kill(os.getpid(), signal.SIGKILL)
        if at.step == number and event == "stop" and world.leads:
            os.kill(os.getppid(), signal.SIGTERM)
        if at.step == number and event == "break":
            with torch.no_grad():
                next(running.method.g_ab.parameters())[:] = float("nan")
        return method_step(batch, at)

    running.method.step = step
    running.run()
    parameters = {name: list(network.parameters()) for name, network in running.method.networks.items()}
    pools = {name: pool.state_dict() for name, pool in running.method.pools.items()}
    torch.save([parameters, pools], folder / f"state-{world.rank}.pt")


def losses(folder: Path) -> np.ndarray:
    with (folder / "metrics.csv").open(newline="") as file:
        return np.array([[float(row[name] or 0) for name in CycleGan.losses] for row in csv.DictReader(file)])


def test_killed_stopped_and_resumed_two_processes_train_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    trainer(alone, SETTINGS, noise()).run()

    with pytest.raises(TrainingError, match="process 1 was ended by SIGKILL; start the training again") as error:
        launch(PROCESSES, "cpu", train, together, "kill", 8)
    assert "\n" not in str(error.value)
    found = load_newest(together / "checkpoints")
    assert found is not None and found[1]["step"] == 6

    def raise_stop(*_: object) -> None:
        raise Stop

    previous = signal.signal(signal.SIGTERM, raise_stop)
    try:
        with pytest.raises(Stop):
            launch(PROCESSES, "cpu", train, together, "stop", 13)
        assert signal.getsignal(signal.SIGTERM) is raise_stop
    finally:
        signal.signal(signal.SIGTERM, previous)
    found = load_newest(together / "checkpoints")
    assert found is not None and 13 < found[1]["step"] < TOTAL  # the step at which both knew of the signal
    assert not [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]

    launch(PROCESSES, "cpu", train, together, "", 0)
    assert losses(together).shape == losses(alone).shape == (TOTAL, len(CycleGan.losses))
    # 2.3e-6 was observed: the last of the six digits that are written
    np.testing.assert_allclose(losses(together), losses(alone), rtol=1e-5, atol=1e-6)
    states = [torch.load(together / f"state-{rank}.pt") for rank in (0, 1)]
    torch.testing.assert_close(states[0], states[1], rtol=0, atol=0)
    # a run may be resumed with another number of processes
    state = load_checkpoint(checkpoint_path(together / "checkpoints", TOTAL))
    again = trainer(together, SETTINGS, noise())
    again.run()
    assert again.step == state["step"]


def test_what_one_process_finds_wrong_is_the_line_that_the_launcher_ends_with(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"^training broke down before step 4: .*lower optimizer\.lr_generator"):
        launch(1, "cpu", train, tmp_path, "break", 3)


def test_a_batch_must_have_equal_shares() -> None:
    with pytest.raises(ValueError, match="batch 2 cannot be shared by 4 processes"):
        tiny_config(processes=4)


def test_gpus_that_are_not_there_are_said_so() -> None:
    wanted = torch.cuda.device_count() + 1
    with pytest.raises(TrainingError, match=f"processes {wanted} need as many GPUs"):
        launch(wanted, "cuda", train)
