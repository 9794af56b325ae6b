"""Colours drawings from a terminal, without any server: `irodori colorize IN OUT`."""

import io
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cyclegan.whole_file import write_whole
from imaging.formats import promised_format
from irodori.cli.looks import Colorize, load_looks
from irodori.gallery import Drawing, coloured, contact_sheet, failed, merge, read_page, write_page
from irodori.names import PAGE, SHEET, is_drawing

if TYPE_CHECKING:
    from cyclegan.painting.files import Coloured

SETTLE, LOOK = 1.0, 1.0  # seconds since a watched file's last change before it is read; seconds between two listings
SOME_FAILED, STOPPED = 1, 130

_out, _err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Job:
    """One drawing to be coloured in one style.

    Attributes:
        source: path of the drawing.
        inner: its path inside IN.
        modified: time of its last change, in nanoseconds since the epoch.
        target: path of the coloured drawing.
        style: the style's folder in OUT; "" if there is only one style.
    """

    source: Path
    inner: Path
    modified: int
    target: Path
    style: str


@dataclass
class Tally:
    """The results so far.

    Attributes:
        coloured: number of drawings coloured.
        current: number of drawings that OUT has in a newer version.
        failures: for each failed drawing, the time of its last change (ns) and the reason.
        shown: new entries for the pages, by folder.
    """

    coloured: int = 0
    current: int = 0
    failures: dict[Path, tuple[int, str]] = field(default_factory=dict)
    shown: dict[Path, list[Drawing]] = field(default_factory=lambda: defaultdict(list))


def colorize(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A drawing, or a folder of drawings.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="A file, or a folder; folders keep their inner paths.")],
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="NAME|FILE.pt", help="A trained model, or a checkpoint file.")
    ] = "default",
    style: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|FILE.pt", help="Several models, each into OUT/NAME/; give it once for each."),
    ] = None,
    variants: Annotated[
        int, typer.Option(min=1, max=64, help="Palettes of each model to choose from, each into OUT/variant-…/.")
    ] = 1,
    like: Annotated[
        list[Path] | None,
        typer.Option(metavar="PICTURE", help="Take the colours of this picture; several: each into OUT/PICTURE/."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Colour also what OUT has in a newer version.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Then wait for more drawings, until Ctrl-C.")] = False,
) -> None:
    """Colour a drawing, or every drawing of a folder, on this machine.

    Size, format, transparency and resolution stay as they are. A name finds its model in the storage that
    IRODORI_STORAGE names. With folders by style, variant or picture, OUT also gets a contact sheet and a page of all.

    Exit status: 0 all done, 1 some drawings failed, 2 wrong arguments.
    """
    _check(source, target, watch)
    looks = load_looks(model, style or [], variants, like or [])
    if len(looks) > 1 and not _means_folder(target):
        raise typer.BadParameter(f"{target} is one file: name a folder for all of them", param_hint="OUT")
    tally, settle = Tally(), SETTLE if watch else 0
    try:
        _run(_jobs(source, target, list(looks), again, tally, settle), target, looks, tally)
        while watch:
            time.sleep(LOOK)
            _run(_jobs(source, target, list(looks), False, tally, settle), target, looks, tally)
    except KeyboardInterrupt:
        _err.print("stopped; what is done stays done")
        raise typer.Exit(STOPPED) from None
    numbers = f"{tally.coloured} coloured, {tally.current} up to date, {len(tally.failures)} failed"
    _out.print(f"{numbers}: {escape(str(target))}")
    raise typer.Exit(SOME_FAILED if tally.failures else 0)


def _check(source: Path, target: Path, watch: bool) -> None:
    if not source.exists():
        raise typer.BadParameter(f"there is no {source}", param_hint="IN")
    if watch and not source.is_dir():
        raise typer.BadParameter("only a folder can be watched", param_hint="--watch")
    if source.is_dir() and target.is_file():
        raise typer.BadParameter(f"{target} is a file, but {source} is a folder", param_hint="OUT")
    if source.resolve() == target.resolve():
        raise typer.BadParameter("the drawings would be overwritten: choose another place", param_hint="OUT")


def _jobs(source: Path, target: Path, styles: list[str], again: bool, tally: Tally, settle: float) -> list[Job]:
    """Returns the jobs to be done, and counts the drawings that OUT has already."""
    jobs, tally.current = [], 0
    for path, inner in _drawings(source, target):
        try:
            modified = path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
        if abs(time.time() - modified / 1e9) < settle or tally.failures.get(path, (0, ""))[0] == modified:
            continue
        for style in styles:
            out = target / style / inner if style or source.is_dir() or _means_folder(target) else target
            if not again and out.is_file() and out.stat().st_mtime_ns >= modified:
                tally.current += 1
            else:
                jobs.append(Job(path, inner, modified, out, style))
    return jobs


def _means_folder(target: Path) -> bool:
    return target.is_dir() or promised_format(target.name) is None


def _drawings(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    """Yields each drawing with its path inside the folder; skips the target if it is inside the folder."""
    if not source.is_dir():
        yield source, Path(source.name)
        return
    inside = target.resolve()
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if Path(folder, name).resolve() != inside)
        for name in sorted(names):
            inner = Path(folder, name).relative_to(source)
            if promised_format(name) and is_drawing(inner.as_posix()):
                yield Path(folder, name), inner


def _run(jobs: list[Job], target: Path, looks: dict[str, Colorize], tally: Tally) -> None:
    """Colours the drawings, and then lists those that failed."""
    from cyclegan.painting.files import colorize_files

    if not jobs:
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=_err, transient=True) as progress:
            task = progress.add_task("", total=len(jobs))
            files = ((looks[job.style], job.source.read_bytes, job.target.name) for job in jobs)
            for job, done in zip(jobs, colorize_files(files), strict=True):
                progress.update(task, description=escape(job.source.name[-40:]))
                _keep(job, done, tally)
                progress.advance(task)
    finally:
        _show(target, tally)
    for path in dict.fromkeys(job.source for job in jobs):
        if path in tally.failures:
            _err.print(f"{escape(str(path))}: {escape(tally.failures[path][1])}", style="red")


