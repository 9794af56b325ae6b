"""The manifest: one CSV row per image and stage, that several processes may write at once.

A batch of rows is recorded as a small CSV of its own beside the manifest, in ``manifest.d/``: one whole
object, so a kill leaves all of the batch or nothing, and writers never meet. Merging folds those parts into
``manifest.csv`` with a conditional write and deletes them. Readers take the parts first and the manifest
after, so that a part which is merged meanwhile is seen at least once; a row seen twice counts once.
"""

import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Literal, get_args

import pandas as pd

from storage.base import Conflict, NotFound, Storage

Stage = Literal["scrape", "dedupe", "resize", "normalize", "train", "colorize"]
Status = Literal["ok", "dropped", "failed"]
STAGES: tuple[str, ...] = get_args(Stage)
_IDENTITY = ["domain", "id", "stage"]


@dataclass(frozen=True, slots=True)
class Row:
    """What happened to one image in one stage. Everything is text, as in the CSV; "" means not known.

    Attributes:
        id: where the image comes from (``safebooru.org:4711``, or its path in the inbox).
        domain: "A" lineart or "B" colour.
        reason: why it was dropped or failed, in words; "" where status is ok.
        key: the bytes that this stage leaves to the next one.
        sha256: of the original bytes.
        version: of the inbox file that was colorized, as the storage names it.
        made_by: the run or checkpoint that used the image.
        updated_at: UTC, ISO 8601; filled in by :meth:`Manifest.record`.
    """

    id: str
    domain: str
    stage: Stage
    status: Status
    reason: str = ""
    key: str = ""
    sha256: str = ""
    width: str = ""
    height: str = ""
    post_url: str = ""
    file_url: str = ""
    source: str = ""
    owner: str = ""
    rating: str = ""
    tags: str = ""
    md5: str = ""
    md5_ok: str = ""
    pixel_sha256: str = ""
    phash: str = ""
    dhash: str = ""
    thumb: str = ""
    detail: str = ""
    colour_mse: str = ""
    colour_fraction: str = ""
    duplicate_of: str = ""
    ink_mean_before: str = ""
    ink_mean_after: str = ""
    ink_fraction: str = ""
    ink_scale: str = ""
    split: str = ""
    version: str = ""
    made_by: str = ""
    updated_at: str = ""


COLUMNS: list[str] = [field.name for field in fields(Row)]
_VALUES = attrgetter(*COLUMNS)


class Manifest:
    """The manifest under ``key`` in a storage."""

    def __init__(self, storage: Storage, key: str) -> None:
        self._storage = storage
        self.key = key
        self._parts = key.removesuffix(".csv") + ".d/"

    def record(self, rows: Sequence[Row]) -> None:
        """Adds rows, all or none. A row replaces an earlier one of the same image and stage."""
        if not rows:
            return
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        table = pd.DataFrame([_VALUES(row) for row in rows], columns=COLUMNS).assign(updated_at=now)
        self._storage.write(f"{self._parts}{now.replace(':', '')}-{uuid.uuid4().hex[:8]}.csv", _to_csv(table))

    def load(self) -> pd.DataFrame:
        """All rows, columns of strings, sorted by stage, domain and id."""
        parts, _ = self._load_parts()
        return _merged([self._load_base()[0], *parts])

    def merge(self) -> pd.DataFrame:
        """Folds what was recorded into the one CSV and returns all rows, as :meth:`load` does."""
        while True:
            parts, keys = self._load_parts()
            base, version = self._load_base()
            if not parts:
                return base
            merged = _merged([base, *parts])
            try:
                self._storage.replace(self.key, _to_csv(merged), version)
            except Conflict:  # another run merged first: take its rows in and try again
                continue
            for key in keys:
                self._storage.delete(key)
            return merged

    def _load_parts(self) -> tuple[list[pd.DataFrame], list[str]]:
        tables, keys = [], []
        for key in sorted(entry.key for entry in self._storage.list(self._parts)):
            try:
                tables.append(_from_csv(self._storage.read(key)))
            except NotFound:  # merged by another run since the listing: its rows are in the base, read next
                continue
            keys.append(key)
        return tables, keys

    def _load_base(self) -> tuple[pd.DataFrame, str | None]:
        try:
            data, version = self._storage.read_version(self.key)
        except NotFound:
            return pd.DataFrame(columns=COLUMNS, dtype=str), None
        return _from_csv(data), version


def previous_stage(stage: Stage, domain: str) -> str:
    """The stage whose ok rows enter this one. Colour pictures are not normalized."""
    if stage == "train" and domain == "B":
        return "resize"
    return STAGES[STAGES.index(stage) - 1]


def remaining(table: pd.DataFrame, stage: Stage, domain: str) -> pd.DataFrame:
    """Rows of the previous stage that are ok and have no row of this one yet."""
    mine = table[table["domain"] == domain]
    entered = mine[(mine["stage"] == previous_stage(stage, domain)) & (mine["status"] == "ok")]
    return entered[~entered["id"].isin(mine.loc[mine["stage"] == stage, "id"])]


def summary(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Per stage and domain: how many entered, and what became of them, with the reasons counted."""
    counted: list[dict[str, Any]] = []
    for stage in STAGES:
        for domain, rows in table[table["stage"] == stage].groupby("domain"):
            status = rows["status"].value_counts()
            reasons = rows.loc[rows["status"] != "ok", "reason"].value_counts()
            counted.append(
                {
                    "stage": stage,
                    "domain": domain,
                    "entered": len(rows),
                    **{str(name): int(status.get(name, 0)) for name in get_args(Status)},
                    "reasons": "; ".join(f"{number} × {reason}" for reason, number in reasons.items()),
                }
            )
    return counted


def rows_from(table: pd.DataFrame) -> list[Row]:
    """Table rows as :class:`Row` objects, for handing a batch to a task."""
    return [Row(*values) for values in table[COLUMNS].itertuples(index=False, name=None)]


def _merged(tables: list[pd.DataFrame]) -> pd.DataFrame:
    table = pd.concat([part for part in tables if len(part)] or tables[:1], ignore_index=True)
    # by time, not by order of arrival: a part that outlived its own merge must not undo a later row
    table = table.sort_values("updated_at", kind="stable").drop_duplicates(_IDENTITY, keep="last")
    order = table["stage"].map(STAGES.index)
    return table.assign(order=order).sort_values(["order", "domain", "id"], ignore_index=True).drop(columns="order")


def _to_csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def _from_csv(data: bytes) -> pd.DataFrame:
    table = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    # a manifest written before a column existed reads as if the column were empty
    return table.reindex(columns=COLUMNS, fill_value="")
