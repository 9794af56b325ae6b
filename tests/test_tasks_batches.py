"""Tests the task runners: whichever runs the batches, the dataset and the rate of requests are the same."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import pandas as pd
import pytest

from demo.board import Board
from demo.drawings import Domain, Drawing
from demo.search import BoardPost
from deploy.child import Child
from deploy.ports import free_port
from irodori.errors import PipelineError
from storage import Manifest, open_storage
from tasks import task_runner
from tasks.batches import batch_size

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.slow]

ROOT = Path(__file__).resolve().parent.parent
FILES_PER_SECOND, AT_ONCE = 8, 1000
FLOW = """
import sys
from flows.build_dataset import build_dataset
from scraping.filters import PostFilter
from scraping.politeness import Politeness
from tasks.scrape import Query
lineart, colour = (Query(tags=tags, filter=PostFilter(min_side=32)) for tags in ("lineart", "-lineart"))
polite = Politeness(api_per_second=100, files_per_second=float(sys.argv[2]), backoff_s=0.01, retries=1)
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


def build(
    runner: str, folder: Path, board: Board, prefect_server: str, rate: float = AT_ONCE, scheduler: str = ""
) -> Left:
    """Runs the flow in a separate process, with this runner and two workers, and returns the manifest and the files."""
    storage = open_storage(folder.as_uri())
    env = os.environ | {
        "IRODORI_STORAGE": storage.url, "IRODORI_TASK_RUNNER": runner, "IRODORI_WORKERS": "2",
        "IRODORI_DASK_SCHEDULER": scheduler, "PREFECT_API_URL": prefect_server,
    }  # fmt: skip
    run = subprocess.run(
        [sys.executable, "-c", FLOW, board.url, str(rate)], env=env, cwd=ROOT, capture_output=True, text=True
    )
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
    table, files = build(runner, tmp_path, board, prefect_server, FILES_PER_SECOND)
    pictures = sum("/images/" in request.path for request in board.requests[before:])
    assert pictures == 40
    # each of the two processes may begin a download at the same time
    assert time.monotonic() - begun >= (pictures - 2 * 2) / FILES_PER_SECOND
    pd.testing.assert_frame_equal(table, by_threads[0])
    assert files == by_threads[1]


@contextmanager
def dask(*command: str, cwd: Path, ready: str) -> Iterator[None]:
    """Starts `dask` from its command line in some folder and waits until its log says that it is ready."""
    log = cwd / f"{command[0]}.log"
    started = [str(Path(sys.executable).parent / "dask"), *command, "--no-dashboard"]
    with chdir(cwd), Child(f"dask {command[0]}", started, log=log, env=os.environ) as child:
        child.wait_until(lambda: ready in log.read_text(), seconds=120)
        yield


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    address = f"tcp://127.0.0.1:{(port := free_port())}"
    with dask("scheduler", "--host", "127.0.0.1", "--port", str(port), cwd=tmp_path, ready="Scheduler at"):
        yield address


def test_the_same_dataset_from_a_cluster_of_ones_own(
    by_threads: Left, board: Board, prefect_server: str, tmp_path: Path, scheduler: str
) -> None:
    with dask("worker", scheduler, "--nworkers", "2", "--nthreads", "1", cwd=tmp_path, ready="Registered to"):
        table, files = build("dask", tmp_path / "storage", board, prefect_server, scheduler=scheduler)
    pd.testing.assert_frame_equal(table, by_threads[0])
    assert files == by_threads[1]
    assert "PrefectDaskClient" in (tmp_path / "scheduler.log").read_text()


def test_a_cluster_that_cannot_work_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: Callable[..., None], scheduler: str
) -> None:
    monkeypatch.setattr(task_runner, "_SECONDS_TO_ANSWER", 2)
    nobody = f"tcp://127.0.0.1:{free_port()}"
    environment(task_runner="dask", dask_scheduler=nobody)
    with pytest.raises(PipelineError, match=f"no Dask scheduler answers at {nobody}: start `dask scheduler`"):
        task_runner.check_task_runner("tasks.scrape")
    environment(dask_scheduler="somewhere")
    with pytest.raises(PipelineError, match=r"IRODORI_DASK_SCHEDULER: .*'somewhere' is no address"):
        task_runner.check_task_runner("tasks.scrape")
    environment(dask_scheduler=scheduler)
    with pytest.raises(PipelineError, match=f"no workers: start `dask worker {scheduler}`"):
        task_runner.check_task_runner("tasks.scrape")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other"))
    (tmp_path / "other" / "tasks").mkdir(parents=True)
    (tmp_path / "other" / "tasks" / "__init__.py").touch()
    with dask("worker", scheduler, "--nthreads", "1", cwd=tmp_path, ready="Registered to"):
        with pytest.raises(PipelineError, match=r"1 of 1 Dask workers cannot run Irodori.*tasks.*install the checkout"):
            task_runner.check_task_runner("tasks.scrape")


def test_batches_are_large_but_leave_each_worker_one(environment: Callable[..., None]) -> None:
    environment(workers="4")
    assert [batch_size(range(number), 256) for number in (0, 1, 8, 700, 5000)] == [1, 1, 2, 175, 256]


def test_a_runner_that_does_not_exist_is_named() -> None:
    env = os.environ | {"IRODORI_TASK_RUNNER": "hamsters"}
    run = subprocess.run([sys.executable, "-c", FLOW], env=env, cwd=ROOT, capture_output=True, text=True)
    assert "IRODORI_TASK_RUNNER: Input should be 'threads', 'processes' or 'dask'" in run.stderr
