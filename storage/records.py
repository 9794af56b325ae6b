"""Reads, merges and writes manifest rows as the bytes of their CSV lines, thousands at a time, as streams.

A line is one row. It is decoded only if its other columns are needed; lines without newer rows are passed on as they
were read.
"""

import csv
import heapq
import io
import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import chain, groupby, islice
from operator import itemgetter, lt
from typing import IO, NamedTuple

from storage.base import StorageError
from storage.foreign import read_cells
from storage.row import COLUMNS, STAGES, Row

Key = tuple[int, bytes, bytes]  # the manifest's sort key: stage number, domain, id
_BLOCK = 1 << 18  # bytes
_SORTED_AT_ONCE = 10_000  # rows


class Record(NamedTuple):
    """A CSV line and its sort key: the manifest's order, and the newest row of one image and stage last."""

    stage: int
    domain: bytes
    id: bytes
    updated_at: bytes
    line: bytes


# the quotes tell our own files, whose lines are copied as they are, from what pandas and spreadsheets make of them
_HEADER = ('"id",' + ",".join(COLUMNS[1:]) + "\n").encode()
_NUMBERS = {stage.encode(): number for number, stage in enumerate(STAGES)}


class Chunk(NamedTuple):
    """Consecutive rows of a sorted CSV; each key occurs once."""

    keys: list[Key]
    lines: list[bytes]


def read_chunks(file: IO[bytes], name: str, wanted: Sequence[tuple[str, str]] = ()) -> Iterator[Chunk]:
    """Reads the rows of a CSV with a header: one of ours, or what another program made of it.

    Args:
        file: the CSV, at its beginning.
        name: the file's name in error messages.
        wanted: (stage, domain) pairs to read; all if empty.

    Raises:
        StorageError: if the file is no manifest, has a damaged row, has a row twice, or is one of ours and no longer
            sorted by stage, domain and id (its text is one line).
    """
    with nullcontext(file) if is_ours(file) else _converted(file, name) as ours:
        yield from _read_ours(ours, name, wanted)


def is_ours(file: IO[bytes]) -> bool:
    """Tells whether a CSV, at its beginning, is one that we wrote; leaves it at its beginning."""
    header = file.readline()
    file.seek(0)
    return header == _HEADER


def _read_ours(file: IO[bytes], name: str, wanted: Sequence[tuple[str, str]]) -> Iterator[Chunk]:
    file.readline()  # the header
    sections = {(STAGES.index(stage), domain.encode()) for stage, domain in wanted}
    end = max(sections, default=(len(STAGES), b""))
    last: Key = (-1, b"", b"")
    for lines in _lines(file, min(sections, default=None)):
        chunk = _checked(lines, last, name)
        last = chunk.keys[-1]
        yield _filtered(chunk, sections) if sections else chunk
        if last[:2] > end:
            return


def read_records(file: IO[bytes], name: str, wanted: Sequence[tuple[str, str]] = ()) -> Iterator[Record]:
    """Reads rows like :func:`read_chunks`, one by one and with their ``updated_at``."""
    for key, line in chain.from_iterable(zip(*chunk, strict=True) for chunk in read_chunks(file, name, wanted)):
        yield Record(*key, _age(line), line)


def _checked(lines: list[bytes], last: Key, name: str) -> Chunk:
    cut = (line.split(b",", 3) for line in lines)
    try:
        keys = (
            [key_of(line) for line in lines]
            if any(b'"' in line for line in lines)
            else [(_NUMBERS[stage], domain, image) for image, domain, stage, _ in cut]
        )
    except (KeyError, ValueError):
        broken = next(line for line in lines if not _is_row(line))
        raise StorageError(f"{name} has a line that is no manifest row, {broken[:60]!r}: restore the file") from None
    if last < keys[0] and all(map(lt, keys, islice(keys, 1, None))):
        return Chunk(keys, lines)
    if keys[0] < last or keys != sorted(keys):
        raise StorageError(f"{name} is no longer sorted by stage, domain and id: sort it again, or restore it")
    raise StorageError(f"{name} has the same image twice in one stage: remove one of its rows, or restore the file")


def _filtered(chunk: Chunk, sections: set[tuple[int, bytes]]) -> Chunk:
    if chunk.keys[0][:2] == chunk.keys[-1][:2]:
        return chunk if chunk.keys[0][:2] in sections else Chunk([], [])
    wanted = [(key, line) for key, line in zip(*chunk, strict=True) if key[:2] in sections]
    return Chunk([key for key, _ in wanted], [line for _, line in wanted])


def key_of(line: bytes) -> Key:
    """Returns the sort key of a line.

    Raises:
        ValueError: if the line has too few columns.
        KeyError: if its stage is unknown.
    """
    if b'"' in line:
        image, domain, stage = (cell.encode() for cell in _cells(line)[:3])
    else:
        image, domain, stage, _ = line.split(b",", 3)
    return _NUMBERS[stage], domain, image


def _is_row(line: bytes) -> bool:
    try:
        key_of(line)
    except (KeyError, ValueError):
        return False
    return True


