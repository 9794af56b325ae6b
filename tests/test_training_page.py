"""Tests the page in a run's folder: what it contains and what it leaves out."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cyclegan.scoring.selection import Choice
from cyclegan.training.page import MAX_POINTS, Standing, write_page

CHOICE = Choice(20, "ema", 71.5, {"b_line": 0.1}, "averaged weights of step 20: score 71.5")
CONFIG = {
    "config": {"generator": {"blocks": 2, "ngf": 8, "palette": 0}, "data": {"crop": 32}, "batch": 1},
    "data": {"num_a": 5, "num_b": 6},
    "total_steps": 30,
}


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Makes the folder of a run with two checkpoints."""
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "samples").mkdir()
    for step in (20, 10):
        (tmp_path / "samples" / f"step_{step:09d}.png").write_bytes(b"")
    write_table(
        tmp_path / "metrics.csv",
        [{"step": step, "cycle_a": 1 / step, "identity_a": ""} for step in range(1, 21)],
    )
    scores = [(10, "ema", 60.25), (10, "raw", 50.0), (20, "ema", 71.5), (20, "raw", 40.125)]
    write_table(
        tmp_path / "scores.csv", [{"step": s, "weights": w, "value": value, "b_line": 0.5} for s, w, value in scores]
    )
    return tmp_path


def content(folder: Path, choice: Choice = CHOICE) -> dict[str, Any]:
    write_page(folder, choice)
    page = (folder / "index.html").read_text("utf-8")
    found = re.search(r'<script type="application/json" id="run">(.*?)</script>', page, re.S)
    assert found is not None
    return dict(json.loads(found[1]))


def test_the_page_carries_what_the_folder_holds(folder: Path) -> None:
    run = content(folder)
    assert [sample["step"] for sample in run["samples"]] == [10, 20]
    assert all((folder / sample["file"]).exists() for sample in run["samples"])
    assert run["scores"]["ema"] == {"step": [10, 20], "value": [60.25, 71.5], "b_line": [0.5, 0.5]}
    assert run["scores"]["raw"]["value"] == [50, 40.12]
    assert run["metrics"]["step"] == list(range(1, 21)) and run["metrics"]["cycle_a"][2] == 0.3333
    assert run["metrics"]["identity_a"] == [None] * 20
    assert run["choice"] == {"step": 20, "weights": "ema", "score": 71.5, "parts": {"b_line": 0.1}} | {
        "reason": "averaged weights of step 20: score 71.5"
    }
    assert run["config"]["total_steps"] == 30


def test_the_page_says_which_other_run_serves(folder: Path) -> None:
    assert content(folder)["standing"] == {"serves": True, "beside": ""}
    write_page(folder, CHOICE, Standing(False, "The model goes on serving run r."))
    page = (folder / "index.html").read_text("utf-8")
    assert '"standing": {"serves": false, "beside": "The model goes on serving run r."}' in page


def test_the_page_needs_nothing_but_the_samples(folder: Path) -> None:
    write_page(folder, CHOICE)
    page = (folder / "index.html").read_text("utf-8")
    # the only address is an XML namespace, which is never fetched
    assert set(re.findall(r"https?://[^\"' ]+", page)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(link|iframe)|\b(src|href)=|@import|url\(|fetch\(", page)
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "index.html", "metrics.csv", "samples", "scores.csv",
    }  # fmt: skip


def test_long_curves_are_averaged(folder: Path) -> None:
    rows = 4 * MAX_POINTS + 1
    write_table(folder / "metrics.csv", [{"step": n, "cycle_a": n % 2, "pseudo_a": n or ""} for n in range(rows)])
    metrics = content(folder)["metrics"]
    assert len(metrics["step"]) <= MAX_POINTS
    assert metrics["step"][0] == 2.0 and metrics["cycle_a"][0] == 0.4  # means over the steps 0, 1, 2, 3, 4
    assert metrics["pseudo_a"][0] == 2.5


def test_without_scores_and_steps_there_is_a_page(folder: Path) -> None:
    (folder / "scores.csv").unlink()
    (folder / "metrics.csv").unlink()
    run = content(folder, Choice(20, "ema", 0.0, {}, "the newest, not scored"))
    assert run["scores"] == {"ema": {}, "raw": {}} and run["metrics"] == {}


def test_a_loss_that_is_no_number_does_not_cost_the_page(folder: Path) -> None:
    write_table(folder / "metrics.csv", [{"step": 1, "cycle_a": "nan"}, {"step": 2, "cycle_a": "inf"}])
    assert content(folder)["metrics"]["cycle_a"] == [None, None]


def test_text_cannot_leave_its_place(folder: Path) -> None:
    reason = "</script><b>&\u00e4"
    assert content(folder, Choice(20, "ema", 0.0, {}, reason))["choice"]["reason"] == reason
