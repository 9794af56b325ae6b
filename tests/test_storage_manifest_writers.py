"""Tests that the manifest loses no row with concurrent writers and merges and a kill at every write."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import IO, Any

import pytest

from storage import Entry, Manifest, Row, Storage, open_storage
from storage.local import LocalStorage
from storage.manifest import MAX_PARTS, rows_from
from tests.manifest_rows import KEY, scraped

ROOT = Path(__file__).resolve().parent.parent


def test_writers_and_mergers_at_once_lose_nothing(storage: Storage) -> None:
    def write(writer: int) -> None:
        mine = Manifest(storage, KEY)
        for number in range(6):
            mine.record([scraped(writer * 100 + number)])
            mine.merge()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(6)))
    merged = Manifest(storage, KEY).merge()
    assert len(merged.load()) == 36
    assert [entry.key for entry in storage.list("datasets/")] == [KEY]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("survives", range(5))
def test_a_kill_at_any_write_of_a_merge(tmp_path: Any, survives: int) -> None:
    """The process dies at its n-th change to the storage; the next run sees every row once."""
    url = (tmp_path / "storage").as_uri()
    Manifest(open_storage(url), KEY).record([scraped(1), scraped(2)])
    Manifest(open_storage(url), KEY).record([scraped(3)])

    class Dying(LocalStorage):
        left = survives

        def replace(self, key: str, data: bytes | IO[bytes], version: str | None) -> None:
            self._spend()
            super().replace(key, data, version)

        def delete(self, key: str) -> None:
            self._spend()
            super().delete(key)

        def _spend(self) -> None:
            if self.left == 0:
                raise Killed
            self.left -= 1

    try:
        Manifest(Dying(tmp_path / "storage"), KEY).merge()
    except Killed:
        assert survives < 3
    assert [row.id for row in rows_from(Manifest(open_storage(url), KEY).load())] == [
        "board:1",
        "board:2",
        "board:3",
    ]


def test_a_part_that_outlived_its_merge_does_not_undo_a_later_row(storage: Storage) -> None:
    manifest = Manifest(storage, KEY)
    manifest.record([Row("board:1", "A", "train", "ok", made_by="run-1")])
    stale = next(entry.key for entry in storage.list("datasets/pink/manifest.d/"))
    data = storage.read(stale)
    manifest.merge()
    manifest.record([Row("board:1", "A", "train", "ok", made_by="run-2")])
    manifest.merge()
    storage.write(stale, data)  # as if the first merge had been killed before it deleted the part
    assert rows_from(manifest.merge().load())[0].made_by == "run-2"


def test_many_parts_are_folded_and_a_later_row_still_wins(storage: Storage) -> None:
    manifest = Manifest(storage, KEY)
    for number in range(MAX_PARTS + 20):
        manifest.record([Row("board:1", "A", "train", "ok", made_by=f"run-{number}"), scraped(number)])
    manifest.fold()
    assert len(list(storage.list("datasets/pink/manifest.d/"))) <= MAX_PARTS
    assert len(list(manifest.rows("scrape", "A"))) == MAX_PARTS + 20
    assert [row.made_by for row in manifest.rows("train", "A")] == [f"run-{MAX_PARTS + 19}"]


def test_a_reader_that_is_overtaken_by_a_merge_sees_every_row(tmp_path: Path) -> None:
    """A merge deletes the parts between the reader's listing and its reading."""
    url = (tmp_path / "storage").as_uri()
    Manifest(open_storage(url), KEY).record([scraped(1)])

    class Overtaken(LocalStorage):
        merges = 0

        def open(self, key: str, *, keep: bool = False) -> tuple[IO[bytes], str]:
            if not self.merges:
                self.merges += 1
                Manifest(open_storage(url), KEY).merge()
                Manifest(open_storage(url), KEY).record([scraped(2)])
            return super().open(key, keep=keep)

    reader = Manifest(Overtaken(tmp_path / "storage"), KEY)
    assert [row.id for row in reader.rows("scrape", "A")] == ["board:1", "board:2"]


WRITER = """
import sys
from storage import Manifest, Row, open_storage
url, name = sys.argv[1:]
manifest = Manifest(open_storage(url), "datasets/pink/manifest.csv")
for number in range(100_000):
    manifest.record([Row(f"{name}:{number:06}", "A", "scrape", "ok")])
    print(number, flush=True)
    if number % 4 == 3:
        manifest.merge()
"""


@pytest.mark.slow
def test_two_processes_write_and_merge_at_once_and_are_killed(storage: Storage) -> None:
    """Every row that a process had recorded before it was killed is there exactly once."""
    recorded = set()
    for attempt in range(2):
        names = [f"{attempt}-{name}" for name in "xy"]
        command = [sys.executable, "-c", WRITER, storage.url]
        writers = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, cwd=ROOT) for name in names]
        for writer, name in zip(writers, names, strict=True):
            assert writer.stdout is not None
            for _ in range(6):
                recorded.add(f"{name}:{int(writer.stdout.readline()):06}")
        time.sleep(0.05 * attempt)
        for writer, name in zip(writers, names, strict=True):
            writer.kill()
            assert writer.stdout is not None
            recorded |= {f"{name}:{int(line):06}" for line in writer.communicate()[0].splitlines()}
    found = [row.id for row in Manifest(storage, KEY).rows("scrape", "A")]
    assert recorded <= set(found)
    assert len(found) == len(set(found))


def test_a_reader_that_is_overtaken_by_folds_sees_every_row(tmp_path: Path) -> None:
    """Of the parts that it has listed some vanish into a new one before it opens them, and some stay; twice."""
    url = (tmp_path / "storage").as_uri()
    elsewhere, recorded = Manifest(open_storage(url), KEY), 0

    def fill(parts: int) -> None:
        nonlocal recorded
        while len(list(open_storage(url).list("datasets/pink/manifest.d/"))) < parts:
            elsewhere.record([scraped(recorded)])
            recorded += 1

    class Overtaken(LocalStorage):
        listings = folds = 0

        def list(self, prefix: str, *, everything: bool = False) -> Iterator[Entry]:
            self.listings += prefix.endswith(".d/")
            return super().list(prefix, everything=everything)

        def open(self, key: str, *, keep: bool = False) -> tuple[IO[bytes], str]:
            with lock:
                if self.folds < 2 and self.listings > self.folds + 1:  # the first listing is for the reader's own fold
                    self.folds += 1
                    fill(MAX_PARTS + 1)
                    elsewhere.fold()
            return super().open(key, keep=keep)

    lock = Lock()
    fill(MAX_PARTS)
    reader = Overtaken(tmp_path / "storage")
    found = {row.id for row in Manifest(reader, KEY).rows("scrape", "A")}
    assert reader.folds == 2
    assert found == {f"board:{number}" for number in range(recorded)}
