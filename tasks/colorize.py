"""Colours new drawings of the inbox into the outbox; copies unreadable ones to failed/ with the reason beside them."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from prefect import State, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from imaging.errors import ImageError
from imaging.formats import LayerFile
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
    forget_failed,
    is_unchanged,
    leave,
    look,
    reason_key,
)
from irodori.looks import load_colorizer, load_palette, load_sheet
from irodori.models import Served, Untrained
from irodori.names import layer_path
from irodori.pages import draw_sheet, unsheeted, update_pages
from irodori.settings import settings
from storage import Entry, NotFound, Row, StorageError
from tasks.errors import plain_errors
from tasks.report import show_sheet

if TYPE_CHECKING:
    from cyclegan.painting.colorizer import Colorizer
    from cyclegan.painting.guide import Guide
    from cyclegan.painting.guide_files import Wishes

_MAX_WAIT = 5.0  # seconds; the longest settling time for which a scan waits
_RECORD_EVERY = 2.0  # seconds; after a kill, no more work of a batch than this, or one drawing, is repeated


@dataclass(frozen=True)
class ColorizeJob:
    """How the drawings of one look are coloured.

    Attributes:
        inbox: the inbox.
        served: the checkpoint that colours.
        settle_seconds: seconds since a file's last change after which it counts as complete.
        variant: number of the model's palette, from 1; 0: each drawing gets its own palette.
        recolour: whether to colour again what another checkpoint has coloured.
        credit: a line below the drawings on the page, which names their artist.
        layers: the files of layers to write beside each picture.
    """

    inbox: Inbox
    served: Served
    settle_seconds: float
    variant: int = 0
    recolour: bool = False
    credit: str = ""
    layers: tuple[LayerFile, ...] = ()


@dataclass(frozen=True)
class ClearJob:
    """The inbox, and what becomes of its coloured drawings: "keep", "move" or "delete"."""

    inbox: Inbox
    finished: Finished


@dataclass
class _Batch:
    """The results of a batch so far.

    Attributes:
        job: how the drawings are coloured.
        rows: rows that are not recorded yet.
        shown: entries for pages that are not recorded yet, each with its folder.
        problems: errors of single drawings, raised after the batch.
        counts: number of recorded works by status.
        recorded: time.monotonic() of the latest recording.
    """

    job: ColorizeJob
    rows: list[Row] = field(default_factory=list)
    shown: list[tuple[str, Drawing]] = field(default_factory=list)
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
        """Records the new results: the pages first, because the rows mark the drawings as done."""
        update_pages(self.inbox.storage, self.shown, self.job.credit)
        self.inbox.manifest.record(self.rows)
        self.counts.update(row.status for row in self.rows)
        self.rows, self.shown, self.recorded = [], [], time.monotonic()


@task(name="scan-inbox", cache_policy=NO_CACHE)
@plain_errors
def scan(
    inbox: Inbox, styles: Sequence[str], settle_seconds: float, finished: Finished, checkpoints: Mapping[str, str]
) -> Plan:
    """See :func:`irodori.inbox.look`; waits once, up to 5 s, for files that have just been written."""
    plan, log = look(inbox, styles, settle_seconds, finished, checkpoints), get_run_logger()
    if plan.growing and settle_seconds <= _MAX_WAIT:
        time.sleep(settle_seconds)
        plan = look(inbox, styles, settle_seconds, finished, checkpoints)
    new = {work.name for works in plan.works.values() for work in works}
    log.info("inbox: %d files, %d new, %d still being written", plan.total, len(new), plan.growing)
    for key, reason in plan.unusable.items():
        log.warning("%r: %s", key, reason)
    return plan


@task(name="colorize", cache_policy=NO_CACHE)
@plain_errors
def colorize(works: Sequence[Work], job: ColorizeJob) -> "Counter[str]":
    """Colorizes a batch with one checkpoint, loaded once per process; skips drawings that another run has claimed.

    It writes the coloured drawing, then the page that shows it, then the row; the input stays. An error of the storage
    or of a palette for one drawing does not stop the others; the first such error makes the task fail at the end.
    """
    batch, inbox = _Batch(job), job.inbox
    with claimed(inbox.storage, [work.id for work in works]) as claim:
        ledger = Ledger(inbox)  # read after the claim: another run may have finished some drawings before it
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
    """Removes drawings from the inbox that are done, as configured; copies of failed ones are in failed/."""
    for work, has_failed in leaving:
        leave(job.inbox, work, has_failed, job.finished)
    return Counter("failed" if has_failed else "ok" for _, has_failed in leaving)


def draw_sheets(inbox: Inbox, credit: str) -> None:
    """Draws a contact sheet in each outbox folder with new drawings since the last one, and shows it in the UI."""
    for folder in unsheeted(inbox.storage):
        key = draw_sheet(inbox.storage, folder, credit)
        if key is not None:
            caption = f"{folder or 'outbox'}: before and after"
            show_sheet(f"outbox {folder}", inbox.storage.read(key), caption, key, _on_the_page(folder))


def _on_the_page(folder: str) -> str:
    """Returns a link to the folder's drawings on the web page, where there is one."""
    page = settings().page
    return f"[Change these colours on the page]({page}/?{urlencode({'inbox': folder})})" if page else ""


