"""The inbox: which drawings wait in it, which are done, and how those leave it."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from irodori.errors import PipelineError
from irodori.names import REASON, is_drawing, is_palette
from storage import Entry, Manifest, NotFound, Storage, StorageError, open_storage
from storage.base import checked_key

Finished = Literal["keep", "move", "delete"]

PATIENCE = 10  # times the settling time, for what cannot be read: it may be a copy that has stalled
_UNUSABLE = re.compile("[\0-\x1f\x7f\\\\\ud800-\udfff]")  # neither a CSV nor every storage keeps these
_LONGEST_NAME = 255  # bytes, on every usual file system


@dataclass(frozen=True)
class Inbox:
    """The folders inbox, outbox, failed and done of one storage, and the manifest beside them."""

    storage_url: str

    @property
    def storage(self) -> Storage:
        return open_storage(self.storage_url)

    @property
    def manifest(self) -> Manifest:
        return Manifest(self.storage, "inbox-manifest.csv")


@dataclass(frozen=True)
class Work:
    """One drawing to be coloured in one way.

    Attributes:
        style: the name of the way, or "" where there is but one.
        palette: the picture whose colours it is to have, if there is one.
    """

    entry: Entry
    style: str
    palette: Entry | None = None

    @property
    def name(self) -> str:
        """The drawing's path in the inbox."""
        return self.entry.key.removeprefix("inbox/")

    @property
    def files(self) -> list[Entry]:
        """What it takes."""
        return [self.entry, self.palette] if self.palette else [self.entry]

    @property
    def folder(self) -> str:
        return _folder(self.name)

    @property
    def id(self) -> str:
        """The row's: the path of what it becomes, in the outbox."""
        return f"{self.style}/{self.name}" if self.style else self.name

    @property
    def stamp(self) -> str:
        """Of exactly this file, and its palette: other bytes, or the same put there again, have another."""
        own = f"{self.entry.version} {self.entry.modified:.6f}"
        return f"{own} {self.palette.version}" if self.palette else own


class Ledger:
    """What the manifest says of the drawings, when it was made."""

    def __init__(self, inbox: Inbox) -> None:
        table = inbox.manifest.load()
        columns = (table[name] for name in ("version", "status", "made_by"))
        self._rows: dict[str, tuple[str, str, str]] = dict(zip(table["id"], zip(*columns, strict=True), strict=True))

    def status(self, work: Work, checkpoint: str | None = None) -> str:
        """What became of exactly this file, by this checkpoint if one is given; "" for what is still to be done."""
        version, status, made_by = self._rows.get(work.id, ("", "", ""))
        recolour = checkpoint is not None and status == "ok" and made_by != checkpoint
        return "" if version != work.stamp or recolour else status

    def failed_before(self, work: Work) -> bool:
        return self._rows.get(work.id, ("", "", ""))[1] == "failed"


@dataclass
class Plan:
    """What a look at the inbox found.

    Attributes:
        works: what is to be coloured, by style.
        leaving: works, one a drawing, that are done in all styles, with whether they failed.
        growing: how many files are still being written.
        unusable: names that cannot be worked with.
    """

    works: dict[str, list[Work]]
    leaving: list[tuple[Work, bool]] = field(default_factory=list)
    total: int = 0
    growing: int = 0
    unusable: list[str] = field(default_factory=list)


def look(
    inbox: Inbox, styles: Sequence[str], settle_seconds: float, finished: Finished, checkpoints: Mapping[str, str]
) -> Plan:
    """Lists the inbox; writes nothing and reads no drawing.

    styles: names, or "" alone.  checkpoints: by style, where drawings that another one coloured are to be done again.
    """
    ledger = Ledger(inbox)
    plan = Plan({style: [] for style in styles})
    now = time.time()
    entries = sorted(inbox.storage.list("inbox/"), key=lambda entry: entry.key)
    palettes = {_folder(entry.key): entry for entry in entries if is_palette(entry.key)}
    for entry in entries:
        if not is_drawing(entry.key):
            continue
        _refuse_clash(entry, styles)
        plan.total += 1
        if not _is_usable(entry.key):
            plan.unusable.append(entry.key)
        else:
            works = [Work(entry, style, _nearest(palettes, _folder(entry.key))) for style in styles]
            is_whole = all(abs(now - file.modified) >= settle_seconds for file in works[0].files)
            _sort_in(works, plan, ledger, checkpoints, finished, is_whole)
    return plan


def _folder(key: str) -> str:
    return key.rpartition("/")[0]


def _nearest(palettes: Mapping[str, Entry], folder: str) -> Entry | None:
    """The palette of a folder, or of the nearest one that it lies in."""
    while folder and folder not in palettes:
        folder = _folder(folder)
    return palettes.get(folder)


def _refuse_clash(entry: Entry, styles: Sequence[str]) -> None:
    folder = entry.key.split("/")[1]
    if folder in styles and folder + "/" in entry.key:
        raise PipelineError(
            f"inbox/{folder}/ holds drawings and {folder!r} is a style, which has outbox/{folder}/ to itself: "
            "rename the folder in the inbox"
        )


def _sort_in(
    works: list[Work], plan: Plan, ledger: Ledger, checkpoints: Mapping[str, str], finished: Finished, is_whole: bool
) -> None:
    statuses = [ledger.status(work, checkpoints.get(work.style)) for work in works]
    new = [work for work, status in zip(works, statuses, strict=True) if not status]
    if new and not is_whole:
        plan.growing += 1
        return
    for work in new:
        plan.works[work.style].append(work)
    failed = "failed" in statuses
    if not new and (failed or finished != "keep"):
        plan.leaving.append((works[0], failed))


def leave(inbox: Inbox, work: Work, failed: bool, finished: Finished) -> None:
    """Takes a drawing that is done out of the inbox, unless it has been replaced by now."""
    storage = inbox.storage
    if failed:
        if not storage.exists(failed_key(work.name)):
            return
    elif finished == "move":
        try:
            data, version = storage.read_version(work.entry.key)
        except NotFound:
            return
        if version != work.entry.version:
            return
        storage.write(f"done/{work.name}", data)
    if is_unchanged(storage, work.entry):
        storage.delete(work.entry.key)


def is_unchanged(storage: Storage, entry: Entry) -> bool:
    try:
        return storage.read_version(entry.key)[1] == entry.version
    except NotFound:
        return False


def failed_key(name: str) -> str:
    return f"failed/{name}"


def reason_key(name: str) -> str:
    """Beside the failed file; where a name is too long for more, its end gives way."""
    path = PurePosixPath("failed", name)
    room = _LONGEST_NAME - len(REASON)
    return str(path.with_name(path.name.encode()[:room].decode(errors="ignore") + REASON))


def _is_usable(key: str) -> bool:
    if _UNUSABLE.search(key):
        return False
    try:
        checked_key(key)
    except StorageError:
        return False
    return True
