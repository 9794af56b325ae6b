"""Measures a look at an inbox of 10,000 drawings of which none is new.

A schedule does this every minute when no drawings arrive.
"""

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.harness import alternate, print_result, print_table
from irodori.inbox import Inbox, look
from storage import Row, open_storage

FILES, FOLDERS = 10_000, 50
ALLOWED = 5.0  # seconds
STYLES = ["soft", "bold"]


def fill(folder: Path) -> Inbox:
    """Makes an inbox whose drawings have all been coloured, in each style and without a style."""
    for number in range(FILES):
        path = folder / "inbox" / f"page {number % FOLDERS}" / f"drawing {number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"drawing")
    inbox = Inbox(folder.as_uri())
    for styles in ([""], STYLES):
        works = [work for works in look(inbox, styles, 0, "keep", {}).works.values() for work in works]
        rows = [Row(w.id, "A", "colorize", "ok", key=f"outbox/{w.id}", version=w.stamp, made_by="x") for w in works]
        inbox.manifest.record(rows)
    inbox.manifest.merge()
    assert open_storage(inbox.storage_url).exists("inbox-manifest.csv")
    return inbox


def state(folder: Path) -> dict[str, int]:
    """Returns the modification time of each file and folder, in nanoseconds, by path."""
    return {str(path): path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def list_only(inbox: Inbox) -> int:
    return sum(1 for _ in inbox.storage.list("inbox/"))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="irodori-inbox-") as name:
        inbox = fill(Path(name))
        before = state(Path(name))
        sides: dict[str, Callable[[], object]] = {
            "the listing alone": partial(list_only, inbox),
            "a look": partial(look, inbox, [""], 2.0, "keep", {}),
            "a look for two styles": partial(look, inbox, STYLES, 2.0, "keep", {}),
        }
        seconds = alternate(sides, rounds=5)
        plan = look(inbox, STYLES, 2.0, "keep", {})
        written = len(before.items() ^ state(Path(name)).items())
    assert plan.total == FILES
    assert not any(plan.works.values())
    print_table(["side", "seconds"], [[side, f"{value:.2f}"] for side, value in seconds.items()])
    slowest, torch_is_loaded = max(seconds.values()), "torch" in sys.modules
    print_result(
        "inbox", ALLOWED / slowest, 1.0, holds=not written and not torch_is_loaded,
        files=FILES, rows=3 * FILES, seconds=round(slowest, 2), written=written, torch_is_loaded=torch_is_loaded,
    )  # fmt: skip


if __name__ == "__main__":
    main()
