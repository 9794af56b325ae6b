"""Tests how shadows are learned: from shaded pictures alone, exactly resumed, and at no cost to flat styles."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from cyclegan.methods.method import Context, Moment
from cyclegan.painting.checkpoint import load_checkpoint
from cyclegan.painting.loading import load_painter
from cyclegan.training.checkpoints import checkpoint_path
from cyclegan.training.dataset import Batches, TrainingData
from cyclegan.training.shaded import in_full_light, is_shaded
from imaging.lineart import normalize
from tests.factories import TINY, assert_same_run, run_until, same, tiny_config, trainer, training_data
from tests.shaded_pictures import head, heads

CPU = torch.device("cpu")
SHADING = tiny_config(generator={**TINY["generator"], "shading": True})


def batches(images: TrainingData, **changes: Any) -> Batches:
    settings = SHADING.changed({"data": {"crop": 48}} | changes)
    return Batches(images, settings, CPU, torch.Generator().manual_seed(0), lambda gray: normalize(gray).image)


def test_flat_pictures_train_the_same_bits_as_without_shading(tmp_path: Path) -> None:
    trainer(tmp_path / "with", SHADING, training_data()).run()
    trainer(tmp_path / "without", tiny_config(), training_data()).run()
    with_, without = (
        load_checkpoint(checkpoint_path(tmp_path / name / "checkpoints", 24)) for name in ("with", "without")
    )
    painted = {name: each for name, each in with_["painter"]["ema"].items() if "shade" not in name}
    assert all(not name.startswith("network.shade") for name in painted)
    weights = [each for name, each in painted.items() if name.startswith("network.")]
    assert same(weights, [each for name, each in without["painter"]["ema"].items() if name.startswith("network.")])
    assert same(with_["method"]["networks"], without["method"]["networks"])
    painter, _, _ = load_painter(checkpoint_path(tmp_path / "with" / "checkpoints", 24), "ema")
    memory = painter.memory()
    assert memory is not None and memory.shadows is not None and not memory.shadows.seen
    assert batches(heads(shaded=False)).next().shadows_b is None


def test_shaded_pictures_are_learned_from_in_full_light() -> None:
    data = heads()
    drawn = batches(data, data={"crop": 48, "flip": False})
    batch = drawn.next()
    assert batch.shadows_b is not None and batch.shadows_b.shape == (2, 2, 48, 48)
    assert (batch.shadows_b[:, 1] == -1).all() and (batch.shadows_b[:, 0] > 0.9).any()
    flats = [each.transpose(2, 0, 1) for each in heads(shaded=False).b]
    lit = ((batch.real_b[0] + 1) * 127.5).numpy()
    assert min(np.abs(lit - flat).mean() for flat in flats) < 6


def test_a_mirrored_picture_shows_the_mirrored_light() -> None:
    drawn = batches(heads(held_out=0), batch=1)
    seen = set()
    for _ in range(12):
        shadows = drawn.next().shadows_b
        assert shadows is not None
        if not (shadows > 0.9).any():
            continue
        known = (shadows[0] >= 0).flatten(1).any(1).tolist()
        light = known.index(True)
        dark = (shadows[0, light] > 0.9).nonzero()[:, 1].float().mean()
        assert known.count(True) == 1 and (float(dark) < 24) == bool(light)
        seen.add(light)
    assert seen == {0, 1}


def test_stopped_and_resumed_a_shading_run_ends_the_same(tmp_path: Path) -> None:
    settings, data = SHADING.changed({"data": {"crop": 32}}), heads()
    trainer(tmp_path / "whole", settings, data).run()
    run_until(trainer(tmp_path / "stopped", settings, data), 10)
    trainer(tmp_path / "stopped", settings, data).run()
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")
    assert "shadows" in (tmp_path / "whole" / "metrics.csv").read_text().splitlines()[0]


def test_a_painter_learns_where_shadows_are() -> None:
    settings = SHADING.changed(
        {
            "method": {"generator": {"ngf": 8}, "optimizer": {"lr_generator": 4e-3}},
            "data": {"crop": 48},
        }
    )
    rng, total = torch.Generator().manual_seed(0), 80
    drawn = Batches(heads(16, 6), settings, CPU, rng, lambda gray: normalize(gray).image)
    method = settings.method.make(Context(CPU, rng, settings.batch))
    for step in range(total):
        method.step(drawn.next(), Moment(step, total, 1.0, warming_up=True))
    method.painter.remember(drawn.pseudo_pairs(8))
    method.painter.measure_shadows(drawn.examples(16), drawn.held_out_examples(6))
    memory = method.painter.memory()
    assert memory is not None and memory.shadows is not None
    assert memory.shadows.helps and memory.shadows.edge == "cel"
    assert memory.shadows.errors[2] < 0.5 * memory.shadows.errors[0]
    light, mirrored = method.painter.maps(normalize(head(9000)[0]).image[None])[0, 3:]
    columns = np.arange(48)
    assert (light.sum(0) * columns).sum() / light.sum() > 27 > 18 > (mirrored.sum(0) * columns).sum() / mirrored.sum()


def test_a_style_is_shaded_where_its_pictures_are() -> None:
    def with_lines(picture: np.ndarray) -> np.ndarray:
        return np.dstack([picture, lines[picture.tobytes()]])

    for shaded in (True, False):
        drawn = [head(seed, shaded=shaded) for seed in range(6)]
        lines = {picture.tobytes(): gray for gray, picture, _ in drawn}
        assert is_shaded([in_full_light(with_lines(picture)) for _, picture, _ in drawn]) is shaded
