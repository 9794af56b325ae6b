"""Lists the inbox: finds the drawings to colour and those that are done, and removes the latter."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Literal

from irodori.guiding import finder, folder_of
from irodori.names import REASON, guided, guides_by, is_drawing, with_ending
from storage import Entry, Manifest, NotFound, Storage, StorageError, open_storage
from storage.base import checked_key

Finished = Literal["keep", "move", "delete"]

PATIENCE = 10  # times the settling time until an unreadable file counts as failed: its copy may have stalled
_UNUSABLE = re.compile("[\0-\x1f\x7f\\\\\ud800-\udfff]")  # characters that a CSV or some storages do not preserve


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
        guides: files with hints for the drawing.
        sheets: colour sheets for the drawing's folder.
    """

    entry: Entry
    style: str
    palette: Entry | None = None
    guides: tuple[Entry, ...] = ()
    sheets: tuple[Entry, ...] = ()

    @property
    def name(self) -> str:
        """The drawing's path in the inbox."""
        return self.entry.key.removeprefix("inbox/")

    @property
    def files(self) -> list[Entry]:
        """The files that the work reads: the drawing, and what guides it."""
        return [self.entry, *([self.palette] if self.palette else []), *self.guides, *self.sheets]

    @property
    def folder(self) -> str:
        return folder_of(self.name)

    @property
    def id(self) -> str:
        """The id of its row in the manifest: the path of the coloured drawing in the outbox."""
        return f"{self.style}/{self.name}" if self.style else self.name

    @property
    def stamp(self) -> str:
        """Identifies this version of the file and what guides it; a file that is written again has another stamp."""
        _, *guiding = self.files
        return " ".join([self.entry.version, f"{self.entry.modified:.6f}", *(file.version for file in guiding)])


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
    find = finder(entries)
    staying: set[Entry] = set()
    for entry in entries:
        if not is_drawing(entry.key):
            continue
        plan.total += 1
        if problem := _problem(entry.key, styles):
            plan.unusable |= problem
        else:
            works = [Work(entry, style, *find(entry.key)) for style in styles]
            is_whole = all(abs(now - file.modified) >= settle_seconds for file in works[0].files)
            if not _classify(works, plan, ledger, checkpoints, finished, is_whole):
                staying.update(works[0].guides)
    # hints for both page.png and page.tif leave with the last of the two
    plan.leaving = [
        (replace(work, guides=tuple(guide for guide in work.guides if guide not in staying)), failed)
        for work, failed in plan.leaving
    ]
    return plan


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
) -> bool:
    """Adds the works of a drawing to the plan; returns whether the drawing is to leave."""
    statuses = [ledger.status(work, checkpoints.get(work.style)) for work in works]
    new = [work for work, status in zip(works, statuses, strict=True) if not status]
    if new and not is_whole:
        plan.growing += 1
        return False
    for work in new:
        plan.works[work.style].append(work)
    leaving = not new and finished != "keep"
    if leaving:
        plan.leaving.append((works[0], "failed" in statuses))
    return leaving


def leave(inbox: Inbox, work: Work, failed: bool, finished: Finished) -> None:
    """Removes a drawing that is done and its hints from the inbox, unless one has been replaced in the meantime.

    Args:
        inbox: the inbox.
        work: a work of the drawing.
        failed: whether the drawing failed; it is removed only if its copy is in failed/.
        finished: what becomes of a coloured drawing: "move" copies it to done/ first.
    """
    storage = inbox.storage
    files = [file for file in (work.entry, *work.guides) if storage.exists(file.key)]
    if not all([_is_kept(storage, file, failed, finished) for file in files]):
        return
    for file in files:  # the drawing first: it must not be seen without its hints
        if is_unchanged(storage, file):
            storage.delete(file.key)


def _is_kept(storage: Storage, file: Entry, failed: bool, finished: Finished) -> bool:
    """Copies a file that is to leave the inbox, if it is to be kept; returns whether it may leave."""
    name = file.key.removeprefix("inbox/")
    if failed and not storage.exists(failed_key(name)):
        return False
    try:
        data, version = storage.read_version(file.key)
    except NotFound:
        return False
    if version == file.version and finished == "move" and not failed:
        storage.write(f"done/{name}", data)
    return version == file.version


def forget_failed(inbox: Inbox, work: Work) -> None:
    """Deletes the copies in failed/ of a drawing and of its hints, and the reason."""
    key = failed_key(work.name)
    near = inbox.storage.list(key.removesuffix(PurePosixPath(key).suffix))
    guides = [entry.key for entry in near if guided(entry.key) in guides_by(key)]
    for copy in (reason_key(work.name), key, *guides):
        inbox.storage.delete(copy)


def is_unchanged(storage: Storage, entry: Entry) -> bool:
    try:
        return storage.read_version(entry.key)[1] == entry.version
    except NotFound:
        return False


def failed_key(name: str) -> str:
    return f"failed/{name}"


def reason_key(name: str) -> str:
    """Returns the key of the reason beside the failed file."""
    return with_ending(failed_key(name), REASON)


def is_usable(key: str) -> bool:
    """Tells whether a key is the same in folders, buckets and the manifest."""
    if _UNUSABLE.search(key):
        return False
    try:
        checked_key(key)
    except StorageError:
        return False
    return True
