"""The course of a run, from its files: rates, weights of the losses, averages, and all that a restart brings back."""

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cyclegan.errors import TrainingError
from cyclegan.painting.checkpoint import load_checkpoint
from cyclegan.painting.tensors import to_uint8
from cyclegan.training.checkpoints import checkpoint_path, list_checkpoints
from cyclegan.training.dataset import TrainingData
from cyclegan.training.trainer import Trainer
from imaging.lineart import Normalization, normalize
from imaging.lines import extract_lines
from tests.factories import TINY, averaged_weights, filled_shapes, raw_weights, train_config, training_data

pytestmark = pytest.mark.slow

torch.set_num_threads(1)
EVERY_STEP: dict[str, Any] = TINY | {
    "losses": {
        "lambda_cycle_a": 7, "lambda_cycle_b": 6, "lambda_cycle_b_end": 2, "lambda_identity": 0.5, "lambda_pseudo": 3,
    },
    "optimizer": {"lr_generator": 1e-3, "lr_discriminator": 3e-4, "beta1": 0.4, "beta2": 0.95},
    "schedule": {"warm_up_epochs": 0.5, "constant_epochs": 0.25, "decay_epochs": 1},
    "batch": 3,
    "ema": 0.2,
    "checkpoint_every": 1,
    "log_every": 1,
    "keep": 99,
}  # fmt: skip
RATES = [1, 1, 1, 1, 0.75, 0.5, 0.25]  # two steps of warm-up, one constant, four that decay
OPTIMIZERS = {"generators": ("g_ab", "g_ba"), "discriminators": ("d_a", "d_b")}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("course")
    trainer(folder).run()
    return folder


REMEMBERED = {"remembered", "shares", "keys"}  # not trained


def trainer(folder: Path, **changes: Any) -> Trainer:
    config = train_config(**EVERY_STEP | changes)
    return Trainer(config, training_data(held_out=0), folder, normalization=Normalization())


def states(folder: Path) -> list[dict[str, Any]]:
    """Of all checkpoints, the first one first."""
    return [load_checkpoint(path) for path in list_checkpoints(folder / "checkpoints")[::-1]]


