"""Judges what colorizers left behind that were killed again and again: every drawing right, once, and told of."""

import json
import math
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from irodori.gallery import read_page
from irodori.names import PAGE
from irodori.pages import unsheeted
from storage import Manifest, Storage


@dataclass(frozen=True)
class Arrival:
    """One file that is dropped; ok: whether it can be coloured."""

    name: str
    data: bytes
    ok: bool


@dataclass(frozen=True)
class Event:
    """what: begun, coloured, failed, or stopped for a run that ends with a line, which then is its name.

    content: a checksum.  at: time.monotonic(), which all processes share.
    """

    pid: int
    what: str
    name: str
    content: int
    at: float


def wait_until_quiet(storage: Storage, limit: float = 300) -> None:
    """Until nothing is in the inbox any more, and all is shown; at the limit what is left is found wrong."""
    deadline = time.monotonic() + limit
    while (any(storage.list("inbox/")) or stale(storage)) and time.monotonic() < deadline:
        time.sleep(0.5)


def stale(storage: Storage) -> list[str]:
    """Folders that do not show all that was coloured; one with nothing but failures has no sheet."""
    pages = {folder: storage.read(str(PurePosixPath("outbox", folder, PAGE))) for folder in unsheeted(storage)}
    folders = [folder for folder, page in pages.items() if any(drawing.colours for drawing in read_page(page))]
    return [f"the contact sheet of {folder!r} is older than its page" for folder in folders]


def untold(log: Path) -> list[str]:
    """Runs that did not end with one line."""
    return [f"no plain line: {event.name}" for event in events(log) if event.what == "stopped" and "\n" in event.name]


def wrong(storage: Storage, checkpoint: Path, expected: dict[str, Arrival]) -> list[str]:
    """The names of drawings that are not where and what they should be, or have not one row."""
    import torch

    from cyclegan.painting.colorizer import Colorizer
    from cyclegan.painting.files import colorize_file

    torch.set_num_threads(1)
    colorizer = Colorizer.load(checkpoint)
    found = {entry.key: storage.read(entry.key) for entry in storage.list("") if "/_" not in entry.key}
    rows = Counter(
        zip(*(Manifest(storage, "inbox-manifest.csv").load()[name] for name in ("id", "status")), strict=True)
    )
    faults = []
    for name, arrival in expected.items():
        here = {key.split("/")[0]: found[key] for key in found if key.split("/", 1)[-1] == name}
        reason = found.get(f"failed/{name}.reason.txt")
        if arrival.ok:
            right = {"done": arrival.data, "outbox": colorize_file(colorizer, arrival.data, name).data}
        else:
            right = {"failed": arrival.data}
        mine = {status: number for (id_, status), number in rows.items() if id_ == name}
        status = "ok" if arrival.ok else "failed"
        if here != right or bool(reason) == arrival.ok or mine != {status: 1}:
            faults.append(f"{name} is not as it should be ({', '.join(here)}; {mine})")
    return faults


def coloured(log: Path, killed: dict[int, float]) -> tuple[Counter[tuple[str, int]], int]:
    """How often each version of each drawing was coloured, and how often two had one in hand at the same time."""
    done: Counter[tuple[str, int]] = Counter()
    in_hand: dict[str, Event] = {}
    twice = 0
    for event in sorted(events(log), key=lambda event: event.at):
        if event.what == "stopped":
            continue
        if event.what == "begun":
            other = in_hand.get(event.name)
            twice += other is not None and killed.get(other.pid, math.inf) > event.at
            in_hand[event.name] = event
            continue
        in_hand.pop(event.name, None)
        done[event.name, event.content] += event.what == "coloured"
    return +done, twice


def events(log: Path) -> list[Event]:
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    return [Event(*json.loads(line)) for line in lines]
