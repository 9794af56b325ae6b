"""Tests what a training refuses, and that one that breaks down stops with one line and keeps only good checkpoints."""

import multiprocessing
import resource
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from cyclegan.methods.method import Moment
from cyclegan.painting.checkpoint import load_checkpoint, save_checkpoint
from cyclegan.training.checkpoints import list_checkpoints, load_newest
from cyclegan.training.dataset import TrainingData
from cyclegan.training.trainer import Trainer, TrainingError
from imaging.lineart import Normalization
from tests.factories import (
    TINY,
    Stop,
    tiny_config,
    trainer,
    training_data,
)

torch.set_num_threads(1)


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        trainer(tmp_path).run(on_progress=_stop)
    changed = tiny_config(batch=1, data={"crop": 20}, keep=9)
    with pytest.raises(TrainingError) as error:
        trainer(tmp_path, changed).run()
    assert "config.batch 2 → 1" in str(error.value) and "config.data.crop 16 → 20" in str(error.value)
    assert "keep" not in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(TrainingError, match=r"normalization\.low 180 → 150"):
        Trainer(tiny_config(), training_data(), tmp_path, normalization=Normalization(low=150)).run()
    with pytest.raises(TrainingError, match=r"data\.num_b 12 → 11"):
        trainer(tmp_path, images=TrainingData(training_data().a, training_data().b[:11])).run()


def _stop(*_: object) -> None:
    raise Stop


def test_a_training_that_breaks_down_stops_with_one_line_and_keeps_good_checkpoints(tmp_path: Path) -> None:
    running = trainer(tmp_path)
    method_step = running.method.step

    def breaking(batch: Any, at: Moment) -> Any:
        if at.step == 13:
            with torch.no_grad():
                next(running.method.networks["d_b"].parameters())[:] = float("inf")
        return method_step(batch, at)

    running.method.step = breaking  # type: ignore[method-assign]
    with pytest.raises(TrainingError) as error:
        running.run()
    assert "\n" not in str(error.value) and "d_b" in str(error.value) and "lr_discriminator" in str(error.value)
    found = load_newest(tmp_path / "checkpoints")
    assert found is not None and found[1]["step"] == 12


def test_a_checkpoint_with_broken_weights_is_not_written(tmp_path: Path) -> None:
    running = trainer(tmp_path, tiny_config(log_every=1000))
    method_step = running.method.step

    def breaking(batch: Any, at: Moment) -> Any:
        losses = method_step(batch, at)
        if at.step == 11:
            with torch.no_grad():
                next(running.method.painter.parameters())[:] = float("nan")
        return losses

    running.method.step = breaking  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match="g_ab not finite"):
        running.run()
    assert [load_checkpoint(path)["step"] for path in list_checkpoints(tmp_path / "checkpoints")] == [6]


def test_an_end_finds_a_broken_training_as_it_is(tmp_path: Path) -> None:
    running = trainer(tmp_path)

    def break_and_stop(*_: object) -> None:
        with torch.no_grad():
            next(running.method.painter.parameters())[:] = float("nan")
        raise Stop

    with pytest.raises(Stop):
        running.run(on_progress=break_and_stop)
    assert list_checkpoints(tmp_path / "checkpoints") == []


def test_images_that_cannot_be_trained_on_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="domain A"):
        trainer(tmp_path / "run", images=TrainingData([], training_data().b))
    assert not (tmp_path / "run").exists()


def test_too_little_memory_names_what_to_lower(tmp_path: Path) -> None:
    """Tests a real lack of memory on the CPU, and the error that a GPU raises."""
    line = tmp_path / "line"

    def train_with_little() -> None:
        used = psutil.Process().memory_info().vms
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, resource.RLIM_INFINITY))
        images = TrainingData([np.zeros((1024, 1024), np.uint8)], [np.zeros((1024, 1024, 3), np.uint8)])
        try:
            schedule = {"constant_epochs": 1, "decay_epochs": 0}
            large = tiny_config(generator={"ngf": 64}, losses={}, schedule=schedule, data={"crop": 1024})
            trainer(tmp_path / "run", large, images).run()
        except TrainingError as error:
            line.write_text(str(error))

    child = multiprocessing.get_context("fork").Process(target=train_with_little)
    child.start()
    child.join(timeout=100)
    assert line.read_text().startswith("too little memory: lower batch (2), data.crop (1024) or generator.ngf (64)")

    running = trainer(tmp_path)

    def on_a_gpu(batch: Any, at: Moment) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total")

    running.method.step = on_a_gpu  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match=r"too little memory: lower batch \(2\), data\.crop \(16\)"):
        running.run()


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        trainer(tmp_path).run(on_progress=_stop)
    with pytest.raises(TrainingError, match=r"config\.method\.generator\.blocks 1 → 2"):
        trainer(tmp_path, tiny_config(generator=TINY["generator"] | {"blocks": 2})).run()
    (path,) = list_checkpoints(tmp_path / "checkpoints")
    state = load_checkpoint(path)
    del state["method"]["networks"]["d_a"]["layers.0.weight"]
    save_checkpoint(path, state)
    with pytest.raises(TrainingError, match=r"networks are not those of this version .*layers\.0\.weight") as error:
        trainer(tmp_path).run()
    assert "\n" not in str(error.value)


def test_pictures_smaller_than_the_crop_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"12 of 12 images .* smaller than the crop of 32 px \(first: 24×20\)"):
        trainer(tmp_path, tiny_config(data={"crop": 32}))
