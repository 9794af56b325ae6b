"""Tests the trainer: the folder of a run, how runs are resumed and how they end."""

import logging
import multiprocessing
import os
import random
import resource
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from cyclegan.methods.cyclegan import CycleGan
from cyclegan.methods.method import Moment
from cyclegan.painting.checkpoint import Weights, load_checkpoint, save_checkpoint
from cyclegan.scoring.score import Score
from cyclegan.training.checkpoints import checkpoint_path, list_checkpoints, load_newest
from cyclegan.training.config import TrainConfig
from cyclegan.training.dataset import TrainingData
from cyclegan.training.metrics import columns
from cyclegan.training.trainer import Trainer, TrainingError
from imaging.lineart import Normalization
from tests.factories import (
    TINY,
    TOTAL,
    Stop,
    assert_same_run,
    csv_rows,
    fail_in_the_middle_of,
    same,
    tiny_config,
    trainer,
    training_data,
)

torch.set_num_threads(1)
LONG, LONG_TOTAL = {"warm_up_epochs": 1, "constant_epochs": 10, "decay_epochs": 9}, 120
ROW = 60  # fewest bytes of a row of metrics.csv


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes an uninterrupted run to compare with."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    trainer(folder).run()
    return folder


def test_a_run_leaves_its_layout(tmp_path: Path) -> None:
    progress, checkpoints = [], []
    trainer(tmp_path).run(
        on_progress=lambda step, total, metrics: progress.append((step, total, metrics)),
        on_checkpoint=lambda step, path, sample, scores: checkpoints.append((step, path, sample, scores)),
    )
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.json", "metrics.csv", "scores.csv", "checkpoints", "samples", "events", "index.html",
    }  # fmt: skip
    assert [step for step, _, _, _ in checkpoints] == [6, 12, 18, 24]
    assert all(path.exists() or step < 12 for step, path, _, _ in checkpoints)
    assert all(sample.read_bytes().startswith(b"\x89PNG") for _, _, sample, _ in checkpoints)
    assert all(scores.keys() == {"ema", "raw"} for _, _, _, scores in checkpoints)
    assert [(step, total) for step, total, _ in progress] == [(step, 24) for step in range(3, 25, 3)]
    assert progress[0][2]["images_per_second"] > 0 and 0 <= progress[0][2]["data_share"] <= 1
    table = csv_rows(tmp_path / "metrics.csv")
    assert tuple(table[0]) == columns(CycleGan.losses)
    assert [int(row["step"]) for row in table] == list(range(3, 25, 3))
    assert table[0]["cycle_a"] == "" and table[1]["pseudo_a"] and float(table[2]["cycle_a"]) > 0
    scores = csv_rows(tmp_path / "scores.csv")
    assert [(int(row["step"]), row["weights"]) for row in scores] == [
        (step, weights) for step in range(6, 25, 6) for weights in ("ema", "raw")
    ]
    assert float(scores[-2]["value"]) == pytest.approx(checkpoints[-1][3]["ema"].value)


def test_the_newest_checkpoints_and_the_one_to_serve_are_kept(tmp_path: Path) -> None:
    running = trainer(tmp_path, tiny_config(keep=1, keep_best=0))
    kept = []

    def look(step: int, *_: object) -> None:
        there = {load_checkpoint(path)["step"] for path in list_checkpoints(tmp_path / "checkpoints")}
        assert there == {step, running.choice().step}
        kept.append(there)

    running.run(on_checkpoint=look)
    assert {6} in kept


def test_the_best_checkpoints_are_kept_too_and_no_more_than_stated(tmp_path: Path) -> None:
    running, kept = trainer(tmp_path, tiny_config(checkpoint_every=2, keep=1, keep_best=2)), [set[int]()]

    def look(step: int, path: Path, sample: Path, scores: dict[Weights, Score]) -> None:
        highest[step] = max(score.selecting for score in scores.values())
        # the score alone decides, because all checkpoints of this run fail the same check
        best = sorted(kept[-1] | {step}, key=highest.__getitem__)[-2:]
        there = {load_checkpoint(path)["step"] for path in list_checkpoints(path.parent)}
        assert there == {step, running.choice().step, *best}
        kept.append(there)

    highest: dict[int, float] = {}
    running.run(on_checkpoint=look)
    assert max(map(len, kept)) == 3 and any(max(there) - min(there) > 6 for there in kept[1:])


def test_a_checkpoint_explains_itself(whole: Path) -> None:
    state = load_checkpoint(checkpoint_path(whole / "checkpoints", TOTAL))
    assert TrainConfig.model_validate(state["config"]) == tiny_config()
    assert Normalization.from_dict(state["normalization"]) == Normalization()
    assert state["step"] == TOTAL and state["data"]["num_a"] == 12
    assert state["painter"].keys() == {"config", "ema", "raw"} and state["averages"].keys() == {"g_ba"}
    assert not same(state["painter"]["ema"], state["painter"]["raw"])


