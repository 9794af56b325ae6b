"""Kills build-dataset with SIGKILL at random moments, on a folder and on S3 (``python -m drills.build``).

The drill restarts each killed run until it completes. Then its manifest (except the times) and every other byte must
equal those of an undisturbed run. Fresh runs follow until enough kills have hit. Exit status 0: all runs were equal.
"""

import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from benchmarks.harness import print_table
from demo.board import Board
from demo.drawings import Domain, Drawing
from demo.search import BoardPost
from deploy.prefect_server import prefect_server
from deploy.seaweed import SeaweedFS
from storage import Manifest, Storage, open_storage

DATASET, SIZE, PER_DOMAIN = "drill", 48, 60
_BEGUN = "begun"
_PROCESSES = multiprocessing.get_context("forkserver")  # starts a real process in a tenth of a second


def main(
    kills: Annotated[int, typer.Option(min=1, help="How many kills must hit on each storage")] = 25,
    seed: Annotated[int, typer.Option(help="Decides the moments")] = 0,
) -> None:
    """Kill build-dataset at random moments and compare what it leaves with an undisturbed run."""
    with tempfile.TemporaryDirectory(prefix="irodori-drill-") as name, prefect_server(Path(name)), _board() as board:
        folder = Path(name)
        with SeaweedFS(folder / "s3") as s3:
            os.environ.update(s3.environment)
            s3.create_bucket("drill")
            _PROCESSES.set_forkserver_preload(["flows.build_dataset"])
            drills = [
                _drill(kind, url, board.url, kills, random.Random(seed))
                for kind, url in (("folder", (folder / "storage").as_uri()), ("S3", "s3://drill"))
            ]
    print_table(["storage", "kills", "during", "builds finished", "rows", "files", "differ"], drills)
    if any(row[-1] for row in drills):
        sys.exit(1)


def _drill(kind: str, url: str, board: str, kills: int, rng: random.Random) -> list[object]:
    """Drills one storage and returns its row of the table."""
    wanted_url = f"{url}/undisturbed"
    seconds = _build(wanted_url, board)
    assert seconds is not None  # it was not killed
    wanted = _left_by(open_storage(wanted_url))
    assert len(wanted[0]) > 2 * PER_DOMAIN
    hits: Counter[str] = Counter()
    builds = differ = 0
    while hits.total() < kills:
        builds += 1
        mine = f"{url}/build-{builds}"
        while _build(mine, board, kill_after=rng.uniform(0, seconds)) is None:
            hits[_stage_reached(open_storage(mine))] += 1
            print(f"{kind}: kill {hits.total()}, build {builds}", flush=True)
        differ += not _same(_left_by(open_storage(mine)), wanted)
    during = ", ".join(f"{number} {stage}" for stage, number in hits.items())
    return [kind, hits.total(), during, builds, len(wanted[0]), len(wanted[1]), differ]


def _build(url: str, board: str, kill_after: float | None = None) -> float | None:
    """Runs build-dataset in a new process.

    Args:
        url: the storage.
        board: address of the board.
        kill_after: seconds after the start of the work at which to kill the process; None: never.

    Returns:
        Seconds from the start of the work to the end of the process, or None if it was killed.
    """
    process = _PROCESSES.Process(target=_run, args=(url, board))
    process.start()
    _wait_for_work(open_storage(url), process)
    begun = time.monotonic()
    process.join(kill_after)
    process.kill()
    process.join()
    if process.exitcode == -signal.SIGKILL:
        return None
    if process.exitcode != 0:
        sys.exit(f"the run ended with status {process.exitcode}: see its log above")
    return time.monotonic() - begun


def _wait_for_work(storage: Storage, process: BaseProcess) -> None:
    """Waits until the run has marked its storage as begun: Prefect's start takes longer than the work."""
    storage.delete(_BEGUN)
    while not storage.exists(_BEGUN) and process.is_alive():
        time.sleep(0.02)


def _run(url: str, board: str) -> None:
    """Runs build-dataset; called in a new process."""
    os.environ["IRODORI_STORAGE"] = url
    from flows.build_dataset import build_dataset
    from irodori.settings import settings
    from scraping.filters import PostFilter
    from scraping.politeness import Politeness
    from tasks.scrape import Query

    settings.cache_clear()  # the fork server's preloading cached other settings
    lineart, colour = (Query(tags=tags, filter=PostFilter(min_side=32)) for tags in ("lineart", "-lineart"))
    politeness = Politeness(api_per_second=200, files_per_second=1000, connections=8, backoff_s=0.01, retries=1)
    build_dataset.on_running(_mark_begun)  # type: ignore[arg-type]
    build_dataset(DATASET, lineart, colour, SIZE, board, politeness, wrong_domain="move")


def _mark_begun(*_: Any) -> None:
    open_storage(os.environ["IRODORI_STORAGE"]).write(_BEGUN, b"")


def _left_by(storage: Storage) -> tuple[pd.DataFrame, dict[str, bytes]]:
    """Returns the manifest without its times, and the contents of all other files of the dataset by key."""
    manifest = Manifest(storage, f"datasets/{DATASET}/manifest.csv")
    keys = [entry.key for entry in storage.list("datasets/") if entry.key != manifest.key]
    return manifest.load().drop(columns="updated_at"), {key: storage.read(key) for key in keys}


def _same(one: tuple[pd.DataFrame, dict[str, bytes]], other: tuple[pd.DataFrame, dict[str, bytes]]) -> bool:
    return one[0].equals(other[0]) and one[1] == other[1]


def _stage_reached(storage: Storage) -> str:
    """Returns the last stage that has rows, or "listing" if none has."""
    counted = Manifest(storage, f"datasets/{DATASET}/manifest.csv").summary()
    return str(counted[-1]["stage"]) if counted else "listing"


def _board() -> Board:
    """Makes a board with portraits of both domains, two copies, a truncated file and a wrongly tagged drawing."""
    domains: tuple[tuple[Domain, int], ...] = (("A", 0), ("B", 500))
    pictures = [
        (Drawing(seed).render(domain, 64), Drawing(seed).tags(domain))
        for domain, first in domains
        for seed in range(first, first + PER_DOMAIN)
    ]
    (data, tags), (other, _) = pictures[0], pictures[-1]
    pictures += [(data, tags), (data[:900], tags), (other, tags), (Drawing(900).render("A", 64), "solo")]
    posts = [
        BoardPost(id=100 + n, data=data, tags=tags, width=64, height=64) for n, (data, tags) in enumerate(pictures)
    ]
    return Board(posts[::-1])


if __name__ == "__main__":
    typer.run(main)
