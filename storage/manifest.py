"""Keeps the manifest: one CSV row per image and stage, written by several processes at the same time.

Each batch of rows is written as a small CSV, a part, beside the manifest in ``manifest.d/``. A part is one whole
object, so a killed process leaves all rows of a batch or none, and two writers never write the same object. When
there are many parts, the smallest are folded into one part; a merge folds all parts into ``manifest.csv`` with a
conditional write. Both write the new object before they delete the old ones. Readers open the parts first and the
manifest afterwards, and list the parts again if one disappeared before they opened it. So a row that moves in the
meantime is read at least once, and a row that is read twice counts once.

All objects are sorted and read as streams: a million images take time, not memory.
"""

import tempfile
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, groupby
from typing import IO, Any, get_args

import pandas as pd

from storage.base import Conflict, NotFound, Storage
from storage.records import (
    Chunk,
    Key,
    Record,
    Rows,
    is_ok,
    is_ours,
    key_of,
    merged,
    outcome,
    overlaid,
    read_chunks,
    read_records,
    to_records,
    to_rows,
    write_lines,
)
from storage.row import COLUMNS, STAGES, Row, Stage, Status, values

__all__ = ["COLUMNS", "STAGES", "Manifest", "Row", "Rows", "Stage", "Status", "previous_stage", "rows_from"]

MAX_PARTS = 256  # files that a reader has open at the same time
_FOLDED = 128
_THREADS = 16


class Manifest:
    """The manifest under ``key`` in a storage."""

    def __init__(self, storage: Storage, key: str) -> None:
        self._storage = storage
        self.key = key
        self._parts = key.removesuffix(".csv") + ".d/"

    def record(self, rows: Iterable[Row]) -> None:
        """Adds all rows or, if the process is killed, none. A row replaces an earlier one of its image and stage."""
        now = _now()
        records = to_records((*values(row)[:-1], now) for row in rows)
        if not records:
            return
        self._add_part({record[:3]: record for record in records}.values())
        if uuid.uuid4().int % _FOLDED == 0:  # at random, so that writers need not share a counter
            self.fold()

    def rows(self, stage: Stage, domain: str) -> Iterator[Row]:
        """Yields the rows of one stage and domain, sorted by id, as a stream."""
        with self._snapshot((stage, domain)) as snapshot:
            yield from to_rows(snapshot.lines())

    def remaining(self, stage: Stage, domain: str) -> Rows:
        """Returns the ok rows of the previous stage that have no row in this stage yet, sorted by id."""
        before = previous_stage(stage, domain)
        with self._snapshot((before, domain), (stage, domain)) as snapshot:
            return Rows(_remaining_lines(snapshot.rows(), STAGES.index(before)))

    def summary(self) -> list[dict[str, Any]]:
        """Counts, for each stage and domain, the images that entered, their statuses, and the reasons.

        Returns:
            Dicts with stage, domain, entered, ok, dropped, failed, and reasons as one text.
        """
        with self._snapshot() as snapshot:
            counted = Counter((key[:2], outcome(line)) for key, line in snapshot.rows())
        sections: dict[tuple[int, bytes], Counter[tuple[str, str]]] = {}
        for (section, result), number in counted.items():
            sections.setdefault(section, Counter())[result] = number
        return [_summary(STAGES[stage], domain.decode(), counts) for (stage, domain), counts in sections.items()]

    def load(self) -> pd.DataFrame:
        """Loads all rows into memory: columns of strings, sorted by stage, domain and id."""
        with self._snapshot() as snapshot, tempfile.TemporaryFile() as file:
            write_lines(snapshot.lines(), file)
            return pd.read_csv(file, dtype=str, keep_default_na=False)

    def merge(self) -> "Manifest":
        """Merges all parts into the manifest's CSV, gives that our own form, and returns this manifest."""
        while True:
            with self._snapshot() as snapshot, tempfile.TemporaryFile() as file:
                if not snapshot.parts and snapshot.is_ours:
                    return self
                write_lines(snapshot.lines(), file)
                try:
                    self._storage.replace(self.key, file, snapshot.version)
                except Conflict:  # another run merged first: read its rows and retry
                    continue
            self._delete(snapshot.parts)

    def fold(self) -> None:
        """Merges the smallest parts into one until there are at most MAX_PARTS; reads and writes call it as needed."""
        while len(sizes := self._list_parts()) > MAX_PARTS:
            smallest = sorted(sizes, key=lambda key: (sizes[key], key))[:_FOLDED]
            with ExitStack() as files:
                parts = self._open_parts(smallest, files)
                self._add_part(merged([read_records(file, key) for key, file in parts.items()]))
            self._delete(parts)

    @contextmanager
    def _snapshot(self, *wanted: tuple[str, str]) -> "Iterator[_Snapshot]":
        """Opens a snapshot of all rows, or only of those of the (stage, domain) pairs wanted."""
        self.fold()
        with ExitStack() as files:
            opened = self._open_all_parts(files)
            version, ours = None, True
            try:
                base, version = self._storage.open(self.key, keep=True)
                ours = is_ours(files.enter_context(base))
                in_base = read_chunks(base, self.key, wanted)
            except NotFound:
                in_base = iter(())
            new = merged([read_records(file, key, wanted) for key, file in opened.items()])
            yield _Snapshot(overlaid(in_base, new), list(opened), version, ours)

    def _open_all_parts(self, files: ExitStack) -> dict[str, IO[bytes]]:
        """Lists until no part has disappeared since the last listing: its rows are in a new part or the base then."""
        opened: dict[str, IO[bytes]] = {}
        listed = set(self._list_parts())
        while True:
            opened |= self._open_parts(listed - opened.keys(), files)
            again = set(self._list_parts())
            if listed <= again:
                return opened
            listed = again

    def _open_parts(self, keys: Iterable[str], files: ExitStack) -> dict[str, IO[bytes]]:
        """Opens the parts that still exist."""

        def open_part(key: str) -> IO[bytes] | None:
            try:
                return self._storage.open(key)[0]
            except NotFound:
                return None

        keys = sorted(keys)
        with ThreadPoolExecutor(_THREADS) as threads:
            opened = zip(keys, threads.map(open_part, keys), strict=True)
            return {key: files.enter_context(file) for key, file in opened if file is not None}

    def _list_parts(self) -> dict[str, int]:
        return {entry.key: entry.size for entry in self._storage.list(self._parts)}

    def _add_part(self, records: Iterable[Record]) -> None:
        with tempfile.SpooledTemporaryFile(max_size=1 << 20) as file:
            write_lines((record.line for record in records), file)
            name = f"{_now().replace(':', '')}-{uuid.uuid4().hex[:8]}.csv"
            self._storage.write(self._parts + name, file)

    def _delete(self, keys: Iterable[str]) -> None:
        with ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(self._storage.delete, keys))


