"""Colours drawings from a terminal, without any server: `irodori colorize IN… OUT`."""

import io
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from PIL import Image
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from imaging.formats import LAYER_ENDINGS, LayerFile, is_foreign, lacking, promised_format
from irodori.cli.asked import Asked, Looks
from irodori.cli.guides import AskedShadows, is_sheet_file
from irodori.cli.jobs import Job, Request, is_current, plan
from irodori.cli.outputs import Outputs
from irodori.cli.reading import Reading
from irodori.cli.server import RemoteLook, colorize_files_there
from irodori.cli.tally import Tally, err, out
from irodori.gallery import Drawing, coloured, contact_sheet, failed, merge, read_page, write_page
from irodori.names import PAGE, SHEET, is_utf8

if TYPE_CHECKING:
    from imaging.layer_files import Coloured

SETTLE, LOOK = 1.0, 1.0  # seconds since a watched file's last change before it is read; seconds between two listings
SOME_FAILED, STOPPED = 1, 130
_ONE = "hints are for one drawing; those of a folder are beside each, in page.hints.png or page.guide.json"
_FRAMES = "of several pages or frames, only the first is coloured"
_IN_COLOUR = "in colour already, so the new colours lie over the old; give the lines alone"


def colorize(
    sources: Annotated[list[Path], typer.Argument(metavar="IN…", help="Drawings, and folders of drawings.")],
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
    sheet: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|FILE.json", help="The colours of a character; once for each. See `irodori sheet`."),
    ] = None,
    hints: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Colours at places of the one drawing: dots, or JSON.")
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y=COLOUR", help="A colour at a place: 0.4,0.6=#c03020, with @area, @part or @everywhere behind."
        ),
    ] = None,
    shading: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="0..1", help="Strength of shadows; by default 1 if the model's help."),
    ] = None,
    cel: Annotated[
        bool | None, typer.Option("--cel/--soft", help="Hard or soft shadows; by default as the pictures had.")
    ] = None,
    mirror_light: Annotated[
        bool, typer.Option("--mirror-light", help="Light from the other side than in the pictures.")
    ] = False,
    layers: Annotated[
        list[LayerFile] | None,
        typer.Option(help="Write the layers as a file, too: OUT/hero.ora for OUT/hero.png; several: give it for each."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Colour also what OUT has, and replace what others put there.")
    ] = False,
    server: Annotated[
        str, typer.Option(metavar="URL", help="Let this web page colour, with its models: what irodori serve prints.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Then wait for more drawings, until Ctrl-C.")] = False,
) -> None:
    """Colour drawings, and all drawings of folders, on this machine.

    Size, format, transparency and resolution stay as they are. A name finds its model in the storage that
    IRODORI_STORAGE names. With folders by style, variant or picture, OUT also gets a contact sheet and a page of all.
    No drawing is ever written to, and what others put into OUT stays unless --again is given.

    Exit status: 0 all done, 1 some drawings failed or there were none to colour, 2 wrong arguments.
    """
    _check(sources, target, watch)
    if reason := lacking(layers or []):
        raise typer.BadParameter(reason, param_hint="--layers")
    if (hints or point) and (len(sources) > 1 or os.path.isdir(sources[0])):
        raise typer.BadParameter(f"{_ONE}, and these are several", param_hint="--hints" if hints else "--point")
    shadows = AskedShadows(shading, None if cel is None else "cel" if cel else "soft", mirror_light)
    asked = Asked(model, style or [], variants, like or [], sheet or [], hints or [], point or [], shadows)
    looks, asked_for = asked.there(server) if server else asked.here()
    into_folder = _into_folder(sources, target, len(looks) > 1)
    tools = [
        *map(Path, style or [model]),
        *(like or []),
        *(hints or []),
        *map(Path, filter(is_sheet_file, sheet or [])),
    ]
    drawings, kinds = list(dict.fromkeys(sources)), list(dict.fromkeys(layers or []))
    request = Request(drawings, target, into_folder, list(looks), tools, asked_for, kinds)
    tally, settle = Tally(), SETTLE if watch else 0
    try:
        _run(*plan(request, again, settle, tally), target, looks, tally)
        while watch:
            time.sleep(LOOK)
            _run(*plan(request, False, settle, tally), target, looks, tally)
    except KeyboardInterrupt:
        err.print("stopped; what is done stays done")
        raise typer.Exit(STOPPED) from None
    numbers = f"{tally.coloured} coloured, {tally.current} up to date, {tally.failed} failed"
    out.print(f"{numbers}: {escape(str(target))}")
    nothing_to_do = tally.left_out and not tally.coloured + tally.current
    raise typer.Exit(SOME_FAILED if tally.failures or nothing_to_do else 0)


def _check(sources: Sequence[Path], target: Path, watch: bool) -> None:
    for source in sources:
        if not os.path.lexists(source):
            raise typer.BadParameter(f"there is no {source}", param_hint="IN")
        if watch and not os.path.isdir(source):
            raise typer.BadParameter("only a folder can be watched", param_hint="--watch")
        if os.path.realpath(source) == os.path.realpath(target):
            raise typer.BadParameter("the drawings would be overwritten: choose another place", param_hint="OUT")
    if not is_utf8(target.name):  # pages bear it as their title
        raise typer.BadParameter(f"{target} is not UTF-8: choose another name", param_hint="OUT")


