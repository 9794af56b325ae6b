"""One setting chooses what runs the batches; the dataset is the same whichever it is, and as politely made."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from demo.board import Board
from demo.drawings import Domain, Drawing
from demo.search import BoardPost
from storage import Manifest, open_storage

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.slow]

ROOT = Path(__file__).resolve().parent.parent
FILES_PER_SECOND = 8
FLOW = f"""
import sys
from flows.build_dataset import build_dataset
from scraping.filters import PostFilter
from scraping.politeness import Politeness
from tasks.scrape import Query
lineart, colour = (Query(tags=tags, filter=PostFilter(min_side=32)) for tags in ("lineart", "-lineart"))
polite = Politeness(api_per_second=100, files_per_second={FILES_PER_SECOND}, backoff_s=0.01, retries=1)
build_dataset("tiny", lineart, colour, 48, sys.argv[1], polite)
"""
Left = tuple[pd.DataFrame, dict[str, bytes]]


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    domains: tuple[tuple[Domain, int], ...] = (("A", 0), ("B", 500))
    drawings = [(Drawing(first + n), domain) for domain, first in domains for n in range(20)]
    posts = [
        BoardPost(id=100 + n, data=drawing.render(domain, 64), tags=drawing.tags(domain), width=64, height=64)
        for n, (drawing, domain) in enumerate(drawings)
    ]
    with Board(posts[::-1]) as board:
        yield board


def build(runner: str, folder: Path, board: Board, prefect_server: str) -> Left:
    """What a flow run of its own process leaves, with this runner and two workers."""
    storage = open_storage(folder.as_uri())
    env = os.environ | {
        "IRODORI_STORAGE": storage.url, "IRODORI_TASK_RUNNER": runner, "IRODORI_WORKERS": "2",
        "PREFECT_API_URL": prefect_server,
    }  # fmt: skip
    run = subprocess.run([sys.executable, "-c", FLOW, board.url], env=env, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    manifest = Manifest(storage, "datasets/tiny/manifest.csv")
    keys = [entry.key for entry in storage.list("datasets/") if entry.key != manifest.key]
    return manifest.load().drop(columns="updated_at"), {key: storage.read(key) for key in keys}


@pytest.fixture(scope="module")
def by_threads(board: Board, prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Left:
    return build("threads", tmp_path_factory.mktemp("threads"), board, prefect_server)


@pytest.mark.parametrize("runner", ["processes", "dask"])
def test_the_same_dataset_and_pace_from_every_runner(
    runner: str, by_threads: Left, board: Board, prefect_server: str, tmp_path: Path
) -> None:
    before = len(board.requests)
    begun = time.monotonic()
    table, files = build(runner, tmp_path, board, prefect_server)
    pictures = sum("/images/" in request.path for request in board.requests[before:])
    assert pictures == 40
    # each of two processes may begin a download at once
    assert time.monotonic() - begun >= (pictures - 2 * 2) / FILES_PER_SECOND
    pd.testing.assert_frame_equal(table, by_threads[0])
    assert files == by_threads[1]


def test_a_runner_that_does_not_exist_is_named() -> None:
    env = os.environ | {"IRODORI_TASK_RUNNER": "hamsters"}
    run = subprocess.run([sys.executable, "-c", FLOW], env=env, cwd=ROOT, capture_output=True, text=True)
    assert "IRODORI_TASK_RUNNER: Input should be 'threads', 'processes' or 'dask'" in run.stderr
