"""Tests of what only a GPU can show; all of them are skipped where there is none."""

import multiprocessing
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from cyclegan.methods import replayed
from cyclegan.methods.config import CycleGanConfig
from cyclegan.methods.cyclegan import CycleGan
from cyclegan.methods.method import Batch, Context, Moment
from cyclegan.painting.colorizer import Colorizer
from cyclegan.training.config import METHODS, MethodName, TrainConfig
from cyclegan.training.launch import launch
from cyclegan.training.trainer import Trainer, TrainingError
from imaging.lineart import Normalization
from tests.factories import TOTAL, assert_same_run, drawing, run_until, save, tiny_config, trainer, training_data
from tests.methods import images, tiny
from tests.steps import batch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.requires_cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

GPU, CPU = torch.device("cuda"), torch.device("cpu")
SPAWN = multiprocessing.get_context("spawn")
LONG = {"warm_up_epochs": 10, "constant_epochs": 10, "decay_epochs": 20}  # 240 steps


def on_gpu(**changes: Any) -> TrainConfig:
    return tiny_config(device="cuda", **changes)


def batch_on(device: torch.device) -> Batch:
    random = torch.Generator().manual_seed(5)
    return Batch(*(torch.rand(2, 3, 32, 32, generator=random).to(device) * 2 - 1 for _ in range(3)))


def step_on(device: torch.device, *, warming_up: bool) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    """Returns the losses and the painter's weights after one step in full float32."""
    settings = tiny_config().method
    assert isinstance(settings, CycleGanConfig)
    method = CycleGan(settings, Context(device, torch.Generator().manual_seed(3), batch=2))
    losses = method.step(batch_on(device), Moment(0, 10, 1.0, warming_up))
    weights = {name: value.cpu() for name, value in method.painter.state_dict().items()}
    return {name: loss.item() for name, loss in losses.items()}, weights


@pytest.fixture
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.mark.parametrize("warming_up", [True, False])
@pytest.mark.usefixtures("full_precision")
def test_a_step_on_the_gpu_does_what_it_does_on_the_cpu(warming_up: bool) -> None:
    (losses, weights), (expected, expected_weights) = (step_on(each, warming_up=warming_up) for each in (GPU, CPU))
    assert losses == pytest.approx(expected, rel=1e-3, abs=1e-4)
    for name, value in weights.items():
        torch.testing.assert_close(value, expected_weights[name], rtol=1e-2, atol=1e-3, msg=name)


@pytest.mark.parametrize("method", [method for method in METHODS if method != "cyclegan"])
def test_every_method_goes_on_a_gpu_to_the_same_bits(method: MethodName, tmp_path: Path) -> None:
    schedule = {"constant_epochs": 1, "decay_epochs": 1}  # 12 steps, most of them replayed
    settings = tiny(method).changed({"device": "cuda", "schedule": schedule})
    trainer(tmp_path / "whole", settings, images()).run()
    run_until(trainer(tmp_path / "stopped", settings, images()), 5)
    trainer(tmp_path / "stopped", settings, images()).run()
    assert_same_run(tmp_path / "whole", tmp_path / "stopped", 12)


@pytest.mark.parametrize("method", METHODS)
def test_a_replayed_step_of_every_method_does_what_a_plain_one_does(
    method: MethodName, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, found = tiny(method), []
    pictures = batch(side=settings.data.crop)
    given = [None if each is None else each.float().to(GPU) for each in pictures.tensors()]
    for plain_calls in (1, 100):
        monkeypatch.setattr(replayed, "_PLAIN_CALLS", plain_calls)
        made = settings.method.make(Context(GPU, torch.Generator().manual_seed(0), 2))
        steps = [made.step(Batch.of(*given), Moment(step, 10, 1.0, False)) for step in range(4)]
        found.append([{name: loss.item() for name, loss in losses.items()} for losses in steps])
    for one, other in zip(*found, strict=True):
        assert one == pytest.approx(other, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_a_run_stopped_on_a_gpu_and_resumed_ends_the_same_bit_by_bit(tmp_path: Path, precision: str) -> None:
    settings = on_gpu(precision=precision)
    trainer(tmp_path / "whole", settings).run()
    run_until(trainer(tmp_path / "stopped", settings), 17)
    trainer(tmp_path / "stopped", settings).run()
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")


def test_replayed_steps_end_as_plain_ones_bit_by_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer(tmp_path / "replayed", on_gpu()).run()
    monkeypatch.setattr(replayed, "_PLAIN_CALLS", TOTAL)
    trainer(tmp_path / "plain", on_gpu()).run()
    assert_same_run(tmp_path / "replayed", tmp_path / "plain")


def test_a_run_begun_on_a_gpu_goes_on_on_a_cpu_and_back(tmp_path: Path) -> None:
    run_until(trainer(tmp_path, on_gpu()), 9)
    run_until(trainer(tmp_path, tiny_config()), 15)
    last = trainer(tmp_path, on_gpu())
    last.run()
    assert last.step == TOTAL


def test_memory_on_the_gpu_does_not_grow(tmp_path: Path) -> None:
    seen: list[int] = []
    settings = on_gpu(schedule=LONG, log_every=20, checkpoint_every=1000)
    trainer(tmp_path, settings).run(lambda *_: seen.append(torch.cuda.memory_allocated()))
    assert len(seen) == 12
    after_warm_up = seen[5:]  # the discriminators join, then the image pools fill up
    assert max(after_warm_up) - min(after_warm_up) < 2**16


def test_a_drawing_is_coloured_alike_on_gpu_and_cpu(tmp_path: Path) -> None:
    checkpoint = save(tmp_path / "x.pt", palette=4)
    devices: tuple[Literal["cuda"], Literal["cpu"]] = ("cuda", "cpu")
    pictures = [np.asarray(Colorizer.load(checkpoint, each)(drawing())) for each in devices]
    differing = (np.abs(pictures[0].astype(int) - pictures[1]).max(2) > 2).mean()
    assert differing < 0.01


def train_alone(folder: Path) -> None:
    trainer(folder, on_gpu()).run()


def test_two_trainings_share_a_gpu_and_end_as_each_does_alone(tmp_path: Path) -> None:
    trainer(tmp_path / "alone", on_gpu()).run()
    children = [SPAWN.Process(target=train_alone, args=(tmp_path / name,)) for name in ("one", "two")]
    for child in children:
        child.start()
    for child in children:
        child.join(timeout=300)
        assert child.exitcode == 0
    assert_same_run(tmp_path / "alone", tmp_path / "one")
    assert_same_run(tmp_path / "alone", tmp_path / "two")


def nothing(_: object) -> None:
    return None


def test_more_processes_than_gpus_are_refused_in_one_line() -> None:
    with pytest.raises(TrainingError, match="this machine has") as told:
        launch(torch.cuda.device_count() + 1, "cuda", nothing)
    assert "\n" not in str(told.value)


def test_too_little_memory_on_the_gpu_is_told_in_one_line(tmp_path: Path) -> None:
    torch.cuda.set_per_process_memory_fraction(0.001)
    try:
        with pytest.raises(TrainingError, match="too little memory") as told:
            settings = on_gpu(generator={"blocks": 9, "ngf": 64}, losses={"lambda_pseudo": 0}, schedule={})
            Trainer(settings, training_data(), tmp_path, normalization=Normalization()).run()
        assert "\n" not in str(told.value)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