def rows(folder: Path) -> list[dict[str, float]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def untrained(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """The networks as a run begins with them."""
    networks = trainer(folder).method.networks
    return {name: {key: value.clone() for key, value in net.state_dict().items()} for name, net in networks.items()}


def test_each_optimizer_has_its_own_rate_and_both_follow_the_schedule(run: Path) -> None:
    for state, rate in zip(states(run), RATES, strict=True):
        for name, full in (("generators", 1e-3), ("discriminators", 3e-4)):
            for group in state["method"]["optimizers"][name]["param_groups"]:
                if name == "generators" or state["step"] > 2:  # discriminators have not begun before
                    assert group["lr"] == pytest.approx(full * rate)
                assert tuple(group["betas"]) == (0.4, 0.95)
    assert [row["rate"] for row in rows(run)] == RATES


def test_the_first_step_of_adam_goes_as_far_as_its_rate(run: Path, tmp_path: Path) -> None:
    """Whatever the gradient: so much did the weights with the largest one move."""
    before, (first, second, third, *_) = untrained(tmp_path), states(run)
    for then, now, names, rate in (
        (before, raw_weights(first), OPTIMIZERS["generators"], 1e-3),
        (raw_weights(second), raw_weights(third), OPTIMIZERS["discriminators"], 3e-4),
    ):
        for name in names:
            moved = [
                (now[name][key] - then[name][key]).abs().max().item() for key in now[name] if key not in REMEMBERED
            ]
            assert max(moved) == pytest.approx(rate, rel=1e-2)
    for name in OPTIMIZERS["discriminators"]:
        assert all(torch.equal(raw_weights(second)[name][key], before[name][key]) for key in before[name])


def test_every_generator_has_its_average(run: Path, tmp_path: Path) -> None:
    """Decay 0.2 at most, and (1 + n) / (10 + n) after n steps before: 0.1, 2/11, then 0.2."""
    before = untrained(tmp_path)
    average = {name: before[name] for name in ("g_ab", "g_ba")}
    for state, decay in zip(states(run), [0.1, 2 / 11, *[0.2] * 5], strict=True):
        for name, weights in average.items():
            for key in weights.keys() - REMEMBERED:
                now = raw_weights(state)[name][key]
                expected = decay * weights[key] + (1 - decay) * now
                torch.testing.assert_close(averaged_weights(state)[name][key], expected, rtol=1e-4, atol=1e-6)
            average[name] = averaged_weights(state)[name]


def test_the_weights_of_the_losses_are_those_of_the_step(run: Path) -> None:
    table = rows(run)
    for number, row in enumerate(table[2:], start=2):
        cycle_b = 6 - 4 * number / 6
        total = row["adversarial_a"] + row["adversarial_b"] + 7 * row["cycle_a"] + cycle_b * row["cycle_b"]
        total += 0.5 * (7 * row["identity_a"] + cycle_b * row["identity_b"]) + 3 * (row["pseudo_a"] + row["pseudo_b"])
        assert row["generators"] == pytest.approx(total, rel=1e-4)
    assert all(row.keys() & {"generators", "d_a", "cycle_a"} == set() for row in table[:2])


def test_a_row_of_metrics_is_the_mean_of_its_steps(run: Path, tmp_path: Path) -> None:
    trainer(tmp_path, log_every=5).run()
    single, (first, rest) = rows(run), rows(tmp_path)
    for name in ("cycle_a", "d_b", "generators"):  # the warm-up has none
        assert first[name] == pytest.approx(sum(row[name] for row in single[2:5]) / 3, rel=1e-4)
    assert first["pseudo_b"] == pytest.approx(sum(row["pseudo_b"] for row in single[:5]) / 5, rel=1e-4)
    assert rest["d_a"] == pytest.approx((single[5]["d_a"] + single[6]["d_a"]) / 2, rel=1e-4)
    assert (first["step"], rest["step"]) == (5, 7)
    assert (first["rate"], rest["rate"]) == (RATES[4], RATES[6])


def test_seeds_make_different_runs_and_one_seed_the_same(run: Path, tmp_path: Path) -> None:
    for folder, seed in (("same", 0), ("other", 1)):
        trainer(tmp_path / folder, seed=seed).run()
    wanted, same, other = (
        raw_weights(load_checkpoint(checkpoint_path(folder / "checkpoints", 7)))
        for folder in (run, tmp_path / "same", tmp_path / "other")
    )
    for name, weights in wanted.items():
        assert all(torch.equal(weights[key], same[name][key]) for key in weights)
        assert not any(torch.equal(weights[key], other[name][key]) for key in weights if key.endswith("weight"))


def test_no_held_out_picture_is_trained_on(tmp_path: Path) -> None:
    a, b, a_held_out, b_held_out = (
        [np.full(shape, level, np.uint8) for level in range(first, first + 6)]
        for first, shape in ((10, (16, 16)), (60, (16, 16, 3)), (110, (16, 16)), (160, (16, 16, 3)))
    )
    config, images = train_config(**EVERY_STEP), TrainingData(a, b, a_held_out, b_held_out)
    batches = Trainer(config, images, tmp_path, normalization=Normalization()).batches
    drawn = [batches.next() for _ in range(8)]  # each picture four times
    assert {int(level) for batch in drawn for level in to_uint8(batch.real_a).unique()} == set(range(10, 16))
    assert {int(level) for batch in drawn for level in to_uint8(batch.real_b).unique()} == set(range(60, 66))


def test_extracted_lines_are_toned_as_the_lineart_of_this_run_is(tmp_path: Path) -> None:
    dark = Normalization(low=100, high=110)
    picture = np.array(filled_shapes())
    config = train_config(**EVERY_STEP | {"data": {"crop": 64, "flip": False}, "batch": 1})
    images = TrainingData([np.full((64, 64), 255, np.uint8)], [picture])
    lines = Trainer(config, images, tmp_path, normalization=dark).batches.next().lines_b
    expected = normalize(extract_lines(picture), dark).image
    assert lines is not None and np.array_equal(to_uint8(lines)[0, 0].numpy(), expected)
    assert not np.array_equal(expected, normalize(extract_lines(picture)).image)


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"seed": 1}, True),
        ({"ema": 0.5}, True),
        ({"pool": 4}, True),
        ({"augment": False}, True),
        ({"optimizer": {"lr_generator": 2e-3}}, True),
        ({"schedule": {"warm_up_epochs": 1}}, True),
        ({"keep": 2, "keep_best": 0, "log_every": 9, "checkpoint_every": 50, "memory_gb": 1.0}, False),
    ],
)
def test_a_run_goes_on_only_as_it_began(tmp_path: Path, run: Path, change: dict[str, Any], refused: bool) -> None:
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    if refused:
        with pytest.raises(TrainingError, match="cannot resume with other settings"):
            trainer(tmp_path, **change).run()
    else:
        trainer(tmp_path, **change).run()
