"""Decides what is to be coloured: a job for each drawing and look of which OUT has no colours yet."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from irodori.cli.listing import OURS, list_drawings
from irodori.cli.outputs import Outputs
from irodori.cli.tally import Tally


@dataclass(frozen=True)
class Request:
    """What the command line asks for.

    Attributes:
        sources: drawings and folders of drawings.
        target: OUT, a file or a folder.
        into_folder: whether OUT is a folder.
        looks: the folder of each look in OUT; "" alone if there is only one look.
        tools: checkpoints and pictures that the looks are made of.
    """

    sources: Sequence[Path]
    target: Path
    into_folder: bool
    looks: Sequence[str]
    tools: Sequence[Path]


@dataclass(frozen=True)
class Job:
    """One drawing to be coloured in one look.

    Attributes:
        source: path of the drawing.
        inner: its path inside OUT, below the look's folder.
        status: the drawing's size and times when it was listed.
        target: path of the coloured drawing.
        look: the look's folder in OUT; "" if there is only one look.
        again: whether to colour what OUT has, and to replace there what this program did not make.
    """

    source: Path
    inner: Path
    status: os.stat_result
    target: Path
    look: str
    again: bool


def plan(request: Request, again: bool, settle: float, tally: Tally) -> tuple[list[Job], Outputs]:
    """Lists the drawings.

    Args:
        request: what is to be coloured.
        again: whether to colour what OUT has, and to replace there what this program did not make.
        settle: seconds since a drawing's last change before it is read.
        tally: counts the drawings that OUT has; is told what is left out and what fails.

    Returns:
        The jobs to be done, and what knows the files in OUT.
    """
    listing = list_drawings(request.sources, request.target)
    tally.leave_out(listing.left_out)
    for path, reason in listing.failed.items():
        tally.fail(path, reason)
    others = [path for path, kind in listing.left_out.items() if kind != OURS]
    outputs = Outputs([*(path for path, _ in listing.drawings), *others, *listing.failed, *request.tools])
    jobs: dict[Path, Job] = {}
    for path, inner in listing.drawings:
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        if abs(time.time() - status.st_mtime) >= settle and tally.broken.get(path) != status.st_mtime_ns:
            for look in request.looks:
                target = request.target / look / inner if request.into_folder else request.target
                job = Job(path, inner, status, target, look, again)
                if not os.path.samestat(status, (first := jobs.setdefault(target, job)).status):
                    tally.fail(path, f"{first.source} has the same name: rename one of them")
    waiting = [job for job in jobs.values() if not _has(outputs, job)]
    tally.current = len(jobs) - len(waiting)
    return [job for job in waiting if not _refused(outputs, job, tally)], outputs


def _has(outputs: Outputs, job: Job) -> bool:
    """Tells whether OUT has the colours of the drawing as it is now."""
    record, _ = outputs.look(job.target)
    return not job.again and record is not None and bool(record.source and record.source.fits(job.source, job.status))


def _refused(outputs: Outputs, job: Job, tally: Tally) -> bool:
    if reason := outputs.refusal(job.target, job.again):
        tally.fail(job.source, reason)
    return bool(reason)
