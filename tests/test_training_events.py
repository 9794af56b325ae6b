"""Tests event files by reading them with TensorBoard's own reader."""

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cyclegan.methods.cyclegan import CycleGan
from cyclegan.training.metrics import columns
from tests.factories import TOTAL, csv_rows, fail_in_the_middle_of, trainer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorBoard's dependencies warn
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

torch.set_num_threads(1)


def read(folder: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    accumulator.Reload()
    return accumulator


def steps(events: EventAccumulator, tag: str) -> list[int]:
    return [event.step for event in events.Scalars(tag)]


def test_losses_scores_and_sheets_are_in_the_event_files(tmp_path: Path) -> None:
    trainer(tmp_path).run()
    events, table = read(tmp_path / "events"), csv_rows(tmp_path / "metrics.csv")
    assert set(events.Tags()["scalars"]) >= {"training/cycle_a", "speed/images_per_second", "score/ema", "b_line/raw"}
    assert {tag.partition("/")[2] for tag in events.Tags()["scalars"]} - {"ema", "raw"} < set(columns(CycleGan.losses))
    written = [(event.step, event.value) for event in events.Scalars("training/cycle_a")]
    expected = [(int(row["step"]), float(row["cycle_a"])) for row in table if row["cycle_a"]]
    assert [step for step, _ in written] == [step for step, _ in expected]
    np.testing.assert_allclose([value for _, value in written], [value for _, value in expected], rtol=1e-5)
    scores = [float(row["value"]) for row in csv_rows(tmp_path / "scores.csv") if row["weights"] == "ema"]
    np.testing.assert_allclose([event.value for event in events.Scalars("score/ema")], scores, rtol=1e-5)
    images = events.Images("samples")
    assert [image.step for image in images] == [6, 12, 18, 24]
    with Image.open(tmp_path / "samples" / "step_000000024.png") as sheet:
        assert (images[-1].width, images[-1].height) == sheet.size


def test_a_resumed_run_has_each_step_once(tmp_path: Path) -> None:
    fail_in_the_middle_of(10, tmp_path)  # the row of step 9 is written, the checkpoint is of step 6
    assert steps(read(tmp_path / "events"), "training/rate")[-1] == 9
    trainer(tmp_path).run()
    events = read(tmp_path / "events")
    assert steps(events, "training/rate") == list(range(3, TOTAL + 1, 3))
    assert steps(events, "score/raw") == [6, 12, 18, 24]
    assert [image.step for image in events.Images("samples")] == [6, 12, 18, 24]