@dataclass(frozen=True)
class _Snapshot:
    """A consistent view of the manifest.

    Attributes:
        chunks: the newest row of each image and stage, sorted.
        parts: keys of the parts that the rows come from.
        version: version of the base, ``manifest.csv``; None if there is none.
        is_ours: whether the base is as we wrote it, and not as another program did.
    """

    chunks: Iterator[Chunk]
    parts: list[str]
    version: str | None
    is_ours: bool

    def lines(self) -> Iterator[bytes]:
        return chain.from_iterable(chunk.lines for chunk in self.chunks)

    def rows(self) -> Iterator[tuple[Key, bytes]]:
        """Yields the lines with their keys."""
        return chain.from_iterable(zip(*chunk, strict=True) for chunk in self.chunks)


def previous_stage(stage: Stage, domain: str) -> Stage:
    """Returns the stage whose ok rows enter this one. Colour pictures are not normalized."""
    if stage == "train" and domain == "B":
        return "resize"
    return STAGES[STAGES.index(stage) - 1]


def rows_from(table: pd.DataFrame) -> list[Row]:
    """Converts table rows to :class:`Row` objects."""
    return [Row(*values) for values in table[COLUMNS].itertuples(index=False, name=None)]


def _remaining_lines(rows: Iterator[tuple[Key, bytes]], before: int) -> Iterator[bytes]:
    """Yields ok lines of stage ``before`` without a row in the next stage, given both stages of one domain."""
    entered = Rows()
    done: Iterator[bytes] = iter(())
    for stage, of_stage in groupby(rows, key=lambda row: row[0][0]):
        if stage != before:
            done = (image for (_, _, image), _ in of_stage)
            break
        entered = Rows(line for _, line in of_stage if is_ok(line))
    return _lines_without(entered.lines(), done)


def _lines_without(lines: Iterable[bytes], done: Iterator[bytes]) -> Iterator[bytes]:
    """Yields the lines whose ids are not in ``done``; both are sorted by id."""
    latest = next(done, None)
    for line in lines:
        image = key_of(line)[2]
        while latest is not None and latest < image:
            latest = next(done, None)
        if latest != image:
            yield line


def _summary(stage: str, domain: str, counts: "Counter[tuple[str, str]]") -> dict[str, Any]:
    statuses = dict.fromkeys(get_args(Status), 0)
    for (status, _), number in counts.items():
        statuses[status] += number
    reasons = "; ".join(f"{number} × {reason}" for (status, reason), number in counts.most_common() if status != "ok")
    return {"stage": stage, "domain": domain, "entered": counts.total(), **statuses, "reasons": reasons}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
