"""Tests the command that trains on a GPU, in a rehearsal on the CPU."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cyclegan.painting.checkpoint import export_painter
from cyclegan.painting.colorizer import Colorizer
from cyclegan.training.checkpoints import checkpoint_path
from demo.drawings import Drawing
from demo.train_gpu import REHEARSED_STEPS, main, settings
from imaging.codec import decode

pytestmark = pytest.mark.slow

torch.set_num_threads(1)


def test_a_rehearsal_leaves_all_that_a_training_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--rehearse", "--folder", str(tmp_path)])
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["steps"] == REHEARSED_STEPS and figures["images_per_second"] > 0
    assert str(tmp_path / "generator.pt") in capsys.readouterr().out
    with Image.open(tmp_path / "samples.png") as sheet:
        assert sheet.width > 1000
    assert (tmp_path / "run" / "index.html").exists()
    choice = figures["choice"]
    checkpoint = checkpoint_path(tmp_path / "run" / "checkpoints", choice["step"])
    assert (tmp_path / "generator.pt").stat().st_size < checkpoint.stat().st_size / 5
    line = decode(Drawing(1).render("A", 64))
    half, full = Colorizer.load(tmp_path / "generator.pt"), Colorizer.load(checkpoint, weights=choice["weights"])
    difference = np.asarray(half(line)).astype(int) - np.asarray(full(line))
    assert np.abs(difference).mean() < 0.5

    size = export_painter(checkpoint, "ema", tmp_path / "small.pt", largest=1000)
    assert size > 1000 and not (tmp_path / "small.pt").exists()
    main(["--rehearse", "--folder", str(tmp_path)])  # a finished run is not trained again
    assert "step" not in capsys.readouterr().out.splitlines()[0]


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match=r"train-gpu needs a GPU.*--rehearse"):
        main(["--folder", str(tmp_path)])
    assert not list(tmp_path.iterdir())


def test_on_a_gpu_it_is_the_default_preset_at_256_px() -> None:
    config = settings(rehearse=False, steps=None, count=640)
    assert (config.data.crop, config.method.generator.blocks, config.method.generator.ngf) == (256, 12, 64)
    assert config.device == "cuda" and config.schedule.constant_epochs == 100
    short = settings(rehearse=False, steps=12800, count=640).schedule
    assert (short.constant_epochs, short.decay_epochs) == pytest.approx((10, 10))
