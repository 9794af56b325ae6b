"""Uploads a folder of drawings to the inbox, and downloads coloured ones from the outbox."""

import hashlib
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imaging.clutter import is_clutter
from irodori.cli.listing import FOLDER_LINK, OURS, walk
from irodori.cli.outputs import Outputs, Stamp
from irodori.cli.tally import Tally
from irodori.names import is_drawing, is_guiding, is_utf8
from irodori.stack import use_stack

if TYPE_CHECKING:
    from storage import Entry, Storage

_SOME_FAILED = 1
_UNUSABLE = "the inbox leaves names with a backslash or control characters alone: rename it"


def send(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="They go to inbox/FOLDER/.")],
    again: Annotated[
        bool, typer.Option("--again", help="Replace also what others put there under the same names.")
    ] = False,
) -> None:
    """Put a folder's files into the inbox; where a server runs, they are coloured at once.

    What was put there from another folder of this name stays unless --again is given.
    """
    from irodori.cli.sent import send_files

    name = Path(os.path.abspath(folder)).name
    if not name or is_clutter(name) or not is_utf8(name):
        raise typer.BadParameter(f"the inbox leaves the name {name!r} alone: choose another", param_hint="FOLDER")
    storage, tally = _storage(), Tally()
    files = _files(folder, tally)
    # a hash, as others who use the storage need not know this machine's folders
    origin = hashlib.sha256(os.fsencode(f"{platform.node()}:{os.path.realpath(folder)}")).hexdigest()
    number = send_files(storage, f"inbox/{name}/", files, origin, again, tally.fail)
    if number:
        from irodori.cli.flows import announce_arrival

        announce_arrival()
    print(f"{number} files are in the inbox of {storage.url}")
    raise typer.Exit(_SOME_FAILED if tally.failures else 0)


def _files(folder: Path, tally: Tally) -> dict[str, Path]:
    """Returns the files to be sent by their paths in the folder."""
    from irodori.inbox import is_usable

    files, left_out, outputs = {}, {}, Outputs()
    for path, reason in walk(folder):
        name = path.relative_to(folder).as_posix()
        if reason == FOLDER_LINK:
            left_out[path] = reason
        elif reason or not is_usable(name):
            tally.fail(path, reason or _UNUSABLE)
        elif outputs.made(path) and is_drawing(name):
            left_out[path] = OURS
        elif is_drawing(name) or is_guiding(name):
            files[name] = path
    tally.leave_out(left_out)
    return files


def fetch(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="outbox/page-7/… becomes FOLDER/page-7/….")],
) -> None:
    """Copy the outbox into a folder; what is there already, or is not from an outbox, stays untouched."""
    storage, outputs, tally, copied = _storage(), Outputs(remedy="fetch into another folder"), Tally(), 0
    for entry in sorted(storage.list("outbox/"), key=lambda entry: entry.key):
        copied += _fetch(storage, entry, folder, outputs, tally)
    print(f"{copied} files copied from the outbox of {storage.url} to {folder}")
    raise typer.Exit(_SOME_FAILED if tally.failures else 0)


def _fetch(storage: "Storage", entry: "Entry", folder: Path, outputs: Outputs, tally: Tally) -> bool:
    """Copies a file unless it is there already; returns whether it was copied."""
    from irodori.inbox import is_usable
    from storage import NotFound

    target = folder / entry.key.removeprefix("outbox/")
    if is_clutter(entry.key):
        return False
    if not is_usable(entry.key):
        tally.fail(Path(entry.key), "this name could lead out of the folder: rename it in the outbox")
        return False
    record, _ = outputs.look(target)
    if record and record.source and record.source.content == entry.version:
        return False
    reason = outputs.refusal(target, again=False)
    if not reason:
        try:
            data, version = storage.read_version(entry.key)
        except NotFound:
            return False
        source = Stamp(len(data), round(entry.modified * 1e9), 0, version)
        reason = outputs.write(target, data, source, again=False)
    if reason:
        tally.fail(Path(entry.key), reason)
    return not reason


def _storage() -> "Storage":
    """Opens the storage that the environment names, or else that of the stack on this machine."""
    # here, because reading help and colouring folders need neither S3 nor CSV
    from irodori.settings import settings
    from storage import open_storage

    use_stack()
    settings.cache_clear()
    return open_storage(settings().storage)