def waiting(works: Iterable[Work], missing: Sequence[PipelineError]) -> "State[None]":
    """Returns the state of a run whose drawings wait for a model: not Failed, or each scheduled run would fail.

    Raises:
        PipelineError: if a model is not merely untrained (its text is one line).
    """
    line = f"{len({work.name for work in works})} drawings wait: {'; '.join(map(str, missing))}"
    if not all(isinstance(error, Untrained) for error in missing):
        raise PipelineError(line)
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
    """Colours one drawing, and returns its row and page entry; None if the file must wait for a later run."""
    from cyclegan.painting.files import colorize_file
    from cyclegan.painting.hints import HintError
    from cyclegan.painting.palettes import PaletteError
    from cyclegan.painting.sheets import SheetError

    storage = batch.inbox.storage
    row: dict[str, Any] = {"id": work.id, "domain": "A", "stage": "colorize", "version": work.stamp}
    row |= {"made_by": batch.job.served.checkpoint, "source": work.entry.key}
    try:
        read = {file: storage.read_version(file.key) for file in (work.entry, *work.guides)}
    except NotFound:
        if work.guides and storage.exists(work.entry.key):
            return None
        return (Row(**row, status="dropped", reason="taken out of the inbox before its turn"),)
    if any(version != file.version for file, (_, version) in read.items()):
        return None
    files = {file: data for file, (data, _) in read.items()}
    try:
        guide = _guide(work, _wishes(work, files), batch)
        paint = partial(batch.colorizer.paint, guide=guide)
        done = colorize_file(paint, files[work.entry], work.name, batch.job.layers)
    except (ImageError, HintError) as error:
        patience = PATIENCE * batch.job.settle_seconds
        if any(abs(time.time() - file.modified) < patience or not is_unchanged(storage, file) for file in files):
            return None
        _copy_to_failed(work, batch.inbox, files, str(error))
        failure = Row(**row, status="failed", reason=str(error), key=failed_key(work.name))
        return failure, failed(work.name, work.stamp, str(error))
    except (PaletteError, SheetError) as error:
        raise PipelineError(f"{batch.job.served.checkpoint}: {error}") from error
    for kind, layers in done.layers.items():
        storage.write(layer_path(f"outbox/{work.id}", kind), layers)
    storage.write(f"outbox/{work.id}", done.data)
    row |= {"width": str(done.colour.width), "height": str(done.colour.height)}
    drawing = coloured(work.name, work.stamp, work.style, done.line, done.colour)
    return Row(**row, status="ok", key=f"outbox/{work.id}"), drawing


def _guide(work: Work, wishes: "Wishes", batch: _Batch) -> "Guide":
    """Returns what the files beside the drawing ask for, and where they leave it open, those of its folder.

    Raises:
        HintError: the model cannot do what the files ask for (its text is one line that names the file).
    """
    from cyclegan.painting.guide import Guide

    job = batch.job
    guide = Guide(variant=job.variant)
    if not wishes.colours or job.variant > 1:
        guide = replace(
            guide, sheets=tuple(load_sheet(job.inbox.storage_url, job.served, file) for file in work.sheets)
        )
        if work.palette and job.variant <= 1:
            palette = load_palette(job.inbox.storage_url, job.served, work.palette)
            guide = replace(guide, variant=0, palette=palette)
    return wishes.over(guide, batch.colorizer)


def _wishes(work: Work, files: Mapping[Entry, bytes]) -> "Wishes":
    """Reads what the files beside a drawing ask for.

    Raises:
        HintError: a file is wrong (its text is one line that names the file).
    """
    from cyclegan.painting.guide_files import read_wishes

    return read_wishes((PurePosixPath(file.key).name, files[file]) for file in work.guides)


def _copy_to_failed(work: Work, inbox: Inbox, files: Mapping[Entry, bytes], reason: str) -> None:
    for file, data in files.items():
        inbox.storage.write(failed_key(file.key.removeprefix("inbox/")), data)
    inbox.storage.write(reason_key(work.name), f"{reason}\n".encode())
    get_run_logger().warning("%s: %s; see failed/", work.entry.key, reason)


def _forget_failure(work: Work, inbox: Inbox, ledger: Ledger, batch: _Batch) -> None:
    """Deletes the copy and the reason of an earlier failure once the drawing has been coloured."""
    if ledger.failed_before(work) and batch.rows and batch.rows[-1].id == work.id and batch.rows[-1].status == "ok":
        forget_failed(inbox, work)
