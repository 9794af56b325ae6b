"""Tests the folder that a run leaves: its files, and which of its checkpoints are kept."""

from pathlib import Path

import pytest
import torch

from cyclegan.methods.cyclegan import CycleGan
from cyclegan.painting.checkpoint import Weights, load_checkpoint
from cyclegan.scoring.score import Score
from cyclegan.scoring.selection import faults
from cyclegan.training.checkpoints import list_checkpoints
from cyclegan.training.metrics import columns, forget_after
from tests.factories import (
    csv_rows,
    tiny_config,
    trainer,
    training_data,
)

torch.set_num_threads(1)


def test_rows_are_forgotten_whole_or_not_at_all(tmp_path: Path) -> None:
    """A kill while metrics.csv is rewritten must not cost its rows: it is replaced, not written over."""
    table, before = tmp_path / "metrics.csv", tmp_path / "before.csv"
    table.write_text("step,rate\n3,1\n6,1\n9,")
    before.hardlink_to(table)
    forget_after(table, 3)
    assert table.read_text() == "step,rate\n3,1\n"
    assert before.read_text() == "step,rate\n3,1\n6,1\n9,"


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
    highest: dict[int, tuple[bool, float]] = {}

    def look(step: int, path: Path, sample: Path, scores: dict[Weights, Score]) -> None:
        highest[step] = max((not faults(score), score.selecting) for score in scores.values())
        there = {load_checkpoint(path)["step"] for path in list_checkpoints(path.parent)}
        known, needed = kept[-1] | {step}, {step, running.choice().step}
        assert needed <= there <= known and len(there) <= 4
        worst = min(highest[each] for each in there - needed or known)
        assert all(highest[each] <= worst for each in known - there)
        kept.append(there)

    running.run(on_checkpoint=look)
    assert max(map(len, kept)) >= 3


def test_three_images_are_enough(tmp_path: Path) -> None:
    trainer(
        tmp_path, tiny_config(schedule={"constant_epochs": 3, "decay_epochs": 1}), training_data(count=3, held_out=0)
    ).run()
    assert [load_checkpoint(path)["step"] for path in list_checkpoints(tmp_path / "checkpoints")] == [8, 6]