def _age(line: bytes) -> bytes:
    """Returns the last column, ``updated_at``: of two rows of one image and stage, the later one counts."""
    return line[line.rindex(b",") :]


def outcome(line: bytes) -> tuple[str, str]:
    """Returns the status and the reason of a line."""
    if b'"' in line:
        status, reason = _cells(line)[3:5]
        return status, reason
    cells = line.split(b",", 5)
    return cells[3].decode(), cells[4].decode()


def is_ok(line: bytes) -> bool:
    """Tells whether the status of a line is ok."""
    return b",ok," in line and outcome(line)[0] == "ok"


def to_rows(lines: Iterable[bytes]) -> Iterator[Row]:
    """Parses lines into rows; the inverse of :func:`to_records`."""
    for cells in csv.reader(line.decode() for line in lines):
        yield Row(*cells)  # type: ignore[arg-type]


def to_records(rows: Iterable[Sequence[str]]) -> list[Record]:
    """Converts rows, cells in the order of COLUMNS, to records sorted by stage, domain and id (a stable sort).

    Line ends and NULs within a cell become spaces: a row is a line, and CSV readers disagree on them.
    """
    spaces = str.maketrans("\r\n\0", "   ")
    records = []
    for cells in rows:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(cells)
        line = text.getvalue().translate(spaces).encode() + b"\n"
        records.append(Record(*key_of(line), _age(line), line))
    return sorted(records, key=itemgetter(0, 1, 2))


def merged(sources: Sequence[Iterator[Record]]) -> Iterator[Record]:
    """Merges sorted sequences of records into one; keeps the newest record of each image and stage."""
    for _, same in groupby(heapq.merge(*sources), key=itemgetter(0, 1, 2)):
        *_, newest = same
        yield newest


def overlaid(base: Iterator[Chunk], new: Iterator[Record], most: int = 1000) -> Iterator[Chunk]:
    """Merges new records into chunks; keeps the newer row of each key, and passes on unchanged chunks as they are."""
    upcoming = next(new, None)
    for chunk in base:
        keys, lines = chunk
        while keys and upcoming is not None and upcoming[:3] <= keys[-1]:
            due = [upcoming]
            while (upcoming := next(new, None)) is not None and upcoming[:3] <= keys[-1] and len(due) < most:
                due.append(upcoming)
            cut = bisect_right(keys, due[-1][:3])
            yield _combined(keys[:cut], lines[:cut], due)
            keys, lines = keys[cut:], lines[cut:]
        if keys:
            yield Chunk(keys, lines)
    rest = chain([upcoming], new) if upcoming is not None else new
    while due := list(islice(rest, most)):
        yield _combined([], [], due)


def _combined(keys: list[Key], lines: list[bytes], due: list[Record]) -> Chunk:
    rows = dict(zip(keys, lines, strict=True))
    for record in due:
        key, old = record[:3], rows.get(record[:3])
        if old is None or (_age(old), old) < (record.updated_at, record.line):
            rows[key] = record.line
    ordered = sorted(rows)
    return Chunk(ordered, [rows[key] for key in ordered])


def write_lines(lines: Iterable[bytes], file: IO[bytes]) -> None:
    """Writes a whole CSV, header first, and rewinds the file."""
    file.write(_HEADER)
    file.writelines(lines)
    file.seek(0)


class Rows:
    """Rows in a temporary file, which is deleted with the object; only one iteration at a time is allowed."""

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
        yield from to_rows(self.lines())

    def lines(self) -> Iterator[bytes]:
        """Yields the CSV lines of the rows."""
        self._file.seek(0)
        yield from self._file


def _converted(file: IO[bytes], name: str) -> IO[bytes]:
    """Converts and sorts what another program wrote; returns a temporary file in our own form."""
    cells = read_cells(file, name)
    sorted_parts = []
    while records := to_records(islice(cells, _SORTED_AT_ONCE)):
        sorted_parts.append(Rows(record.line for record in records))
    converted = tempfile.TemporaryFile()
    write_lines(heapq.merge(*(part.lines() for part in sorted_parts), key=key_of), converted)
    return converted


def _lines(file: IO[bytes], first: tuple[int, bytes] | None) -> Iterator[list[bytes]]:
    """Yields blocks of lines of one of our files, after its header: all, or at least from section ``first`` on."""
    if first is not None:
        file.seek(_find(file, first))
    while lines := file.readlines(_BLOCK):
        if not lines[-1].endswith(b"\n"):  # as an editor may leave it
            lines[-1] += b"\n"
        yield lines


def _find(file: IO[bytes], first: tuple[int, bytes]) -> int:
    """Finds, by binary search in the sorted file, an offset from which all rows of section ``first`` on follow."""
    low = file.tell()
    high = file.seek(0, os.SEEK_END)
    while high - low > _BLOCK:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()  # skips the rest of a line
        start = file.tell()
        line = file.readline()
        if _is_row(line) and key_of(line)[:2] < first:
            low = start
        else:  # also if the line is no row: starting too early is only slower
            high = middle
    return low


def _cells(line: bytes) -> list[str]:
    return next(csv.reader(io.StringIO(line.decode(), newline="")))
