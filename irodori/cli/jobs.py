"""Decides what is to be coloured: a job for each drawing and look of which OUT has no colours yet."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from imaging.formats import LayerFile
from irodori.cli.guides import beside
from irodori.cli.listing import OURS, list_drawings
from irodori.cli.outputs import Outputs, content, fingerprint
from irodori.cli.tally import Tally
from irodori.names import layer_path


@dataclass(frozen=True)
class Request:
    """What the command line asks for.

    Attributes:
        sources: drawings and folders of drawings.
        target: OUT, a file or a folder.
        into_folder: whether OUT is a folder.
        looks: the folder of each look in OUT; "" alone if there is only one look.
        tools: checkpoints, pictures, hints and sheets that the looks are made of.
        asked: fingerprint of the hints and sheets of the command line.
        layers: the files of layers to write beside each picture.
    """

    sources: Sequence[Path]
    target: Path
    into_folder: bool
    looks: Sequence[str]
    tools: Sequence[Path]
    asked: str = ""
    layers: Sequence[LayerFile] = ()


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
        guides: files of hints beside the drawing, with their sizes and times.
        asked: fingerprint of the hints and sheets of the command line.
        layers: the paths of its files of layers.
    """

    source: Path
    inner: Path
    status: os.stat_result
    target: Path
    look: str
    again: bool
    guides: Mapping[Path, os.stat_result]
    asked: str
    layers: Mapping[LayerFile, Path]

    @property
    def changed(self) -> tuple[int, ...]:
        """Times of the last changes of the drawing and of its hints, in nanoseconds since the epoch."""
        return (self.status.st_mtime_ns, *(status.st_mtime_ns for status in self.guides.values()))


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
    find = beside()
    guides = {path: find(path) for path, _ in listing.drawings}
    originals = [*guides, *chain(*guides.values()), *others, *listing.failed, *request.tools]
    outputs = Outputs(originals)
    jobs: dict[Path, Job] = {}
    for path, inner in listing.drawings:
        for job in _jobs(path, inner, guides[path], request, again):
            ready = all(abs(time.time() - changed / 1e9) >= settle for changed in job.changed)
            if ready and tally.broken.get(path) != job.changed:
                first = jobs.setdefault(job.target, job)
                if not os.path.samestat(job.status, first.status):
                    tally.fail(path, f"{first.source} has the same name: rename one of them")
    waiting = [job for job in jobs.values() if not _has(outputs, job)]
    tally.current = len(jobs) - len(waiting)
    return [job for job in waiting if not _refused(outputs, job, tally)], outputs


def _jobs(path: Path, inner: Path, guides: Sequence[Path], request: Request, again: bool) -> Iterator[Job]:
    """Yields a drawing's job for each look."""
    try:
        status, read = path.stat(), {guide: guide.stat() for guide in guides}
    except FileNotFoundError:
        return
    for look in request.looks:
        target = request.target / look / inner if request.into_folder else request.target
        layers = {kind: Path(layer_path(str(target), kind)) for kind in request.layers}
        yield Job(path, inner, status, target, look, again, read, request.asked, layers)


def is_current(outputs: Outputs, job: Job, path: Path) -> bool:
    """Tells whether a file was made of the drawing, its hints and sheets as they are, even if it was changed since."""
    record, _ = outputs.look(path)
    if job.again or record is None or record.source is None or not record.source.fits(job.source, job.status):
        return False
    return record.guide == fingerprint(*(content(path, status) for path, status in job.guides.items()), job.asked)


def _has(outputs: Outputs, job: Job) -> bool:
    """Tells whether OUT has all files of the drawing as it is now."""
    return all(is_current(outputs, job, path) for path in (job.target, *job.layers.values()))


def _refused(outputs: Outputs, job: Job, tally: Tally) -> bool:
    """Tells whether none of the files that OUT lacks may be written, and why."""
    lacking = [path for path in (job.target, *job.layers.values()) if not is_current(outputs, job, path)]
    reasons = list(filter(None, (outputs.refusal(path, job.again) for path in lacking)))
    for reason in reasons:
        tally.fail(job.source, reason)
    return len(reasons) == len(lacking)
