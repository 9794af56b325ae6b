"""The manifest loses no row: concurrent writers, mergers and a kill at every write."""

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd
import pytest

from storage import Manifest, Row, Storage, open_storage
from storage.local import LocalStorage
from storage.manifest import COLUMNS, remaining, rows_from, summary

KEY = "datasets/pink/manifest.csv"


def scraped(number: int, domain: str = "A") -> Row:
    return Row(f"board:{number}", domain, "scrape", "ok", key=f"scrape/{domain}/{number}.png")


def test_rows_survive_the_round_trip(storage: Storage) -> None:
    manifest = Manifest(storage, KEY)
    odd = Row("board:1", "A", "scrape", "failed", 'says "no", twice\nand NaN', tags="ü ;: NA null")
    manifest.record([odd, scraped(2)])
    assert [row.reason for row in rows_from(manifest.load())] == [odd.reason, ""]
    assert rows_from(manifest.merge())[0].tags == odd.tags
    assert rows_from(manifest.load())[0].updated_at != ""


def test_a_plain_read_csv_opens_it(storage: Storage) -> None:
    manifest = Manifest(storage, KEY)
    manifest.record([scraped(number) for number in range(3)])
    manifest.merge()
    table = pd.read_csv(io.BytesIO(storage.read(KEY)))
    assert list(table.columns) == COLUMNS
    assert table["status"].tolist() == ["ok"] * 3
    assert [entry.key for entry in storage.list("datasets/")] == [KEY]


def test_a_later_row_replaces_an_earlier_one(storage: Storage) -> None:
    manifest = Manifest(storage, KEY)
    manifest.record([Row("board:1", "A", "train", "ok", made_by="run-1")])
    manifest.merge()
    manifest.record([Row("board:1", "A", "train", "ok", made_by="run-2")])
    assert [row.made_by for row in rows_from(manifest.load())] == ["run-2"]
    assert len(manifest.merge()) == 1


def test_the_order_does_not_depend_on_who_wrote_when(storage: Storage) -> None:
    one, two = Manifest(storage, "one.csv"), Manifest(storage, "two.csv")
    rows = [scraped(number, domain) for number in range(4) for domain in "AB"]
    one.record(rows)
    one.merge()
    for row in reversed(rows):
        two.record([row])
    first, second = (manifest.merge().drop(columns="updated_at") for manifest in (one, two))
    pd.testing.assert_frame_equal(first, second)


def test_writers_and_mergers_at_once_lose_nothing(storage: Storage) -> None:
    def write(writer: int) -> None:
        mine = Manifest(storage, KEY)
        for number in range(6):
            mine.record([scraped(writer * 100 + number)])
            mine.merge()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(6)))
    merged = Manifest(storage, KEY).merge()
    assert len(merged) == 36
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

        def replace(self, key: str, data: bytes, version: str | None) -> None:
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
    assert rows_from(manifest.merge())[0].made_by == "run-2"


def test_remaining_is_what_the_stage_before_left(storage: Storage) -> None:
    manifest = Manifest(storage, KEY)
    manifest.record([scraped(1), scraped(2), scraped(3, "B"), Row("board:4", "A", "scrape", "failed", "gone")])
    manifest.record([Row("board:1", "A", "dedupe", "dropped", "exact duplicate")])
    table = manifest.load()
    assert remaining(table, "dedupe", "A")["id"].tolist() == ["board:2"]
    assert remaining(table, "resize", "A")["id"].tolist() == []
    manifest.record([Row("board:3", "B", "resize", "ok"), Row("board:2", "A", "resize", "ok")])
    table = manifest.load()
    assert remaining(table, "train", "B")["id"].tolist() == ["board:3"]
    assert remaining(table, "normalize", "A")["id"].tolist() == ["board:2"]
    assert remaining(table, "train", "A")["id"].tolist() == []


def test_summary_adds_up(storage: Storage) -> None:
    manifest = Manifest(storage, KEY)
    manifest.record([scraped(1), scraped(2), Row("board:3", "A", "scrape", "failed", "gone")])
    manifest.record([Row("board:1", "A", "dedupe", "dropped", "copy"), Row("board:2", "A", "dedupe", "ok")])
    counts = summary(manifest.load())
    assert counts[0] == {
        "stage": "scrape",
        "domain": "A",
        "entered": 3,
        "ok": 2,
        "dropped": 0,
        "failed": 1,
        "reasons": "1 × gone",
    }
    assert all(row["ok"] + row["dropped"] + row["failed"] == row["entered"] for row in counts)
