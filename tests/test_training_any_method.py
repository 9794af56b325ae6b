"""Tests that the trainer runs a method that it has never heard of: no GAN, one network, losses of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from cyclegan.errors import TrainingError
from cyclegan.methods.config import CycleGanConfig
from cyclegan.methods.losses import l1_loss
from cyclegan.methods.method import Batch, Context, Method, Moment
from cyclegan.methods.optimizer import Optimizer
from cyclegan.painting.checkpoint import load_checkpoint
from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.networks import init_weights
from cyclegan.painting.painter import Painter
from cyclegan.training.checkpoints import checkpoint_path, load_newest
from cyclegan.training.config import TrainConfig
from cyclegan.training.metrics import RunningMeans, append_row
from tests.factories import TINY, TOTAL, Stop, assert_same_run, csv_rows, train_config, trainer

pytestmark = pytest.mark.slow

torch.set_num_threads(1)


class Pairs:
    """Teaches a painter to give pictures back to their own extracted lines."""

    losses = ("distance", "brightness_a", "brightness_b")
    averaged: tuple[str, ...] = ()

    def __init__(self, config: CycleGanConfig, context: Context) -> None:
        self.painter = Painter(config.generator)
        self.networks: dict[str, nn.Module] = {"pupil": self.painter}
        init_weights(self.painter, context.rng)
        self._optimizer = Optimizer([self.painter], 1e-3, (0.9, 0.99))

    def step(self, batch: Batch, at: Moment) -> dict[str, Tensor]:
        assert batch.lines_b is not None
        distance = l1_loss(self.painter(batch.lines_b), batch.real_b)
        self._optimizer.set_rate(at.rate)
        self._optimizer.update(distance)
        return {"distance": distance.detach(), "brightness_a": batch.real_a.mean(), "brightness_b": batch.real_b.mean()}

    def state_dict(self) -> dict[str, Any]:
        return {"optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._optimizer.load_state_dict(state["optimizer"])


class PairsConfig(CycleGanConfig):
    def make(self, context: Context) -> Method:
        return Pairs(self, context)


def settings() -> TrainConfig:
    # a palette that is remembered at each checkpoint would be part of the loss here
    usual = train_config(**TINY | {"generator": TINY["generator"] | {"palette": 0}})
    return usual.model_copy(update={"method": PairsConfig(**usual.method.model_dump())})


def test_its_losses_are_the_columns_and_its_painter_serves(tmp_path: Path) -> None:
    trainer(tmp_path, settings()).run()
    table = csv_rows(tmp_path / "metrics.csv")
    assert list(table[0]) == ["step", "rate", *Pairs.losses, "images_per_second", "data_share"]
    assert float(table[-1]["distance"]) < float(table[0]["distance"])
    page = (tmp_path / "index.html").read_text()
    assert all(f'"{loss}"' in page for loss in Pairs.losses)
    path = checkpoint_path(tmp_path / "checkpoints", TOTAL)
    assert load_checkpoint(path)["method"].keys() == {"optimizer"}
    assert Colorizer.load(path, device="cpu")(Image.new("RGB", (40, 30), "white")).size == (40, 30)


def test_it_is_resumed_and_broken_off_like_any_other(tmp_path: Path) -> None:
    def stop(step: int, *_: object) -> None:
        if step == 9:
            raise Stop

    trainer(tmp_path / "whole", settings()).run()
    with pytest.raises(Stop):
        trainer(tmp_path / "stopped", settings()).run(on_progress=stop)
    found = load_newest(tmp_path / "stopped" / "checkpoints")
    assert found is not None and found[1]["step"] == 9
    trainer(tmp_path / "stopped", settings()).run()
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")


def test_a_network_of_its_that_breaks_down_is_named(tmp_path: Path) -> None:
    running = trainer(tmp_path, settings())

    def break_it(step: int, *_: object) -> None:
        if step == 6:  # a checkpoint is about to be written, and no step comes in between whose loss would tell
            with torch.no_grad():
                next(running.method.painter.parameters())[:] = float("nan")

    with pytest.raises(TrainingError, match="pupil not finite"):
        running.run(on_progress=break_it)


def test_a_loss_that_was_not_announced_is_an_error_and_no_silent_gap(tmp_path: Path) -> None:
    means = RunningMeans(["distance"], torch.device("cpu"))
    with pytest.raises(ValueError, match=r"\['kl'\] are not among those that the method names"):
        means.add({"distance": torch.ones(()), "kl": torch.ones(())})
    with pytest.raises(ValueError, match="kl"):
        append_row(tmp_path / "metrics.csv", {"step": 1, "kl": 2.0}, ["distance"])