def _into_folder(sources: Sequence[Path], target: Path, several: bool) -> bool:
    """Tells whether OUT is a folder; one that is to be made has a name that is not a file's."""
    if os.path.isdir(target):
        return True
    reason = ""
    if promised_format(target.name) and (several or len(sources) > 1 or os.path.isdir(sources[0])):
        reason = f"{target} is one file: name a folder for all of them"
    elif target.suffix in LAYER_ENDINGS.values():
        reason = f"{target} is layers: name {target.with_suffix('.png')}, and add --layers {target.suffix[1:]}"
    elif is_foreign(target.name):
        reason = f"{target}: pictures of this kind cannot be written; name a PNG, a TIFF or a folder"
    elif os.path.lexists(target) and not promised_format(target.name):
        reason = f"{target} is there and is no folder"
    if reason:
        raise typer.BadParameter(reason, param_hint="OUT")
    return promised_format(target.name) is None


def _run(jobs: Sequence[Job], outputs: Outputs, target: Path, looks: Looks, tally: Tally) -> None:
    """Colours the drawings, and adds them to the pages."""
    if not jobs:
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    readings: dict[Path, Reading] = {}
    try:
        with Progress(*columns, console=err, transient=True) as progress:
            task = progress.add_task("", total=len(jobs))
            for job, done in zip(jobs, _coloured(jobs, looks, readings), strict=True):
                progress.update(task, description=escape(job.source.name[-40:]))
                _keep(job, done, readings.pop(job.target), outputs, tally)
                progress.advance(task)
    finally:
        _show(target, any(job.again for job in jobs), outputs, tally)
        tally.tell_notices()


def _coloured(jobs: Sequence[Job], looks: Looks, readings: dict[Path, Reading]) -> "Iterator[Coloured | Exception]":
    """Colours the drawings here, or on a server."""
    kinds = list(jobs[0].layers)

    def begin(job: Job) -> Reading:
        readings[job.target] = Reading(job, looks[job.look])
        return readings[job.target]

    begun = ((begin(job), job.target.name) for job in jobs)
    if any(isinstance(look, RemoteLook) for look in looks.values()):
        return colorize_files_there(((reading.send, reading.read, name) for reading, name in begun), kinds)
    from cyclegan.painting.files import colorize_files

    return colorize_files(((reading.paint, reading.read, name) for reading, name in begun), kinds)


def _keep(job: Job, done: "Coloured | Exception", reading: Reading, outputs: Outputs, tally: Tally) -> None:
    page, version = tally.shown[job.inner.parent], str(job.status.st_mtime_ns)
    if isinstance(done, Exception):
        reason = (done.strerror if isinstance(done, OSError) else None) or str(done)
        tally.broken[job.source] = job.changed
        tally.fail(job.source, reason)
        if job.look:
            page.append(failed(job.inner.as_posix(), version, reason))
    elif not (reasons := _write(job, done, reading, outputs)):
        tally.coloured += 1
        _notice(job, done.line, tally)
        if job.look:
            page.append(coloured(job.inner.as_posix(), version, job.look, done.line, done.colour))
    else:
        for reason in reasons:
            tally.fail(job.source, reason)


def _write(job: Job, done: "Coloured", reading: Reading, outputs: Outputs) -> list[str]:
    """Writes the files of a drawing; returns why those that OUT lacks were not written."""
    files = {job.layers[kind]: data for kind, data in done.layers.items()} | {job.target: done.data}
    reasons = []
    for path, data in files.items():
        touched_up = is_current(outputs, job, path) and outputs.refusal(path, job.again)
        if not touched_up:
            reasons.append(outputs.write(path, data, reading.seen, job.again, reading.guide))
    return list(filter(None, reasons))


def _notice(job: Job, line: Image.Image, tally: Tally) -> None:
    """Notes what is to be told of a drawing that was coloured."""
    from imaging.colour import is_grey, is_ink
    from imaging.srgb import on_white

    if "frames" in line.info:
        tally.notices[_FRAMES][job.source] = None
    page = on_white(line)
    if not is_grey(page) and not is_ink(page):
        tally.notices[_IN_COLOUR][job.source] = None


def _show(target: Path, again: bool, outputs: Outputs, tally: Tally) -> None:
    """Adds the new entries to the page and the contact sheet of each folder."""
    for folder, new in tally.shown.items():
        if not new:
            continue
        page, sheet = target / folder / PAGE, target / folder / SHEET
        drawings = merge(_read_page(page), new)
        files = {page: write_page(folder.name or target.name, drawings)}
        if image := contact_sheet(drawings):
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            files[sheet] = buffer.getvalue()
        for path, data in files.items():
            if reason := outputs.write(path, data, None, again):
                tally.fail(path, reason)
    tally.shown.clear()


def _read_page(path: Path) -> list[Drawing]:
    try:
        return read_page(path.read_bytes())
    except (OSError, ValueError):  # there is no page yet, or it is another program's
        return []
