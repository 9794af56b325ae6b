"""Checks what repeatedly killed colorizers left: right outputs, one manifest row each, contact sheets, error lines."""

import json
import math
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imaging.formats import LayerFile
from irodori.gallery import read_page
from irodori.names import PAGE, layer_path
from irodori.pages import unsheeted
from storage import Manifest, Storage


@dataclass(frozen=True)
class Arrival:
    """One file that a writer adds to the inbox.

    Attributes:
        name: key under inbox/.
        data: the file's contents.
        ok: whether it can be coloured.
    """

    name: str
    data: bytes
    ok: bool


@dataclass(frozen=True)
class Event:
    """One line of a colorizer's log.

    Attributes:
        pid: process id of the colorizer.
        what: "begun", "coloured" or "failed" for a drawing, "stopped" for a run that ended with an error.
        name: the drawing's name, or the error's text if the run stopped.
        content: CRC-32 of the drawing's contents.
        at: when it happened, in seconds of time.monotonic(), which all processes of a machine share.
    """

    pid: int
    what: str
    name: str
    content: int
    at: float


def wait_until_quiet(storage: Storage, limit: float = 300) -> None:
    """Waits until the inbox is empty and all contact sheets are up to date.

    Args:
        storage: the storage that colorizers work on.
        limit: most seconds to wait; the checks afterwards report whatever is still unfinished.
    """
    deadline = time.monotonic() + limit
    while (any(storage.list("inbox/")) or stale(storage)) and time.monotonic() < deadline:
        time.sleep(0.5)


def stale(storage: Storage) -> list[str]:
    """Reports folders whose contact sheet is out of date; a folder with failures only has no sheet."""
    pages = {folder: storage.read(str(PurePosixPath("outbox", folder, PAGE))) for folder in unsheeted(storage)}
    folders = [folder for folder, page in pages.items() if any(drawing.colours for drawing in read_page(page))]
    return [f"the contact sheet of {folder!r} is older than its page" for folder in folders]


def untold(log: Path) -> list[str]:
    """Reports runs whose error was not a single line."""
    return [f"no plain line: {event.name}" for event in events(log) if event.what == "stopped" and "\n" in event.name]


def wrong(storage: Storage, checkpoint: Path, expected: dict[str, Arrival]) -> list[str]:
    """Reports drawings whose files or manifest rows are not as expected.

    Args:
        storage: the storage after the drill.
        checkpoint: the checkpoint that the colorizers used.
        expected: the last file under each name.

    Returns:
        A line for each drawing whose files differ from those expected in done/, outbox/ or failed/, whose reason is
        missing or superfluous, or that has not exactly one row in the manifest, with the right status.
    """
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
        if layers := found.get(layer_path(f"outbox/{name}", LayerFile.ORA)):
            here["layers"] = layers
        reason = found.get(f"failed/{name}.reason.txt")
        if arrival.ok:
            done = colorize_file(colorizer.paint, arrival.data, name, [LayerFile.ORA])
            right = {"done": arrival.data, "outbox": done.data, "layers": done.layers[LayerFile.ORA]}
        else:
            right = {"failed": arrival.data}
        mine = {status: number for (id_, status), number in rows.items() if id_ == name}
        status = "ok" if arrival.ok else "failed"
        if here != right or bool(reason) == arrival.ok or mine != {status: 1}:
            faults.append(f"{name} is not as it should be ({', '.join(here)}; {mine})")
    return faults


def coloured(log: Path, killed: dict[int, float]) -> tuple[Counter[tuple[str, int]], int]:
    """Counts from a log how often drawings were coloured.

    Args:
        log: the colorizers' log.
        killed: when each killed process was killed, in seconds of time.monotonic(), by process id.

    Returns:
        How often each version of each drawing was coloured, by name and checksum; and how often a process began a
        drawing while another was working on it.
    """
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
