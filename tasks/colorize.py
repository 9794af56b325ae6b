"""Stage colorize: new drawings in the inbox → outbox; what cannot be read → failed, with its reason beside it."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from prefect import State, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from imaging.errors import ImageError
from irodori.claims import claimed
from irodori.errors import PipelineError
from irodori.gallery import Drawing, coloured, failed
from irodori.inbox import (
    PATIENCE,
    Finished,
    Inbox,
    Ledger,
    Plan,
    Work,
    failed_key,
    is_unchanged,
    leave,
    look,
    reason_key,
)
from irodori.looks import load_colorizer, load_palette
from irodori.models import Served
from irodori.pages import draw_sheet, unsheeted, update_pages
from storage import NotFound, Row, StorageError
from tasks.errors import plain_errors
from tasks.report import show_sheet

if TYPE_CHECKING:
    from cyclegan.painting.colorizer import Colorizer
    from cyclegan.painting.guide import Guide

_MOMENT = 5.0  # seconds
_RECORD_EVERY = 2.0  # seconds; a kill repeats no more of a batch than that, or one drawing


@dataclass(frozen=True)
class ColorizeJob:
    """How the drawings of one look are coloured.

    Attributes:
        variant: in which of the model's palettes, from 1; 0: each drawing in its own.
        settle_seconds: how long a file must have been left alone before it counts as whole.
        recolour: whether to do again what another checkpoint has coloured.
        credit: a line on the page.
    """

    inbox: Inbox
    served: Served
    settle_seconds: float
    variant: int = 0
    recolour: bool = False
    credit: str = ""


@dataclass(frozen=True)
class ClearJob:
    """The inbox, and what becomes of drawings in it that are done."""

    inbox: Inbox
    finished: Finished


@dataclass
class _Batch:
    """What a batch has come to; rows, shown: not recorded yet."""

    job: ColorizeJob
    rows: list[Row] = field(default_factory=list)
    shown: list[tuple[str, Drawing]] = field(default_factory=list)  # with its folder
    problems: list[PipelineError | StorageError] = field(default_factory=list)
    counts: "Counter[str]" = field(default_factory=Counter)
    recorded: float = field(default_factory=time.monotonic)

    @property
    def inbox(self) -> Inbox:
        return self.job.inbox

    @cached_property
    def colorizer(self) -> "Colorizer":
        return load_colorizer(self.inbox.storage_url, self.job.served)

    def record(self) -> None:
        """The page first, then the rows, for these say that all is done."""
        update_pages(self.inbox.storage, self.shown, self.job.credit)
        self.inbox.manifest.record(self.rows)
        self.counts.update(row.status for row in self.rows)
        self.rows, self.shown, self.recorded = [], [], time.monotonic()


@task(name="scan-inbox", cache_policy=NO_CACHE)
@plain_errors
def scan(
    inbox: Inbox, styles: Sequence[str], settle_seconds: float, finished: Finished, checkpoints: Mapping[str, str]
) -> Plan:
    """See :func:`irodori.inbox.look`; waits a moment for what is all but settled, as after an event."""
    plan, log = look(inbox, styles, settle_seconds, finished, checkpoints), get_run_logger()
    if plan.growing and settle_seconds <= _MOMENT:
        time.sleep(settle_seconds)
        plan = look(inbox, styles, settle_seconds, finished, checkpoints)
    new = {work.name for works in plan.works.values() for work in works}
    log.info("inbox: %d files, %d new, %d still being written", plan.total, len(new), plan.growing)
    for key in plan.unusable:
        log.warning("%r: a name that not every storage can keep; rename it", key)
    return plan


@task(name="colorize", cache_policy=NO_CACHE)
@plain_errors
def colorize(works: Sequence[Work], job: ColorizeJob) -> "Counter[str]":
    """Colorizes a batch with one checkpoint, loaded once a process; leaves out what another run is at work on.

    Output first, then the page that shows it, then the row; the input stays. What the storage refuses for one drawing
    does not hold up the others, and is raised at the end.
    """
    batch, inbox = _Batch(job), job.inbox
    with claimed(inbox.storage, [work.id for work in works]) as claim:
        ledger = Ledger(inbox)  # only now: another run may have finished some between our look and our claim
        checkpoint = job.served.checkpoint if job.recolour else None
        for work in works:
            if work.id in claim.ids and not ledger.status(work, checkpoint) and time.monotonic() < claim.until:
                _try_one(work, batch)
                _forget_failure(work, inbox, ledger, batch)
            if time.monotonic() - batch.recorded > _RECORD_EVERY:
                batch.record()
        batch.record()
    if batch.problems:
        raise batch.problems[0]
    return batch.counts


@task(name="clear-inbox", cache_policy=NO_CACHE)
@plain_errors
def clear(leaving: Sequence[tuple[Work, bool]], job: ClearJob) -> "Counter[str]":
    """Takes finished drawings out of the inbox, as configured, and failed ones, which are in failed/ by now."""
    for work, has_failed in leaving:
        leave(job.inbox, work, has_failed, job.finished)
    return Counter("failed" if has_failed else "ok" for _, has_failed in leaving)


def draw_sheets(inbox: Inbox, credit: str) -> None:
    """A contact sheet in each outbox folder that got something new since the last one, shown in the UI too."""
    for folder in unsheeted(inbox.storage):
        key = draw_sheet(inbox.storage, folder, credit)
        if key is not None:
            show_sheet(f"outbox {folder}", inbox.storage.read(key), f"{folder or 'outbox'}: before and after", key)


def waiting(works: Iterable[Work], untrained: Sequence[str]) -> "State[None]":
    """How a run ends whose drawings wait for a model: not Failed, for a schedule would fail each minute until then."""
    line = f"{len({work.name for work in works})} drawings wait: {'; '.join(untrained)}"
    get_run_logger().warning(line)
    return Completed(name="Waiting", message=line)


def _try_one(work: Work, batch: _Batch) -> None:
    try:
        done = _colorize_one(work, batch)
    except (PipelineError, StorageError) as error:
        batch.problems.append(error)
        return
    if done is not None:
        batch.rows.append(done[0])
        batch.shown += [(work.folder, drawing) for drawing in done[1:]]


def _colorize_one(work: Work, batch: _Batch) -> tuple[Row] | tuple[Row, Drawing] | None:
    """The row and what to show, with the bytes written; None for a file that is better left to a later run."""
    from cyclegan.painting.files import colorize_file
    from cyclegan.painting.palettes import PaletteError

    storage = batch.inbox.storage
    row: dict[str, Any] = {"id": work.id, "domain": "A", "stage": "colorize", "version": work.stamp}
    row |= {"made_by": batch.job.served.checkpoint, "source": work.entry.key}
    try:
        data, version = storage.read_version(work.entry.key)
    except NotFound:
        return (Row(**row, status="dropped", reason="taken out of the inbox before its turn"),)
    if version != work.entry.version:
        return None
    try:
        done = colorize_file(partial(batch.colorizer, guide=_guide(work, batch)), data, work.name)
    except ImageError as error:
        patience = PATIENCE * batch.job.settle_seconds
        if abs(time.time() - work.entry.modified) < patience or not is_unchanged(storage, work.entry):
            return None
        _set_aside(work, batch.inbox, data, str(error))
        failure = Row(**row, status="failed", reason=str(error), key=failed_key(work.name))
        return failure, failed(work.name, work.stamp, str(error))
    except PaletteError as error:
        raise PipelineError(f"{batch.job.served.checkpoint}: {error}") from error
    storage.write(f"outbox/{work.id}", done.data)
    row |= {"width": str(done.colour.width), "height": str(done.colour.height)}
    drawing = coloured(work.name, work.stamp, work.style, done.line, done.colour)
    return Row(**row, status="ok", key=f"outbox/{work.id}"), drawing


def _guide(work: Work, batch: _Batch) -> "Guide":
    """The palette of the picture beside the drawing, in place of the first variant; else the variant of the job."""
    from cyclegan.painting.guide import Guide

    job = batch.job
    if work.palette and job.variant <= 1:
        return Guide(palette=load_palette(job.inbox.storage_url, job.served, work.palette))
    return Guide(variant=job.variant)


def _set_aside(work: Work, inbox: Inbox, data: bytes, reason: str) -> None:
    inbox.storage.write(failed_key(work.name), data)
    inbox.storage.write(reason_key(work.name), f"{reason}\n".encode())
    get_run_logger().warning("%s: %s; moved to failed/", work.entry.key, reason)


def _forget_failure(work: Work, inbox: Inbox, ledger: Ledger, batch: _Batch) -> None:
    """Once a drawing has been mended, what was kept of its failure goes."""
    if ledger.failed_before(work) and batch.rows and batch.rows[-1].id == work.id and batch.rows[-1].status == "ok":
        for key in (reason_key(work.name), failed_key(work.name)):
            inbox.storage.delete(key)
