"""Manifest rows as the bytes of their CSV lines: read, merged and written one by one, whatever their number.

A line is decoded only where its other columns are wanted: merging four million rows copies bytes.
"""

import csv
import heapq
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import IO, NamedTuple

from storage.base import StorageError
from storage.row import COLUMNS, STAGES, Row, values


class Record(NamedTuple):
    """A CSV line and what it is sorted by: as the manifest is, the newest of one image and stage last."""

    stage: int
    domain: bytes
    id: bytes
    updated_at: bytes
    line: bytes


_HEADER = (",".join(COLUMNS) + "\n").encode()
_NUMBERS = {stage.encode(): number for number, stage in enumerate(STAGES)}


def read_records(file: IO[bytes], name: str, wanted: Sequence[tuple[str, str]] = ()) -> Iterator[Record]:
    """The records of a CSV with its header, or only those of the (stage, domain)s wanted.

    Raises:
        StorageError: if it is no manifest, or not sorted by stage, domain and id; ``name`` says which.
    """
    numbers = {(STAGES.index(stage), domain.encode()) for stage, domain in wanted}
    end = max(numbers, default=(len(STAGES), b""))
    last = (-1, b"", b"")
    for line in _lines(file, name):
        try:
            identity = _identity(line)
        except (KeyError, ValueError):
            raise StorageError(f"{name} has a line that is no manifest row, {line[:60]!r}: restore the file") from None
        if identity < last:
            raise StorageError(f"{name} is no longer sorted by stage, domain and id: sort it again, or restore it")
        last = identity
        if not numbers or identity[:2] in numbers:
            yield Record(*identity, line[line.rindex(b",") :], line)
        elif identity[:2] > end:
            return


def to_record(line: bytes) -> Record:
    """Raises ValueError or KeyError if it is no line of a manifest."""
    return Record(*_identity(line), line[line.rindex(b",") :], line)


def _identity(line: bytes) -> tuple[int, bytes, bytes]:
    """Stage number, domain and id."""
    if b'"' in line:
        image, domain, stage = (cell.encode() for cell in _cells(line)[:3])
    else:
        image, domain, stage, _ = line.split(b",", 3)
    return _NUMBERS[stage], domain, image


def outcome(line: bytes) -> tuple[str, str]:
    """Status and reason."""
    if b'"' in line:
        status, reason = _cells(line)[3:5]
        return status, reason
    cells = line.split(b",", 5)
    return cells[3].decode(), cells[4].decode()


def to_row(line: bytes) -> Row:
    """What :func:`to_records` made a line of."""
    return Row(*_cells(line))  # type: ignore[arg-type]


def to_records(rows: Iterable[Row]) -> list[Record]:
    """Sorted. Line feeds within a cell stay; carriage returns and NULs, on which CSV readers disagree, do not."""
    records = []
    for row in rows:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(values(row))
        records.append(to_record(text.getvalue().replace("\r", " ").replace("\0", " ").encode()))
    return sorted(records)


def merged(sources: Sequence[Iterator[Record]]) -> Iterator[Record]:
    """Sorted records into one sorted sequence; of several of one image and stage, the newest."""
    for _, same in groupby(heapq.merge(*sources), key=itemgetter(0, 1, 2)):
        *_, newest = same
        yield newest


def write_records(records: Iterable[Record], file: IO[bytes]) -> None:
    """A whole CSV, header first; leaves the file at its beginning."""
    file.write(_HEADER)
    file.writelines(record.line for record in records)
    file.seek(0)


class Rows:
    """Rows on disk instead of in memory, for a million of them; gone with the object. One iteration at a time."""

    def __init__(self, lines: Iterable[bytes] = ()) -> None:
        self._file = tempfile.TemporaryFile()
        self._count = 0
        for line in lines:
            self._file.write(line)
            self._count += 1

    def __del__(self) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        yield from map(to_row, self.lines())

    def lines(self) -> Iterator[bytes]:
        """The lines that they were made of."""
        self._file.seek(0)
        yield from _whole(self._file)


def _lines(file: IO[bytes], name: str) -> Iterator[bytes]:
    """CSV lines in the columns of today."""
    header = file.readline()
    if header == _HEADER:
        return _whole(file)
    names = next(csv.reader([header.decode("utf-8-sig", "replace")]), [])
    if not {"id", "domain", "stage", "status"} <= set(names):
        raise StorageError(f"{name} is no manifest: restore it, or move it away and run again")
    return _converted(names, file)


def _whole(file: Iterable[bytes]) -> Iterator[bytes]:
    """CSV lines, of which a quoted line feed is a part."""
    lines = iter(file)
    for line in lines:
        if b'"' in line:
            while line.count(b'"') % 2 and (more := next(lines, b"")):
                line += more
        yield line


def _converted(names: list[str], file: IO[bytes]) -> Iterator[bytes]:
    """From other columns, or other line ends: what is missing is empty, what is not known is left out."""
    for cells in csv.DictReader((line.decode() for line in _whole(file)), fieldnames=names):
        row = Row(**{name: cells.get(name) or "" for name in COLUMNS})  # type: ignore[arg-type]
        yield to_records([row])[0].line


def _cells(line: bytes) -> list[str]:
    return next(csv.reader(io.StringIO(line.decode(), newline="")))
