"""What every method must do: resume exactly, serve from a checkpoint that describes itself, compute in bfloat16."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cyclegan.methods.method import Batch, Context
from cyclegan.painting.checkpoint import load_checkpoint
from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.guide import Guide
from cyclegan.painting.hints import Hint
from cyclegan.training.checkpoints import checkpoint_path, load_newest
from cyclegan.training.config import METHODS, MethodName
from tests.factories import assert_same_run, csv_rows, run_until, trainer
from tests.methods import TOTAL, images, tiny
from tests.steps import CPU, at, batch

torch.set_num_threads(1)


@pytest.mark.slow
@pytest.mark.parametrize("method", [method for method in METHODS if method != "cyclegan"])  # see test_training_resume
def test_a_killed_training_goes_on_to_the_same_bits_and_serves(method: MethodName, tmp_path: Path) -> None:
    settings = tiny(method)
    trainer(tmp_path / "whole", settings, images()).run()
    run_until(trainer(tmp_path / "killed", settings, images()), 5)  # in the middle of a row of metrics.csv
    found = load_newest(tmp_path / "killed" / "checkpoints")
    assert found is not None and found[1]["step"] == 5
    trainer(tmp_path / "killed", settings, images()).run()
    assert_same_run(tmp_path / "whole", tmp_path / "killed", TOTAL)
    _serves(checkpoint_path(tmp_path / "whole" / "checkpoints", TOTAL), method)
    table = csv_rows(tmp_path / "whole" / "metrics.csv")
    assert list(table[0])[2:-2] == list(settings.method.make(Context(CPU, torch.Generator())).losses)


def _serves(path: Path, method: MethodName) -> None:
    assert load_checkpoint(path)["config"]["method"]["kind"] == method
    colorizer = Colorizer.load(path, device="cpu")
    page = np.full((50, 70, 3), 255, np.uint8)
    page[10:40, 20:50] = 0
    page[12:38, 22:48] = 255
    drawing = Image.fromarray(page)
    assert colorizer(drawing).size == drawing.size  # of sides that no network halves
    assert np.array_equal(np.asarray(colorizer(drawing)), np.asarray(colorizer(drawing)))
    hinted = np.asarray(colorizer(drawing, Guide(hints=(Hint(((0.5, 0.5),), (200, 30, 30), "area"),))))
    assert hinted[25, 35].tolist() == [200, 30, 30]


@pytest.mark.parametrize("method", METHODS)
def test_a_step_in_half_precision_is_close_to_one_in_full(method: MethodName) -> None:
    settings, steps = tiny(method), []
    pictures = batch(side=settings.data.crop)
    for bf16 in (False, True):
        made = settings.method.make(Context(CPU, torch.Generator().manual_seed(0), 2, bf16=bf16))
        assert pictures.lines_b is not None
        given = Batch(pictures.real_a.float(), pictures.real_b.float(), pictures.lines_b.float())
        steps.append({name: loss.item() for name, loss in made.step(given, at(0)).items()})
        for network in made.networks.values():
            assert all(parameter.dtype == torch.float32 for parameter in network.parameters())
    assert steps[1] == pytest.approx(steps[0], rel=0.05, abs=0.02)
