"""Lists the inbox: finds the drawings to colour and those that are done, and removes the latter."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from irodori.names import REASON, is_drawing, is_palette
from storage import Entry, Manifest, NotFound, Storage, StorageError, open_storage
from storage.base import checked_key

Finished = Literal["keep", "move", "delete"]

PATIENCE = 10  # times the settling time until an unreadable file counts as failed: its copy may have stalled
_UNUSABLE = re.compile("[\0-\x1f\x7f\\\\\ud800-\udfff]")  # characters that a CSV or some storages do not preserve
_LONGEST_NAME = 255  # bytes, the limit of common file systems


@dataclass(frozen=True)
class Inbox:
    """The folders inbox/, outbox/, failed/ and done/ of one storage, and the manifest beside them."""

    storage_url: str

    @property
    def storage(self) -> Storage:
        return open_storage(self.storage_url)

    @property
    def manifest(self) -> Manifest:
        return Manifest(self.storage, "inbox-manifest.csv")


@dataclass(frozen=True)
class Work:
    """One drawing to be coloured in one style.

    Attributes:
        entry: the drawing.
        style: name of the style; "" if there is only one.
        palette: the picture whose colours the drawing gets, if there is one.
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
        """The files that the work reads: the drawing, and the palette if there is one."""
        return [self.entry, self.palette] if self.palette else [self.entry]

    @property
    def folder(self) -> str:
        return _folder(self.name)

    @property
    def id(self) -> str:
        """The id of its row in the manifest: the path of the coloured drawing in the outbox."""
        return f"{self.style}/{self.name}" if self.style else self.name

    @property
    def stamp(self) -> str:
        """Identifies this version of the file and its palette; a file that is written again has another stamp."""
        own = f"{self.entry.version} {self.entry.modified:.6f}"
        return f"{own} {self.palette.version}" if self.palette else own


class Ledger:
    """The status of each drawing in the manifest, as of the time when the object was made."""

    def __init__(self, inbox: Inbox) -> None:
        table = inbox.manifest.load()
        columns = (table[name] for name in ("version", "status", "made_by"))
        self._rows: dict[str, tuple[str, str, str]] = dict(zip(table["id"], zip(*columns, strict=True), strict=True))

    def status(self, work: Work, checkpoint: str | None = None) -> str:
        """Returns the status of a work.

        Args:
            work: the work.
            checkpoint: if given, drawings that another checkpoint coloured must be coloured again.

        Returns:
            The status in the manifest; "" if this version of the file is still to be coloured.
        """
        version, status, made_by = self._rows.get(work.id, ("", "", ""))
        recolour = checkpoint is not None and status == "ok" and made_by != checkpoint
        return "" if version != work.stamp or recolour else status

    def failed_before(self, work: Work) -> bool:
        return self._rows.get(work.id, ("", "", ""))[1] == "failed"


@dataclass
class Plan:
    """The result of listing the inbox.

    Attributes:
        works: the works to be done, by style.
        leaving: one work for each drawing that is to leave the inbox, done in all styles, and whether it failed.
        total: number of drawings.
        growing: number of drawings that are still being written.
        unusable: keys that cannot be processed, each with the reason.
    """

    works: dict[str, list[Work]]
    leaving: list[tuple[Work, bool]] = field(default_factory=list)
    total: int = 0
    growing: int = 0
    unusable: dict[str, str] = field(default_factory=dict)


def look(
    inbox: Inbox, styles: Sequence[str], settle_seconds: float, finished: Finished, checkpoints: Mapping[str, str]
) -> Plan:
    """Lists the inbox; writes nothing and reads no drawing.

    Args:
        inbox: the inbox.
        styles: names of styles, or "" alone.
        settle_seconds: seconds since a file's last change after which it counts as complete.
        finished: what becomes of coloured drawings: "keep", "move" or "delete".
        checkpoints: checkpoint by style, for styles in which drawings of other checkpoints are coloured again.
    """
    ledger = Ledger(inbox)
    plan = Plan({style: [] for style in styles})
    now = time.time()
    entries = sorted(inbox.storage.list("inbox/"), key=lambda entry: entry.key)
    palettes = {_folder(entry.key): entry for entry in entries if is_palette(entry.key)}
    for entry in entries:
        if not is_drawing(entry.key):
            continue
        plan.total += 1
        if problem := _problem(entry.key, styles):
            plan.unusable |= problem
        else:
            works = [Work(entry, style, _nearest(palettes, _folder(entry.key))) for style in styles]
            is_whole = all(abs(now - file.modified) >= settle_seconds for file in works[0].files)
            _classify(works, plan, ledger, checkpoints, finished, is_whole)
    return plan


def _folder(key: str) -> str:
    return key.rpartition("/")[0]


def _nearest(palettes: Mapping[str, Entry], folder: str) -> Entry | None:
    """Returns the palette of a folder, or of its nearest parent folder that has one."""
    while folder and folder not in palettes:
        folder = _folder(folder)
    return palettes.get(folder)


def _problem(key: str, styles: Sequence[str]) -> dict[str, str]:
    """Returns why a drawing cannot be processed, by its key, or by that of its folder if that is the cause; else {}."""
    if not is_usable(key):
        return {key: "a name that not every storage can keep; rename it"}
    folder, _, inner = key.removeprefix("inbox/").partition("/")
    if inner and folder in styles:
        reason = f"{folder!r} is a style, which has outbox/{folder}/ to itself; rename the folder"
        return {f"inbox/{folder}/": f"its drawings wait: {reason}"}
    return {}


def _classify(
    works: list[Work], plan: Plan, ledger: Ledger, checkpoints: Mapping[str, str], finished: Finished, is_whole: bool
) -> None:
    statuses = [ledger.status(work, checkpoints.get(work.style)) for work in works]
    new = [work for work, status in zip(works, statuses, strict=True) if not status]
    if new and not is_whole:
        plan.growing += 1
        return
    for work in new:
        plan.works[work.style].append(work)
    if not new and finished != "keep":
        plan.leaving.append((works[0], "failed" in statuses))


def leave(inbox: Inbox, work: Work, failed: bool, finished: Finished) -> None:
    """Removes a drawing that is done from the inbox, unless it has been replaced in the meantime.

    Args:
        inbox: the inbox.
        work: a work of the drawing.
        failed: whether the drawing failed; it is removed only if its copy is in failed/.
        finished: what becomes of a coloured drawing: "move" copies it to done/ first.
    """
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
    """Returns the key of the reason beside the failed file; shortens the name if it would exceed 255 bytes."""
    path = PurePosixPath("failed", name)
    room = _LONGEST_NAME - len(REASON)
    return str(path.with_name(path.name.encode()[:room].decode(errors="ignore") + REASON))


def is_usable(key: str) -> bool:
    """Tells whether a key is the same in folders, buckets and the manifest."""
    if _UNUSABLE.search(key):
        return False
    try:
        checked_key(key)
    except StorageError:
        return False
    return True