def _keep(job: Job, done: "Coloured | Exception", tally: Tally) -> None:
    if isinstance(done, Exception):
        reason = (done.strerror if isinstance(done, OSError) else None) or str(done)
        tally.failures[job.source] = (job.modified, reason)
        if job.style:
            tally.shown[job.inner.parent].append(failed(job.inner.as_posix(), str(job.modified), reason))
        return
    with _one_line_of_errors(job.target):
        write_whole(job.target, done.data)
    tally.coloured += 1
    tally.failures.pop(job.source, None)
    if job.style:
        drawing = coloured(job.inner.as_posix(), str(job.modified), job.style, done.line, done.colour)
        tally.shown[job.inner.parent].append(drawing)


def _show(target: Path, tally: Tally) -> None:
    """Adds the new entries to the page and the contact sheet of each folder."""
    for folder, new in tally.shown.items():
        page = target / folder / PAGE
        drawings = merge(_read_page(page), new)
        with _one_line_of_errors(page):
            write_whole(page, write_page(folder.name or target.name, drawings))
            if sheet := contact_sheet(drawings):
                buffer = io.BytesIO()
                sheet.save(buffer, "PNG")
                write_whole(target / folder / SHEET, buffer.getvalue())
    tally.shown.clear()


def _read_page(path: Path) -> list[Drawing]:
    try:
        return read_page(path.read_bytes())
    except (OSError, ValueError):  # there is no page yet, or it is another program's
        return []


@contextmanager
def _one_line_of_errors(target: Path) -> Iterator[None]:
    """Ends the command with one line if a target cannot be written: the next one could not be written either."""
    try:
        yield
    except OSError as error:
        _err.print(f"{escape(str(target))} cannot be written: {error.strerror or error}", style="red")
        raise typer.Exit(SOME_FAILED) from error
