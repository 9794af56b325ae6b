"""Tests the rows of the manifest: how they are written, merged, counted and read, and what is refused."""

import io
import tempfile
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from storage import Manifest, Row, Storage, StorageError, open_storage
from storage.manifest import COLUMNS, rows_from
from tests.manifest_rows import KEY, scraped


def test_rows_survive_the_round_trip(storage: Storage) -> None:
    manifest = Manifest(storage, KEY)
    odd = Row("board:1", "A", "scrape", "failed", 'says "no", twice\nand NaN', tags="ü ;: NA null")
    manifest.record([odd, scraped(2)])
    assert [row.reason for row in rows_from(manifest.load())] == ['says "no", twice and NaN', ""]
    assert rows_from(manifest.merge().load())[0].tags == odd.tags
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
    assert len(manifest.merge().load()) == 1


def test_the_order_does_not_depend_on_who_wrote_when(storage: Storage) -> None:
    one, two = Manifest(storage, "one.csv"), Manifest(storage, "two.csv")
    rows = [scraped(number, domain) for number in range(4) for domain in "AB"]
    one.record(rows)
    one.merge()
    for row in reversed(rows):
        two.record([row])
    first, second = (manifest.merge().load().drop(columns="updated_at") for manifest in (one, two))
    pd.testing.assert_frame_equal(first, second)


def test_remaining_is_what_the_stage_before_left(storage: Storage) -> None:
    manifest = Manifest(storage, KEY)
    manifest.record([scraped(1), scraped(2), scraped(3, "B"), Row("board:4", "A", "scrape", "failed", "gone")])
    manifest.record([Row("board:1", "A", "dedupe", "dropped", "exact duplicate")])
    assert [row.id for row in manifest.remaining("dedupe", "A")] == ["board:2"]
    assert [row.id for row in manifest.remaining("resize", "A")] == []
    manifest.record([Row("board:3", "B", "resize", "ok"), Row("board:2", "A", "resize", "ok")])
    assert [row.id for row in manifest.remaining("train", "B")] == ["board:3"]
    assert [row.id for row in manifest.remaining("normalize", "A")] == ["board:2"]
    assert [row.id for row in manifest.remaining("train", "A")] == []


def test_summary_adds_up(storage: Storage) -> None:
    manifest = Manifest(storage, KEY)
    manifest.record([scraped(1), scraped(2), Row("board:3", "A", "scrape", "failed", "gone")])
    manifest.record([Row("board:1", "A", "dedupe", "dropped", "copy"), Row("board:2", "A", "dedupe", "ok")])
    counts = manifest.summary()
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


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), min_size=1, unique_by=lambda pair: pair[0]))
def test_any_text_survives(cells: list[tuple[str, str]]) -> None:
    """The CSV has one line a row and pandas reads the same texts; line ends and NULs become spaces."""
    rows = [Row(f"i{number}{name}", "A", "scrape", "ok", reason) for number, (name, reason) in enumerate(cells)]
    assume(all(_encodes(row.id + row.reason) for row in rows))
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(Path(folder).as_uri())
        Manifest(storage, KEY).record(rows)
        table = pd.read_csv(
            io.BytesIO(storage.read(Manifest(storage, KEY).merge().key)), dtype=str, keep_default_na=False
        )
    plain = str.maketrans("\r\n\0", "   ")
    assert {(row.id.translate(plain), row.reason.translate(plain)) for row in rows} == set(
        zip(table["id"], table["reason"], strict=True)
    )


