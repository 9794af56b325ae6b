"""Reads what guides a colouring: hints on the command line and in files beside drawings, and colour sheets."""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from imaging.clutter import is_clutter
from irodori.cli.outputs import fingerprint
from irodori.names import guided, guides_by, sheet_key

if TYPE_CHECKING:
    from cyclegan.painting.guide import Guide
    from cyclegan.painting.guide_files import Wishes
    from cyclegan.painting.hints import Hint
    from cyclegan.painting.shadows import Edge
    from cyclegan.painting.sheets import Sheet


def beside() -> Callable[[Path], tuple[Path, ...]]:
    """Returns a function that finds the files of hints beside a drawing; it lists each folder once."""

    @cache
    def files(folder: Path) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        with suppress(OSError):  # it may be read, but not listed
            for name in sorted(os.listdir(folder)):
                if (drawing := guided(name)) is not None and not is_clutter(name):
                    found[drawing].append(folder / name)
        return found

    def find(drawing: Path) -> tuple[Path, ...]:
        found = files(drawing.parent)
        return tuple(path for name in sorted(guides_by(drawing.name)) for path in found.get(name, []))

    return find


def read_guide_files(files: Sequence[Path]) -> "tuple[Wishes, list[str]]":
    """Reads files of hints, and page.guide.json.

    Returns:
        What they ask for, and the SHA-256 of each file.

    Raises:
        HintError: a file cannot be read, or is wrong (its text is one line that names the file).
    """
    from cyclegan.painting.guide_files import read_wishes
    from cyclegan.painting.hints import HintError

    contents = []

    def read() -> "Iterator[tuple[str, bytes]]":
        for path in files:
            try:
                data = path.read_bytes()
            except OSError as error:
                raise HintError(f"{path.name}: {error.strerror}") from error
            contents.append(hashlib.sha256(data).hexdigest())
            yield path.name, data

    return read_wishes(read()), contents


class AskedShadows(NamedTuple):
    """The shadows that a command line asks for; see the fields of the same meaning of `cyclegan.Guide`."""

    shading: float | None = None
    edge: "Edge | None" = None
    mirrored_light: bool = False

    def given(self) -> dict[str, Any]:
        """Returns what was asked for, by name."""
        return {name: value for name, value in self._asdict().items() if value not in (None, False)}


NO_WISHES = AskedShadows()


def asked_guide(
    sheets: Sequence[str], files: Sequence[Path], points: Sequence[str], shadows: AskedShadows
) -> "tuple[Guide, str]":
    """Reads the colour sheets, hints and shadows of a command line.

    Args:
        sheets: of ``--sheet``.
        files: of ``--hints``.
        points: of ``--point``; they win.
        shadows: of ``--shading``, ``--cel``, ``--soft`` and ``--mirror-light``.

    Returns:
        What is asked, and its fingerprint.

    Raises:
        typer.BadParameter: one is wrong.
    """
    from cyclegan.painting.guide import Guide

    guide = Guide(sheets=_load_sheets(sheets), hints=asked_hints(files, points), **shadows._asdict())
    asked = "" if shadows == NO_WISHES else repr(shadows)
    return guide, fingerprint(*(sheet.to_json().decode() for sheet in guide.sheets), *map(repr, guide.hints), asked)


def asked_hints(files: Sequence[Path], points: Sequence[str]) -> "tuple[Hint, ...]":
    """Reads the hints of a command line; see :func:`asked_guide`."""
    if not files and not points:
        return ()
    from cyclegan.painting.hint_files import parse_point
    from cyclegan.painting.hints import HintError

    option = "--hints"
    try:
        wishes = read_guide_files(files)[0]
        if wishes.file:
            raise HintError(f"{wishes.file} asks for more than hints: put it beside its drawing")
        option = "--point"
        return (*wishes.hints, *map(parse_point, points))
    except HintError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _load_sheets(names: Sequence[str]) -> "tuple[Sheet, ...]":
    from cyclegan.painting.sheets import SheetError, read_sheet

    found = []
    for name, data in zip(names, read_sheets(names), strict=True):
        try:
            found.append(read_sheet(data))
        except SheetError as error:
            raise typer.BadParameter(f"{name}: {error}", param_hint="--sheet") from error
    return tuple(found)


def read_sheets(names: Sequence[str]) -> list[bytes]:
    """Reads colour sheets: from a file, or by its name from the storage; without torch.

    Raises:
        typer.BadParameter: one is not there, or no JSON.
    """
    found = [_sheet(name) for name in names]
    for name, data in zip(names, found, strict=True):
        try:
            json.loads(data)
        except ValueError as error:
            raise typer.BadParameter(f"{name}: no colour sheet: not JSON", param_hint="--sheet") from error
    return found


def is_sheet_file(name: str) -> bool:
    """Tells whether ``--sheet`` names a file, not a sheet of the storage."""
    return name.endswith(".json") or "/" in name


def _sheet(name: str) -> bytes:
    if is_sheet_file(name):
        try:
            return Path(name).read_bytes()
        except OSError as error:
            raise typer.BadParameter(f"{name}: {error.strerror}", param_hint="--sheet") from error
    from irodori.errors import PipelineError
    from irodori.settings import settings
    from storage import NotFound, StorageError, open_storage

    try:
        return open_storage(settings().storage).read(sheet_key(name))
    except NotFound:
        line = (
            f"there is no {sheet_key(name)} in {settings().storage}: make it with irodori sheet {name} --from PICTURE"
        )
        raise typer.BadParameter(line, param_hint="--sheet") from None
    except (PipelineError, StorageError) as error:
        raise typer.BadParameter(str(error), param_hint="--sheet") from error
