"""Tests that runs that are stopped, killed or damaged and then resumed end as one that nothing interrupted."""

import logging
import multiprocessing
import os
import random
import signal
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
import torch

from cyclegan.painting.checkpoint import load_checkpoint
from cyclegan.training.checkpoints import checkpoint_path, load_newest
from cyclegan.training.config import TrainConfig
from imaging.lineart import Normalization
from tests.factories import (
    TOTAL,
    Stop,
    assert_same_run,
    csv_rows,
    fail_in_the_middle_of,
    run_until,
    same,
    tiny_config,
    trainer,
    training_data,
)

pytestmark = pytest.mark.slow

torch.set_num_threads(1)
LONG, LONG_TOTAL = {"warm_up_epochs": 1, "constant_epochs": 10, "decay_epochs": 9}, 120
# forked from a fresh process that has imported torch, and not from this one with the threads of other tests
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.factories"])
ROW = 60  # fewest bytes of a row of metrics.csv


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes an uninterrupted run to compare with."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    trainer(folder).run()
    return folder


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
        run_until(trainer(tmp_path, tiny_config(log_every=3)), stop)
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
    child = PROCESSES.Process(target=train_alone, args=(folder, settings))
    child.start()
    return child


def train_alone(folder: Path, settings: TrainConfig) -> None:
    """Trains in a process whose errors would otherwise be told to nobody."""
    torch.set_num_threads(1)
    try:
        trainer(folder, settings).run()
    except BaseException:
        folder.with_suffix(".error").write_text(traceback.format_exc())
        raise


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
    error = folder.with_suffix(".error")
    assert child.exitcode == 0, error.read_text() if error.exists() else ""
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


def test_scoring_does_not_change_the_training(tmp_path: Path, whole: Path) -> None:
    trainer(tmp_path, images=training_data(held_out=0)).run()
    with_scores, without = (
        load_checkpoint(checkpoint_path(folder / "checkpoints", TOTAL)) for folder in (whole, tmp_path)
    )
    assert all(same(with_scores[part], without[part]) for part in ("painter", "method")) and without["scores"] == []
    assert not (tmp_path / "scores.csv").exists()