def _encodes(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def test_rows_of_one_stage_and_domain(storage: Storage) -> None:
    manifest = Manifest(storage, KEY)
    manifest.record([scraped(2), scraped(1), scraped(3, "B"), Row("board:1", "A", "dedupe", "ok")])
    manifest.merge()
    manifest.record([scraped(4)])
    assert [row.id for row in manifest.rows("scrape", "A")] == ["board:1", "board:2", "board:4"]
    assert [row.id for row in manifest.rows("resize", "A")] == []


def test_remaining_may_be_gone_through_twice_and_knows_its_length(storage: Storage) -> None:
    manifest = Manifest(storage, KEY)
    manifest.record([scraped(number) for number in range(9)])
    left = manifest.remaining("dedupe", "A")
    assert len(left) == 9
    assert [row.id for row in left] == [row.id for row in left] == [f"board:{number}" for number in range(9)]


def test_a_manifest_of_other_columns_and_line_ends_is_read(storage: Storage) -> None:
    storage.write(
        KEY, b'\xef\xbb\xbfid,domain,stage,status,reason,colour_of_eyes\r\nboard:1,A,scrape,failed,"a, b",red\r\n'
    )
    manifest = Manifest(storage, KEY)
    manifest.record([scraped(2)])
    assert [(row.id, row.reason, row.key) for row in manifest.rows("scrape", "A")] == [
        ("board:1", "a, b", ""),
        ("board:2", "", "scrape/A/2.png"),
    ]
    assert list(manifest.merge().load().columns) == COLUMNS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [lines[0], *lines[:0:-1]], "no longer sorted"),
        (lambda lines: lines[1:], "is no manifest"),
        (lambda lines: [lines[0], b"notes\n"], "no manifest row"),
    ],
)
def test_a_manifest_that_somebody_broke_is_named(
    storage: Storage, change: Callable[[list[bytes]], list[bytes]], message: str
) -> None:
    manifest = Manifest(storage, KEY)
    manifest.record([scraped(1), scraped(2)])
    manifest.merge()
    broken = b"".join(change(storage.read(KEY).splitlines(keepends=True)))
    storage.write(KEY, broken)
    manifest.record([scraped(3)])
    with pytest.raises(StorageError, match=f"manifest.csv.*{message}"):
        manifest.merge()
    assert storage.read(KEY) == broken


def test_what_is_left_and_merging_take_no_memory(tmp_path: Path) -> None:
    """Six times the rows need the same peak memory: nothing holds the whole table."""
    peaks = [_peak_of_a_flow(tmp_path / str(number), number) for number in (1_000, 6_000)]
    assert peaks[1] < 1.5 * peaks[0] + 1_000_000


def _peak_of_a_flow(folder: Path, images: int) -> int:
    manifest = Manifest(open_storage(folder.as_uri()), KEY)
    for start in range(0, images, 1000):
        manifest.record([replace(scraped(number), tags="tag " * 100) for number in range(start, start + 1000)])
    tracemalloc.start()
    try:
        manifest.merge()
        assert len(manifest.remaining("dedupe", "A")) == images
        assert manifest.summary()[0]["ok"] == images
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_later_stage_is_found_without_reading_the_earlier_ones(tmp_path: Path) -> None:
    """The scrape rows are megabytes, of which only a few lines are read: damage in the other lines goes unnoticed."""
    storage = open_storage(tmp_path.as_uri())
    manifest = Manifest(storage, KEY)
    ids = [f"board:{number:04}" for number in range(2000)]
    manifest.record([Row(id_, "A", "scrape", "ok", tags="tag " * 500) for id_ in ids])
    manifest.record([Row(id_, "A", stage, "ok") for id_ in ids for stage in ("dedupe", "resize")])
    manifest.record([Row(id_, "A", "normalize", "ok") for id_ in ids[:1500]])
    manifest.merge()
    assert [row.id for row in manifest.remaining("normalize", "A")] == ids[1500:]
    assert [row.id for row in manifest.rows("dedupe", "A")] == ids
    lines = storage.read(KEY).splitlines(keepends=True)
    storage.write(KEY, b"".join([*lines[:5], b"damage\n", *lines[5:]]))
    assert [row.id for row in manifest.remaining("normalize", "A")] == ids[1500:]
    with pytest.raises(StorageError, match="no manifest row"):
        list(manifest.rows("scrape", "A"))


def test_a_row_that_stands_twice_is_refused(storage: Storage) -> None:
    manifest = Manifest(storage, KEY)
    manifest.record([scraped(1), scraped(2)])
    header, one, two = storage.read(manifest.merge().key).splitlines(keepends=True)
    storage.write(KEY, header + one + one + two)
    with pytest.raises(StorageError, match=r"manifest.csv has the same image twice in one stage"):
        manifest.load()
