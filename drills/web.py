"""Kills the web page, its painter and a second painter with SIGKILL at random moments (``python -m drills.web``).

Meanwhile artists upload drawings, change them, and ask for files; who is not answered tries again. The drill then
checks that

- each drawing that was accepted is coloured, with exactly the bytes that an undisturbed painter leaves,
- what was changed last is what is kept, and each file has exactly the bytes of an undisturbed one,
- no job was ever given to a painter while another one held it.

Exit status 0: all of this holds.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import requests
import typer

from benchmarks.harness import print_table
from demo.drawings import HELD_OUT_SEEDS, Drawing
from deploy.ports import free_port
from irodori.models import Model
from irodori.settings import settings
from irodori.web.blobs import Blobs, edits_name, export_name, new_id
from irodori.web.edits import Edits
from irodori.web.limits import OWN
from irodori.web.painter import Painter
from irodori.web.rows import NewDrawing, Rows
from storage import open_storage

SIDE, ARTISTS, PAUSE = 200, 3, (1.0, 6.0)  # px; people at work; seconds between two kills
_DATA = ("labels", "planes", "legend")
_WATCH = """
CREATE TABLE hands (job INTEGER, one TEXT, other TEXT);
CREATE TRIGGER watch AFTER UPDATE OF owner ON web_jobs
WHEN NEW.owner != '' AND OLD.owner != NEW.owner AND OLD.lease_until > unixepoch('subsec')
BEGIN INSERT INTO hands VALUES (OLD.id, OLD.owner, NEW.owner); END;
"""


@dataclass
class Work:
    """What one artist was promised for one drawing.

    Attributes:
        seed: of the drawing.
        id: its id.
        edits: the last that were accepted.
        place: where the file is that was asked for; "" if none was.
    """

    seed: int
    id: str
    edits: dict[str, Any] = field(default_factory=dict)
    place: str = ""


class Crew:
    """The page with its painter, and a second painter; starts again what was killed."""

    def __init__(self, model: str, storage: str, database: str) -> None:
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self._env = os.environ | {"IRODORI_STORAGE": storage, "IRODORI_DATABASE": database}
        self._painter = [model, "--storage", storage, "--database", database]
        self._model, self._number = model, 0
        self.start_page()
        self.start_painter()

    def start_page(self) -> None:
        command = ["irodori.cli.start", "serve", self._model, "--port", str(self._port)]
        self.page = self._start(*command)

    def start_painter(self) -> None:
        self._number += 1
        self.second = self._start("irodori.web.painter", *self._painter, "--owner", f"second-{self._number}")

    def _start(self, *command: str) -> "subprocess.Popen[bytes]":
        quiet = subprocess.DEVNULL
        arguments = [sys.executable, "-m", *command]
        return subprocess.Popen(arguments, env=self._env, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet)

    def kill(self, victim: str) -> bool:
        """Kills "page", "painter" or "second", and starts it again; returns whether it was there."""
        if victim == "page":
            self.page.kill()
            self.page.wait()
            self.start_page()
        elif victim == "second":
            self.second.kill()
            self.second.wait()
            self.start_painter()
        else:  # the page starts it again
            threads = Path(f"/proc/{self.page.pid}/task").glob("*/children")
            children = [int(child) for thread in threads for child in thread.read_text().split()]
            for child in children[:1]:
                os.kill(child, signal.SIGKILL)
            return bool(children)
        return True

    def stop(self) -> None:
        for process in (self.page, self.second):
            process.kill()
            process.wait()


def insist(call: Callable[[], requests.Response]) -> requests.Response:
    """Calls again until somebody answers, and has room."""
    while True:
        try:
            answer = call()
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.2)
            continue
        if answer.status_code < 500:
            return answer
        time.sleep(0.5)


def paint(address: str, random_: random.Random, over: threading.Event, done: list[Work]) -> None:
    """One artist: uploads, changes, asks for files, until it is over."""
    while not over.is_set():
        seed = random_.choice(HELD_OUT_SEEDS)
        data = Drawing(seed).render("A", SIDE)
        accepted = insist(lambda data=data: requests.post(f"{address}/api/drawings", data=data, timeout=30))  # type: ignore[misc]
        work = Work(seed, accepted.json()["id"])
        done.append(work)
        place = f"{address}/api/drawings/{work.id}"
        for version in range(random_.randrange(3)):
            hint = {"x": random_.random(), "y": random_.random(), "colour": f"#{random_.randrange(1 << 24):06x}"}
            edits = {"variant": random_.randint(1, 4), "hints": [hint]}
            _change(place, edits, version)
            work.edits = edits
        if random_.random() < 0.7:
            asked = insist(lambda place=place: requests.post(f"{place}/exports/png", timeout=30))  # type: ignore[misc]
            work.place = asked.json()["place"]
        over.wait(random_.uniform(0.2, 1.5))


def _change(place: str, edits: Mapping[str, Any], version: int) -> None:
    """Saves edits; an answer that was lost shows as a version that is there already."""
    headers = {"If-Match": f'"{version}"'}
    answer = insist(lambda: requests.put(f"{place}/edits", json=edits, headers=headers, timeout=30))
    if not answer.ok and answer.status_code != 412:
        raise AssertionError(answer.text)


class Alone:
    """A painter that nobody disturbs, and what it leaves."""

    def __init__(self, model: str, folder: Path) -> None:
        url = folder.as_uri()
        self._model, self._blobs, self._rows = model, Blobs(url), Rows(f"sqlite:///{folder / 'web.sqlite'}")
        self._painter = Painter(self._rows, url, OWN, "alone")

    def __call__(self, work: Work) -> tuple[dict[str, bytes], bytes]:
        """Returns the files for a browser, and the export."""
        data, id_ = Drawing(work.seed).render("A", SIDE), new_id()
        self._blobs.write(id_, "drawing", data)
        edits = Edits.model_validate(work.edits).model_dump_json(exclude_none=True)
        self._rows.accept(NewDrawing(id_, "drawing", self._model, "", len(data), edits=edits), OWN)
        self._painter.work()
        self._blobs.write(id_, edits_name(0), edits.encode())
        self._rows.ask(id_, "png", 0, OWN)
        self._painter.work()
        return {name: self._blobs.read(id_, name) for name in _DATA}, self._blobs.read(id_, export_name(0, "png"))

    def close(self) -> None:
        self._painter.close()
        self._rows.close()


def check(address: str, work: Work, alone: Alone, blobs: Blobs) -> list[str]:
    """Waits for a drawing and its file, and returns what is wrong with them."""
    place, wrong = f"{address}/api/drawings/{work.id}", []
    while (state := insist(lambda: requests.get(place, timeout=30)).json().get("state")) in ("waiting", "painting"):
        time.sleep(0.2)
    if state != "done":
        return [f"lost: {state}"]
    kept = Edits.model_validate_json(insist(lambda: requests.get(f"{place}/edits", timeout=30)).content)
    if kept != Edits.model_validate(work.edits):
        wrong.append("other edits")
    data, file = alone(work)
    wrong += [f"other {name}" for name in _DATA if blobs.read(work.id, name) != data[name]]
    if work.place:
        while (answer := insist(lambda: requests.get(address + work.place, timeout=30))).status_code == 202:
            time.sleep(0.2)
        wrong += [] if answer.content == file else ["another file"] if answer.ok else [f"no file: {answer.text}"]
    return wrong


def drill(model: str, kills: int, random_: random.Random, folder: Path) -> dict[str, int]:
    """Runs the drill; returns what it counted."""
    storage, file = folder / "storage", folder / "web.sqlite"
    storage.mkdir()
    crew, over, works = Crew(model, storage.as_uri(), f"sqlite:///{file}"), threading.Event(), list[Work]()
    counts = {"kills": 0, "drawings": 0, "files": 0, "in two hands": 0, "wrong": 0}
    try:
        insist(lambda: requests.get(f"{crew.address}/readyz", timeout=30))
        with closing(sqlite3.connect(file, timeout=30)) as database:
            database.executescript(_WATCH)
        artists = [
            threading.Thread(target=paint, args=(crew.address, random.Random(random_.random()), over, works))
            for _ in range(ARTISTS)
        ]
        for artist in artists:
            artist.start()
        while counts["kills"] < kills:
            time.sleep(random_.uniform(*PAUSE))
            counts["kills"] += crew.kill(random_.choice(["page", "painter", "second"]))
        over.set()
        for artist in artists:
            artist.join()
        (folder / "alone").mkdir()
        with closing(Alone(model, folder / "alone")) as alone:
            for work in works:
                for reason in check(crew.address, work, alone, Blobs(storage.as_uri())):
                    counts["wrong"] += 1
                    print(f"{work.id}: {reason}", file=sys.stderr)
    finally:
        over.set()
        crew.stop()
    with closing(sqlite3.connect(file, timeout=30)) as database:
        counts["in two hands"] = len(database.execute("SELECT * FROM hands").fetchall())
    return counts | {"drawings": len(works), "files": sum(bool(work.place) for work in works)}


def main(
    model: Annotated[str, typer.Argument(help="A trained model, or a checkpoint file.")] = "demo",
    kills: Annotated[int, typer.Option(min=1)] = 20,
    seed: Annotated[int | None, typer.Option(help="Repeats the random choices of an earlier drill.")] = None,
) -> None:
    """Runs the drill and prints its table."""
    seed = random.randrange(1 << 16) if seed is None else seed
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="irodori-drill-") as name:
        if not model.endswith(".pt"):
            served = Model(settings().storage, model).best()
            file = Path(name, "model.pt")
            open_storage(settings().storage).download(served.checkpoint, file)
            model = str(file)
        counts = drill(model, kills, random.Random(seed), Path(name))
    print_table(list(counts), [list(counts.values())])
    raise typer.Exit(int(counts["wrong"] > 0 or counts["in two hands"] > 0))


if __name__ == "__main__":
    typer.run(main)
