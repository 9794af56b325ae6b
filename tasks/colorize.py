"""Stage colorize: new drawings in the inbox → outbox; what cannot be read → failed, with its reason beside it."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from imaging.codec import ImageError
from imaging.gallery import Drawing
from storage import NotFound, Row, StorageError
from tasks.claims import claimed
from tasks.errors import plain_errors
from tasks.gallery import draw_sheet, shown, update_pages
from tasks.inbox import PATIENCE, Finished, Inbox, Ledger, Plan, Work, failed_key, is_unchanged, leave, look, reason_key
from tasks.report import show_sheet
from tasks.served import load_colorizer

if TYPE_CHECKING:
    from cyclegan.colorizer import Colorizer

_RECORD_EVERY = 2.0  # seconds; a kill repeats no more of a batch than that, or one drawing


@dataclass
class _Batch:
    """What one batch has come to; rows, shown: not recorded yet."""

    inbox: Inbox
    rows: list[Row] = field(default_factory=list)
    shown: list[tuple[str, Drawing]] = field(default_factory=list)  # with its folder
    problems: list[StorageError] = field(default_factory=list)
    counts: "Counter[str]" = field(default_factory=Counter)
    recorded: float = field(default_factory=time.monotonic)

    def record(self) -> None:
        """The page first, then the rows, for these say that all is done."""
        update_pages(self.inbox.storage, self.shown)
        self.inbox.manifest.record(self.rows)
        self.counts.update(row.status for row in self.rows)
        self.rows, self.shown, self.recorded = [], [], time.monotonic()


@task(name="scan-inbox", cache_policy=NO_CACHE)
@plain_errors
def scan(
    inbox: Inbox, styles: Sequence[str], settle_seconds: float, finished: Finished, checkpoints: Mapping[str, str]
) -> Plan:
    """See :func:`tasks.inbox.look`."""
    plan, log = look(inbox, styles, settle_seconds, finished, checkpoints), get_run_logger()
    new = {work.name for works in plan.works.values() for work in works}
    log.info("inbox: %d files, %d new, %d still being written", plan.total, len(new), plan.growing)
    for key in plan.unusable:
        log.warning("%r: a name that not every storage can keep; rename it", key)
    return plan


@task(name="colorize", cache_policy=NO_CACHE)
@plain_errors
def colorize(
    works: list[Work], inbox: Inbox, best: dict[str, Any], settle_seconds: float, recolour: bool
) -> "Counter[str]":
    """Colorizes a batch with one checkpoint, loaded once a process; leaves out what another run is at work on.

    Output first, then the page that shows it, then the row; the input stays. What the storage refuses for one drawing
    does not hold up the others, and is raised at the end.
    """
    colorizer = load_colorizer(inbox.storage_url, best)
    batch = _Batch(inbox)
    with claimed(inbox.storage, [work.id for work in works]) as claim:
        ledger = Ledger(inbox)  # only now: another run may have finished some between our look and our claim
        checkpoint = best["checkpoint"] if recolour else None
        for work in works:
            if work.id in claim.ids and not ledger.status(work, checkpoint) and time.monotonic() < claim.until:
                _try_one(work, inbox, colorizer, best["checkpoint"], PATIENCE * settle_seconds, batch)
                _forget_failure(work, inbox, ledger, batch)
            if time.monotonic() - batch.recorded > _RECORD_EVERY:
                batch.record()
        batch.record()
    if batch.problems:
        raise batch.problems[0]
    return batch.counts


@task(name="clear-inbox", cache_policy=NO_CACHE)
@plain_errors
def clear(leaving: list[tuple[Work, bool]], inbox: Inbox, finished: Finished) -> "Counter[str]":
    """Takes finished drawings out of the inbox, as configured, and failed ones, which are in failed/ by now."""
    for work, failed in leaving:
        leave(inbox, work, failed, finished)
    return Counter("failed" if failed else "ok" for _, failed in leaving)


def draw_sheets(inbox: Inbox, works: Iterable[Work], styles: Sequence[str], credit: str) -> None:
    """A contact sheet in each outbox folder that got something new, shown in the UI too."""
    for folder in sorted({work.folder for work in works}):
        key = draw_sheet(inbox.storage, folder, styles, credit)
        if key is not None:
            caption = f"{folder or 'outbox'}: line | {' | '.join(styles) or 'colour'}"
            show_sheet(f"outbox {folder}", inbox.storage.read(key), caption, key)


def _try_one(work: Work, inbox: Inbox, colorizer: "Colorizer", checkpoint: str, patience: float, batch: _Batch) -> None:
    try:
        done = _colorize_one(work, inbox, colorizer, checkpoint, patience)
    except StorageError as error:
        batch.problems.append(error)
        return
    if done is not None:
        batch.rows.append(done[0])
        batch.shown += [(work.folder, drawing) for drawing in done[1:]]


def _colorize_one(
    work: Work, inbox: Inbox, colorizer: "Colorizer", checkpoint: str, patience: float
) -> tuple[Row] | tuple[Row, Drawing] | None:
    """The row and what to show, with the bytes written; None for a file that is better left to a later run."""
    from cyclegan.files import colorize_file

    row: dict[str, Any] = {"id": work.id, "domain": "A", "stage": "colorize", "version": work.stamp}
    row |= {"made_by": checkpoint, "source": work.entry.key}
    try:
        data, version = inbox.storage.read_version(work.entry.key)
    except NotFound:
        return (Row(**row, status="dropped", reason="taken out of the inbox before its turn"),)
    if version != work.entry.version:
        return None
    try:
        coloured = colorize_file(colorizer, data, work.name)
    except ImageError as error:
        if abs(time.time() - work.entry.modified) < patience or not is_unchanged(inbox.storage, work.entry):
            return None
        _set_aside(work, inbox, data, str(error))
        failure = Row(**row, status="failed", reason=str(error), key=failed_key(work.name))
        return failure, shown(work, None, str(error))
    inbox.storage.write(f"outbox/{work.id}", coloured.data)
    row |= {"width": str(coloured.colour.width), "height": str(coloured.colour.height)}
    return Row(**row, status="ok", key=f"outbox/{work.id}"), shown(work, coloured)


def _set_aside(work: Work, inbox: Inbox, data: bytes, reason: str) -> None:
    inbox.storage.write(failed_key(work.name), data)
    inbox.storage.write(reason_key(work.name), f"{reason}\n".encode())
    get_run_logger().warning("%s: %s; moved to failed/", work.entry.key, reason)


def _forget_failure(work: Work, inbox: Inbox, ledger: Ledger, batch: _Batch) -> None:
    """Once a drawing has been mended, what was kept of its failure goes."""
    if ledger.failed_before(work) and batch.rows and batch.rows[-1].id == work.id and batch.rows[-1].status == "ok":
        for key in (reason_key(work.name), failed_key(work.name)):
            inbox.storage.delete(key)