@pytest.mark.parametrize("stops", [(1, 7), (4, 5, 23)])
def test_stopped_anywhere_and_resumed_a_run_ends_the_same(tmp_path: Path, whole: Path, stops: tuple[int, ...]) -> None:
    for stop in stops:
        running = trainer(tmp_path, tiny_config(log_every=3))
        step = running._step

        def stopping(watch: Any, step: Any = step, running: Trainer = running, stop: int = stop) -> None:
            if running.step == stop:
                raise Stop
            step(watch)

        running._step = stopping  # type: ignore[method-assign]
        with pytest.raises(Stop):
            running.run()
        found = load_newest(tmp_path / "checkpoints")
        assert found is not None and found[1]["step"] == stop
    trainer(tmp_path, tiny_config(keep=30)).run()
    last = [load_checkpoint(checkpoint_path(folder / "checkpoints", TOTAL)) for folder in (tmp_path, whole)]
    for key in last[0].keys() - {"config"}:
        assert same(last[0][key], last[1][key]), key
    clock = ("images_per_second", "data_share")
    assert csv_rows(tmp_path / "metrics.csv", *clock) == csv_rows(whole / "metrics.csv", *clock)
    assert (tmp_path / "scores.csv").read_bytes() == (whole / "scores.csv").read_bytes()


def train_in_child(folder: Path, settings: TrainConfig) -> multiprocessing.process.BaseProcess:
    # a fork, because torch is already imported, and is safe with one thread
    child = multiprocessing.get_context("fork").Process(target=lambda: trainer(folder, settings).run())
    child.start()
    return child


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_killed_ten_times_at_random_a_run_ends_the_same(tmp_path: Path) -> None:
    settings = tiny_config(schedule=LONG, checkpoint_every=10, log_every=1)
    whole, folder, chance = tmp_path / "whole", tmp_path / "killed", random.Random(os.environ.get("KILL_SEED", "7"))
    trainer(whole, settings).run()
    log, kills = folder / "metrics.csv", 0
    while (child := train_in_child(folder, settings)) and kills < 10:
        rows_before, more = size_of(log), chance.randint(1, 6)
        while size_of(log) < rows_before + more * ROW and child.is_alive():
            time.sleep(0.002)
        time.sleep(chance.random() * 0.05)
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        kills += 1
    child.join(timeout=200)
    assert child.exitcode == 0
    assert_same_run(whole, folder, total=LONG_TOTAL)
    assert [int(row["step"]) for row in csv_rows(folder / "metrics.csv")] == list(range(1, LONG_TOTAL + 1))


def test_a_signal_waits_for_the_step_and_finds_it_saved(tmp_path: Path) -> None:
    def raise_stop(*_: object) -> None:
        raise Stop

    previous = signal.signal(signal.SIGTERM, raise_stop)
    try:
        running = trainer(tmp_path)
        step = running._step

        def interrupted(watch: Any) -> None:
            if running.step == 9:
                signal.raise_signal(signal.SIGTERM)  # sent before the step, which must still be made
            step(watch)

        running._step = interrupted  # type: ignore[method-assign]
        with pytest.raises(Stop):
            running.run()
        assert signal.getsignal(signal.SIGTERM) is raise_stop
    finally:
        signal.signal(signal.SIGTERM, previous)
    found = load_newest(tmp_path / "checkpoints")
    assert found is not None and found[1]["step"] == 10


def test_control_c_saves_and_is_passed_on(tmp_path: Path) -> None:
    def interrupt(step: int, *_: object) -> None:
        if step == 6:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path).run(on_progress=interrupt)
    found = load_newest(tmp_path / "checkpoints")
    assert found is not None and found[1]["step"] == 6


def test_an_error_inside_a_step_saves_no_torn_state(tmp_path: Path) -> None:
    fail_in_the_middle_of(9, tmp_path)
    found = load_newest(tmp_path / "checkpoints")
    assert found is not None and found[1]["step"] == 6


def test_a_finished_run_is_not_trained_again(whole: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (whole / "checkpoints").iterdir()}
    trainer(whole).run(on_progress=lambda *_: pytest.fail("trained"))
    assert before == {path: path.stat().st_mtime_ns for path in (whole / "checkpoints").iterdir()}


def test_a_damaged_newest_checkpoint_costs_only_the_steps_since_the_one_before(
    tmp_path: Path, whole: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer(tmp_path).run()
    newest = checkpoint_path(tmp_path / "checkpoints", TOTAL)
    newest.write_bytes(newest.read_bytes()[:-100])
    with caplog.at_level(logging.WARNING):
        trainer(tmp_path).run()
    assert [record for record in caplog.messages if str(newest) in record]
    assert_same_run(whole, tmp_path)


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


def test_scoring_does_not_change_the_training(tmp_path: Path, whole: Path) -> None:
    trainer(tmp_path, images=training_data(held_out=0)).run()
    with_scores, without = (
        load_checkpoint(checkpoint_path(folder / "checkpoints", TOTAL)) for folder in (whole, tmp_path)
    )
    assert all(same(with_scores[part], without[part]) for part in ("painter", "method")) and without["scores"] == []
    assert not (tmp_path / "scores.csv").exists()


def test_three_images_are_enough(tmp_path: Path) -> None:
    trainer(
        tmp_path, tiny_config(schedule={"constant_epochs": 3, "decay_epochs": 1}), training_data(count=3, held_out=0)
    ).run()
    assert [load_checkpoint(path)["step"] for path in list_checkpoints(tmp_path / "checkpoints")] == [8, 6]


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
