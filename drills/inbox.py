"""Kills two colorizers of one inbox with SIGKILL at random moments while files arrive (``python -m drills.inbox``).

Writers add drawings, in a folder piece by piece under their final names; some names get other contents later, and some
files are broken. Meanwhile the storage fails at random: the disk is full or read-only, requests to S3 break off or go
unanswered. The drill then checks that

- each drawing has left the inbox, either with exactly the output and the layers that an undisturbed colorizer makes of
  its last contents or with the reason for its failure,
- two processes never coloured the same drawing at the same time,
- each folder has an up-to-date contact sheet,
- each failed run ended with one line.

Exit status 0: all of this holds.
"""

import json
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.harness import print_table
from demo.drawings import Drawing
from deploy.prefect_server import prefect_server
from deploy.seaweed import SeaweedFS
from drills.outcome import Arrival, coloured, events, stale, untold, wait_until_quiet, wrong
from drills.unreliable_storage import Outage, Outages, UnreliableS3, small_disk
from imaging.formats import LayerFile
from imaging.layer_files import Coloured
from storage import Storage, open_storage

BURST, SIDE, MODEL, SETTLE = 6, 160, "drill", 0.4
_PROCESSES = multiprocessing.get_context("forkserver")
_Colorizer = multiprocessing.context.ForkServerProcess


@dataclass(frozen=True)
class _Place:
    """A storage to drill.

    Attributes:
        kind: what the table calls it.
        url: the storage.
        endpoint: address at which the colorizers reach S3.
        log: file in which the colorizers log their events, one JSON array a line.
        outages: the ways in which this storage can fail.
    """

    kind: str
    url: str
    endpoint: str
    log: Path
    outages: list[Outage]


def main(
    kills: Annotated[int, typer.Option(min=1, help="How many kills on each storage")] = 20,
    seed: Annotated[int, typer.Option(help="Decides the files and the moments")] = 0,
) -> None:
    """Kill colorizers at random moments and see that every drawing has one right output or one reason."""
    with tempfile.TemporaryDirectory(prefix="irodori-drill-") as name, prefect_server(Path(name)):
        folder = Path(name)
        rng = random.Random(seed)
        with (
            SeaweedFS(folder / "s3") as s3,
            UnreliableS3(s3.endpoint, rng) as proxy,
            small_disk(folder / "storage") as disk_outages,
        ):
            os.environ.update(s3.environment, IRODORI_WORKERS="2")
            s3.create_bucket("drill")
            _PROCESSES.set_forkserver_preload(
                ["flows.colorize_inbox", "cyclegan.painting.files", "cyclegan.painting.colorizer"]
            )
            checkpoint = _save_checkpoint(folder / "drill.pt")
            places = [
                _Place("folder", (folder / "storage").as_uri(), proxy.endpoint, folder / "folder.log", disk_outages),
                _Place("S3", "s3://drill", proxy.endpoint, folder / "S3.log", [proxy.outage]),
            ]
            drills = [_drill(place, checkpoint, kills, random.Random(seed)) for place in places]
            print(f"\nrequests to S3 that failed: {dict(proxy.faults)}", flush=True)
    head = ["storage", "kills", "outages", "runs failed", "drawings", "coloured", "again", "in two hands", "wrong"]
    print_table(head, drills)
    if any(row[-1] or row[-2] for row in drills):
        sys.exit(1)


def _drill(place: _Place, checkpoint: Path, kills: int, rng: random.Random) -> list[object]:
    """Drills one storage and returns its row of the table."""
    storage = open_storage(place.url)
    storage.upload(checkpoint, f"models/{MODEL}/drill.pt")
    best = {"checkpoint": f"models/{MODEL}/drill.pt", "weights": "ema"}
    storage.write(f"models/{MODEL}/best.json", json.dumps(best).encode())
    arrivals = _arrivals(kills * BURST)
    colorizers = [_start(place) for _ in range(2)]
    with Outages(place.outages, random.Random(rng.random())) as outages:
        killed = _kill_again_and_again(place, storage, colorizers, arrivals, kills, rng)
    wait_until_quiet(storage)
    for process in colorizers:
        process.kill()
        process.join()
    expected = {arrival.name: arrival for arrival in arrivals}
    faults = [*wrong(storage, checkpoint, expected), *untold(place.log), *stale(storage)]
    for line in faults:
        print(f"{place.kind}: {line}", flush=True)
    done, twice = coloured(place.log, killed)
    again = done.total() - len(done)
    stopped = sum(event.what == "stopped" for event in events(place.log))
    figures = [len(killed), outages.count, stopped, len(expected), len(done), again, twice, len(faults)]
    return [place.kind, *figures]


