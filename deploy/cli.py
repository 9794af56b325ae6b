"""``irodori colorize IN OUT``: coloured drawings from a terminal, without any server."""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from imaging.names import is_drawing, promised_format

Colorize = Callable[[Image.Image], Image.Image]

SETTLE, LOOK = 1.0, 1.0  # seconds: that a watched file must have been left alone; between two looks
SOME_FAILED, STOPPED = 1, 130

app = typer.Typer(add_completion=False, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]})
_out, _err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Job:
    """One drawing and where it goes. modified: ns.  model: a name or a checkpoint's path."""

    source: Path
    modified: int
    target: Path
    model: str


@dataclass
class Tally:
    """failures: by file, when it had been modified, and the reason."""

    coloured: int = 0
    current: int = 0
    failures: dict[Path, tuple[int, str]] = field(default_factory=dict)


@app.callback()
def irodori() -> None:
    """Colours line drawings, and keeps their lines."""


@app.command(no_args_is_help=True)
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
    again: Annotated[bool, typer.Option("--again", help="Colour also what OUT has in a newer version.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Then wait for more drawings, until Ctrl-C.")] = False,
) -> None:
    """Colour a drawing, or every drawing of a folder, on this machine.

    Size, format, transparency and resolution stay as they are. A name finds its model in the storage that
    IRODORI_STORAGE names.

    Exit status: 0 all done, 1 some drawings failed, 2 wrong arguments.
    """
    _check(source, target, watch)
    models = {_style_name(name): name for name in style} if style else {"": model}
    if len(models) < len(style or [""]):
        raise typer.BadParameter("two styles of one name would share a folder", param_hint="--style")
    colorizers = {name: _load(name) for name in models.values()}
    tally, settle = Tally(), SETTLE if watch else 0
    try:
        _run(_jobs(source, target, models, again, tally, settle), colorizers, tally)
        while watch:
            time.sleep(LOOK)
            _run(_jobs(source, target, models, False, tally, settle), colorizers, tally)
    except KeyboardInterrupt:
        _err.print("stopped; what is done stays done")
        raise typer.Exit(STOPPED) from None
    numbers = f"{tally.coloured} coloured, {tally.current} up to date, {len(tally.failures)} failed"
    _out.print(f"{numbers}: {escape(str(target))}")
    raise typer.Exit(SOME_FAILED if tally.failures else 0)


def main() -> None:
    """The entry point of the command ``irodori``."""
    app()


def _check(source: Path, target: Path, watch: bool) -> None:
    if not source.exists():
        raise typer.BadParameter(f"there is no {source}", param_hint="IN")
    if watch and not source.is_dir():
        raise typer.BadParameter("only a folder can be watched", param_hint="--watch")
    if source.is_dir() and target.is_file():
        raise typer.BadParameter(f"{target} is a file, but {source} is a folder", param_hint="OUT")
    if source.resolve() == target.resolve():
        raise typer.BadParameter("the drawings would be overwritten: choose another place", param_hint="OUT")


def _style_name(model: str) -> str:
    return Path(model).stem if _is_file(model) else model


def _is_file(model: str) -> bool:
    return model.endswith(".pt") or "/" in model


def _load(model: str) -> Colorize:
    """From a checkpoint file, or by name from the storage."""
    from cyclegan.colorizer import Colorizer
    from cyclegan.errors import CycleganError

    if _is_file(model):
        try:
            return Colorizer.load(model)
        except CycleganError as error:
            raise typer.BadParameter(str(error), param_hint="--model") from error
    return _load_from_storage(model)


def _load_from_storage(name: str) -> Colorize:
    from storage import StorageError
    from tasks.errors import PipelineError
    from tasks.runs import Model
    from tasks.served import load_colorizer
    from tasks.settings import settings

    try:
        url = settings().storage
        return load_colorizer(url, Model(url, name).best())
    except (PipelineError, StorageError) as error:
        raise typer.BadParameter(str(error), param_hint="--model") from error


def _jobs(source: Path, target: Path, models: dict[str, str], again: bool, tally: Tally, settle: float) -> list[Job]:
    """What is to be done; what is done already is counted."""
    jobs, tally.current = [], 0
    for path, inner in _drawings(source, target):
        try:
            modified = path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
        if abs(time.time() - modified / 1e9) < settle or tally.failures.get(path, (0, ""))[0] == modified:
            continue
        for style, model in models.items():
            out = target / style / inner if style or source.is_dir() or _means_folder(target) else target
            if not again and out.is_file() and out.stat().st_mtime_ns >= modified:
                tally.current += 1
            else:
                jobs.append(Job(path, modified, out, model))
    return jobs


def _means_folder(target: Path) -> bool:
    return target.is_dir() or promised_format(target.name) is None


def _drawings(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    """Each with its path inside the folder; without what lies in the target, should that be inside, too."""
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


def _run(jobs: list[Job], colorizers: dict[str, Colorize], tally: Tally) -> None:
    """Colours, and then lists what failed."""
    if not jobs:
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_err, transient=True) as progress:
        task = progress.add_task("", total=len(jobs))
        for job in jobs:
            progress.update(task, description=escape(job.source.name[-40:]))
            _do(job, colorizers[job.model], tally)
            progress.advance(task)
    for path in dict.fromkeys(job.source for job in jobs):
        if path in tally.failures:
            _err.print(f"{escape(str(path))}: {escape(tally.failures[path][1])}", style="red")


def _do(job: Job, colorize: Colorize, tally: Tally) -> None:
    from cyclegan.files import colorize_file
    from imaging.codec import ImageError

    try:
        coloured = colorize_file(colorize, job.source.read_bytes(), job.target.name)
    except (ImageError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        tally.failures[job.source] = (job.modified, reason or str(error))
        return
    with _one_line_of_errors(job.target):
        _write(job.target, coloured.data)
    tally.coloured += 1
    tally.failures.pop(job.source, None)


@contextmanager
def _one_line_of_errors(target: Path) -> Iterator[None]:
    """A target that cannot be written ends the command: the next one could not be written either."""
    try:
        yield
    except OSError as error:
        _err.print(f"{escape(str(target))} cannot be written: {error.strerror or error}", style="red")
        raise typer.Exit(SOME_FAILED) from error


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        unfinished.write_bytes(data)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
