"""A batch overlaps its images, and loses none that is done."""

import threading
import time
from pathlib import Path

import pytest

from storage import Manifest, Row, StorageError, open_storage
from tasks.record import record_each

KEY = "manifest.csv"


def row(number: int) -> Row:
    return Row(f"b:{number}", "A", "resize", "ok" if number else "dropped", reason="" if number else "odd")


def test_one_image_is_worked_on_while_another_waits(tmp_path: Path) -> None:
    """Each waits, as for a server, until the other has begun; one after the other would never end."""
    both = threading.Barrier(2, timeout=20)

    def work(number: int) -> list[Row]:
        both.wait()
        return [row(number)]

    manifest = Manifest(open_storage(tmp_path.as_uri()), KEY)
    assert record_each(range(4), work, manifest) == {"ok": 3, "dropped": 1}
    assert [found.id for found in manifest.rows("resize", "A")] == ["b:0", "b:1", "b:2", "b:3"]


def test_an_item_counts_once_whatever_rows_it_brings(tmp_path: Path) -> None:
    manifest = Manifest(open_storage(tmp_path.as_uri()), KEY)
    counts = record_each([1], lambda number: [row(number), Row("b:1", "B", "resize", "dropped")], manifest)
    assert counts == {"ok": 1}
    assert len(manifest.load()) == 2


def test_what_was_done_before_a_failure_is_recorded(tmp_path: Path) -> None:
    begun = []

    def work(number: int) -> list[Row]:
        begun.append(number)
        if number == 3:
            raise StorageError("the disk is full")
        if number > 3:
            time.sleep(0.1)  # all of them would take so long that the failure is noticed in time on any machine
        return [row(number)]

    manifest = Manifest(open_storage(tmp_path.as_uri()), KEY)
    with pytest.raises(StorageError, match="full"):
        record_each(range(1000), work, manifest)
    assert {"b:0", "b:1"} <= {found.id for found in manifest.rows("resize", "A")}
    assert len(begun) < 1000


def test_rows_are_recorded_while_the_batch_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last image waits for the rows of the others, which would never come if they were recorded at the end."""
    monkeypatch.setattr("tasks.record._RECORD_EVERY", 0.0)
    manifest = Manifest(open_storage(tmp_path.as_uri()), KEY)
    deadline = time.monotonic() + 60

    def work(number: int) -> list[Row]:
        while number == 7 and manifest.load().empty:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return [row(number)]

    assert record_each(range(8), work, manifest) == {"ok": 7, "dropped": 1}
    assert len(manifest.load()) == 8