def _kill_again_and_again(
    place: _Place,
    storage: Storage,
    colorizers: list[_Colorizer],
    arrivals: list[Arrival],
    kills: int,
    rng: random.Random,
) -> dict[int, float]:
    """Adds drawings and kills a colorizer after each burst of them.

    Args:
        place: the storage to drill.
        storage: the same, opened.
        colorizers: the running processes; each killed one is replaced.
        arrivals: the drawings to add, BURST for each kill.
        kills: how many processes to kill.
        rng: decides which process to kill and when.

    Returns:
        When each process was killed, in seconds of time.monotonic(), by process id.
    """
    killed: dict[int, float] = {}
    while len(killed) < kills:
        burst = arrivals[len(killed) * BURST : (len(killed) + 1) * BURST]
        writer = threading.Thread(target=_drop, args=(storage, burst, random.Random(rng.random())))
        begun = time.monotonic()
        writer.start()
        victim = _wait_until_busy(place.log, colorizers, begun, rng)
        time.sleep(rng.uniform(0, 4))
        colorizers[victim].kill()
        colorizers[victim].join()
        killed[colorizers[victim].pid or 0] = time.monotonic()
        colorizers[victim] = _start(place)
        writer.join()
        print(f"{place.kind}: kill {len(killed)}, {sum(1 for _ in storage.list('done/'))} drawings done", flush=True)
    return killed


def _arrivals(total: int) -> list[Arrival]:
    """Makes the files to add: one is no picture, each tenth is truncated, each fifth reuses an earlier file's name."""
    arrivals = [Arrival("notes.txt", b"remember the milk", False)]
    for number in range(1, total):
        whole = Drawing(2000 + number).render("A", SIDE)
        as_before = number % 5 == 0 and number > 20
        name = f"page {number // 40}/線画 {number}.png"
        if number % 10 == 3:
            arrivals.append(Arrival(name, whole[:400], False))
        else:
            arrivals.append(Arrival(arrivals[number - 19].name if as_before else name, whole, True))
    return arrivals


def _wait_until_busy(log: Path, colorizers: list[_Colorizer], since: float, rng: random.Random) -> int:
    """Waits until a colorizer works on a drawing and returns its index.

    After 3 or 30 seconds it returns a random index, so that kills also hit idle colorizers.
    """
    deadline = since + rng.choice((3, 30, 30))
    pids = {process.pid: place for place, process in enumerate(colorizers)}
    while time.monotonic() < deadline:
        busy = [event.pid for event in events(log) if event.at > since and event.pid in pids]
        if busy:
            return pids[rng.choice(busy)]
        time.sleep(0.05)
    return rng.randrange(len(colorizers))


def _drop(storage: Storage, arrivals: list[Arrival], rng: random.Random) -> None:
    """Writes files slowly, in a folder piece by piece; a write that fails starts again from the beginning."""
    for arrival in arrivals:
        if storage.url.startswith("file:"):
            path = Path(storage.url.removeprefix("file://"), "inbox", arrival.name)
            while not _copied(arrival.data, path, rng):
                time.sleep(0.2)
        else:
            storage.write(f"inbox/{arrival.name}", arrival.data)
        time.sleep(rng.uniform(0, 0.3))


def _copied(data: bytes, path: Path, rng: random.Random) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start in range(0, len(data), 4000):
                file.write(data[start : start + 4000])
                file.flush()
                time.sleep(rng.uniform(0, SETTLE / 2))
    except OSError:
        return False
    return True


def _start(place: _Place) -> _Colorizer:
    process = _PROCESSES.Process(target=_run, args=(place.url, place.endpoint, place.log), daemon=True)
    process.start()
    return process


def _run(url: str, endpoint: str, log: Path) -> None:
    """Colorizes the inbox in an endless loop and logs the events; called in a new process."""
    os.environ.update(IRODORI_STORAGE=url, AWS_ENDPOINT_URL_S3=endpoint)
    import torch
    from prefect.exceptions import FailedRun

    from cyclegan.painting import files
    from flows.colorize_inbox import colorize_inbox
    from irodori.settings import settings

    settings.cache_clear()  # the fork server's preloading cached other settings
    torch.set_num_threads(1)
    plain = files.colorize_file

    def note(what: str, name: str, data: bytes) -> None:
        with log.open("a") as file:  # a single append, so that lines of two processes do not mix
            file.write(json.dumps([os.getpid(), what, name, zlib.crc32(data), time.monotonic()]) + "\n")

    def noted(paint: object, data: bytes, name: str, layers: Sequence[LayerFile] = ()) -> Coloured:
        note("begun", name, data)
        end = "failed"
        try:
            result = plain(paint, data, name, layers)  # type: ignore[arg-type]
            end = "coloured"
            return result
        finally:
            note(end, name, data)

    files.colorize_file = noted
    while True:
        try:
            colorize_inbox(MODEL, settle_seconds=SETTLE, finished="move", layers=[LayerFile.ORA])
        except FailedRun as error:
            note("stopped", str(error), b"")
        except Exception as error:  # what a user would see as a traceback
            note("stopped", f"{error!r}\n", b"")
        time.sleep(0.2)


def _save_checkpoint(path: Path) -> Path:
    """Saves a checkpoint of an untrained generator: the colours do not matter here."""
    import torch

    from cyclegan.painting.checkpoint import save_checkpoint
    from cyclegan.painting.config import GeneratorConfig
    from cyclegan.painting.networks import init_weights
    from cyclegan.painting.painter import Painter
    from imaging.lineart import Normalization

    config = GeneratorConfig(blocks=1, ngf=4)
    painter = Painter(config)
    init_weights(painter, torch.Generator().manual_seed(0))
    content = {
        "step": 0,
        "painter": {"config": config.model_dump(), "ema": painter.state_dict()},
        "normalization": Normalization().to_dict(),
        "lineart": {"size": 32, "examples": None},
    }
    save_checkpoint(path, content)
    return path


if __name__ == "__main__":
    typer.run(main)
