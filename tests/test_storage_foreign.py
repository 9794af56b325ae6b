"""Tests a manifest that pandas or a spreadsheet wrote back: it is read whole, or refused by file, row and column."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from storage import Manifest, Row, Storage, StorageError, open_storage
from storage.manifest import COLUMNS, rows_from
from tests.manifest_rows import KEY

DIGEST = "0123456789abcdef" * 4
NUMBERED = (
    "2030000000000001"  # hashes that are read as numbers: whole, in front of which zeros go, and with an exponent
)
ROWS = [
    Row(
        "board:1", "A", "scrape", "ok", key="scrape/A/1.png", sha256=DIGEST, width="192", height="1024", owner="7",
        tags="=_= ü 線 None", md5=DIGEST[:32], md5_ok="True", phash=NUMBERED, dhash="0000000000000042", lines=DIGEST,
        detail="24.73", colour_mse="0.0", colour_fraction="0.0412", parent="board:7",
    ),
    Row("board:2", "A", "scrape", "dropped", 'rating "explicit"; so\tthere', width="64", height="64", owner="8"),
    Row("board:1", "A", "dedupe", "ok", key="scrape/A/1.png", width="192", height="1024"),
    Row("board:1", "A", "resize", "ok", width="96", height="512", ink_mean_before="154.97"),
]  # fmt: skip


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage((tmp_path / "storage").as_uri())


@pytest.fixture
def manifest(storage: Storage) -> Manifest:
    manifest = Manifest(storage, KEY)
    manifest.record(ROWS)
    return manifest.merge()


def read_plainly(storage: Storage) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(storage.read(KEY)))


def written(table: pd.DataFrame, **how: object) -> bytes:
    return table.to_csv(index=False, **how).encode()  # type: ignore[call-overload]


def told(manifest: Manifest) -> dict[tuple[str, str], dict[str, object]]:
    """The rows, with numbers as numbers, and "NaN" as the empty text that it stands for in pandas."""
    numbers = {"detail", "colour_mse", "colour_fraction", "ink_mean_before"}
    return {
        (row.stage, row.id): {
            name: float(cell) if name in numbers and cell else cell.replace("NaN", "")
            for name, cell in zip(COLUMNS, (getattr(row, name) for name in COLUMNS), strict=True)
        }
        for row in rows_from(manifest.load())
    }


PANDAS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "as it is": written,
    "with an index": lambda table: table.to_csv().encode(),
    "every cell quoted": lambda table: written(table, quoting=csv.QUOTE_ALL),
    "German": lambda table: written(table, sep=";", decimal=","),
    "tabs": lambda table: written(table, sep="\t"),
    "Windows": lambda table: written(table, lineterminator="\r\n").decode().encode("utf-8-sig"),
    "old Macintosh": lambda table: written(table, lineterminator="\r"),
    "Excel's Unicode text": lambda table: written(table, sep="\t", lineterminator="\r\n").decode().encode("utf-16"),
    "nothing spelt out": lambda table: written(table, na_rep="NaN"),
    "times as times": lambda table: written(table.assign(updated_at=pd.to_datetime(table["updated_at"]))),
    "times without a zone": lambda table: written(
        table.assign(updated_at=pd.to_datetime(table["updated_at"]).dt.tz_convert(None))
    ),
    "columns in another order": lambda table: written(table[[*reversed(table.columns)]]),
    "rows in another order": lambda table: written(table.sort_values("stage", ascending=False)),
    "a column added": lambda table: written(table.assign(mine="x")),
    "numbers in full": lambda table: written(table.assign(width=table["width"].map("{:e}".format))),
}


@pytest.mark.parametrize("write", PANDAS.values(), ids=PANDAS)
def test_what_pandas_writes_back_reads_the_same(
    manifest: Manifest, storage: Storage, write: Callable[[pd.DataFrame], bytes]
) -> None:
    before = told(manifest)
    storage.write(KEY, write(read_plainly(storage)))
    assert told(manifest) == before


def test_a_filtered_table_goes_on_where_rows_were_taken_out(manifest: Manifest, storage: Storage) -> None:
    """README invites it: without the rows of a stage, its work is done again."""
    table = read_plainly(storage)
    storage.write(KEY, written(table[table.stage != "resize"]))
    (left,) = manifest.remaining("resize", "A")
    assert (left.id, left.width, left.height) == ("board:1", "192", "1024")
    manifest.record([replace(ROWS[3])])
    assert len(manifest.merge().load()) == 4
    assert storage.read(KEY).startswith(b'"id",domain,')  # ours again


def test_empty_lines_and_cells_left_out_at_the_end_are_nothing(manifest: Manifest, storage: Storage) -> None:
    """Excel leaves rows of delimiters where cells were cleared, and some rows without their last ones."""
    lines = written(read_plainly(storage)).decode().splitlines()
    lines[2] = lines[2].rstrip(",").rpartition(",")[0]  # as if never dated
    storage.write(KEY, "\n".join([*lines, "," * 36, ""]).encode())
    assert len(manifest.load()) == 4


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("phash", "2.03E+15", "is no hash of 16 hex digits any more"),
        ("phash", "9.99E+02", "is no hash of 16 hex digits any more"),
        ("dhash", "inf", "is no hash of 16 hex digits any more"),
        ("dhash", "9999999999999999.0", "is no hash of 16 hex digits any more"),
        ("lines", "1.2e+63", "is no hash of 64 hex digits any more"),
        ("width", "1,024", "is no whole number"),
        ("width", "19.2", "is no whole number"),
        ("width", "########", "is an error of a spreadsheet"),
        ("colour_mse", "12. Mrz", "is no number"),
        ("detail", "-inf", "is no number"),
        ("md5_ok", "WAHR", "is none of True, False"),
        ("stage", "Scrape", "is none of scrape, dedupe, resize, normalize, train, colorize"),
        ("status", "", "is none of ok, dropped, failed"),
        ("domain", "C", "is none of A, B"),
        ("updated_at", "26.11.2026 01:10", "is no time such as"),
        ("updated_at", "2026-11-26", "is no time such as"),
        ("tags", "#NAME?", "is an error of a spreadsheet"),
        ("id", "", "must not be empty"),
    ],
)
def test_a_damaged_cell_is_named_by_file_row_and_column(
    manifest: Manifest, storage: Storage, column: str, cell: str, words: str
) -> None:
    table = read_plainly(storage).astype(object)
    table.loc[1, column] = cell
    damaged = written(table)
    storage.write(KEY, damaged)
    manifest.record([ROWS[0]])
    line = f"{KEY}, row 3, column {column}: {cell!r} {words}"
    for ask in (manifest.load, manifest.summary, manifest.merge, lambda: manifest.remaining("dedupe", "A")):
        with pytest.raises(StorageError, match=f"^{re.escape(line)}.*restore the cell, or delete the row") as caught:
            ask()
        assert "\n" not in str(caught.value)
    assert storage.read(KEY) == damaged


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda data: data.decode().encode("cp932"), f"{KEY}, row 2, column tags: .* is not UTF-8: restore the cell"),
        (lambda data: data + b"board:3,A" + b"," * 60 + b"x\n", f"{KEY}, row 6 has more cells than there are columns"),
        (lambda data: data + b'"' + b"x" * 200_000 + b'"\n', f"{KEY}, row 6: field larger than field limit"),
        (lambda data: b"PK\x03\x04" + data, f"{KEY} is no manifest"),
        (lambda data: data.decode().encode("utf-16")[:-1], f"{KEY}, row [0-9]: .*truncated data"),
        (lambda data: b"", f"{KEY} is no manifest"),
        (lambda data: data + data.splitlines(keepends=True)[1], "the same image twice"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_one_line(
    manifest: Manifest, storage: Storage, change: Callable[[bytes], bytes], line: str
) -> None:
    storage.write(KEY, change(written(read_plainly(storage).replace({"tags": {"=_= ü 線 None": "線"}}))))
    with pytest.raises(StorageError, match=line) as caught:
        manifest.load()
    assert "\n" not in str(caught.value)


def test_a_manifest_of_before_is_read_and_gets_the_form_of_today(manifest: Manifest, storage: Storage) -> None:
    before = storage.read(KEY)
    storage.write(KEY, before.replace(b'"id"', b"id", 1))
    assert len(manifest.load()) == 4
    assert storage.read(manifest.merge().key) == before


def test_more_rows_than_are_sorted_at_once(tmp_path: Path, storage: Storage) -> None:
    ids = [f"board:{number:05}" for number in range(10_500)]
    manifest = Manifest(storage, KEY)
    table = pd.DataFrame({"status": "ok", "stage": "scrape", "domain": "A", "id": ids[::-1]})
    storage.write(KEY, written(table))
    assert [row.id for row in manifest.rows("scrape", "A")] == ids
