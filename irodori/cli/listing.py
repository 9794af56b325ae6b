"""Lists the files that a person names: those to be coloured, those that are left out, and those that cannot be read."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imaging.clutter import is_clutter
from imaging.formats import promised_format
from irodori.cli.outputs import Outputs
from irodori.names import guided, guides_by, is_drawing, is_palette, is_sheet, is_utf8

OURS, FOLDER_LINK, _PALETTE = "coloured by irodori", "link to a folder", "palette: give it with --like"
_SHEET, _ALONE = "colour sheet: give it with --sheet", "with hints, whose drawing is not among these"
_LINKS = {errno.ELOOP: "a link that leads back to itself", errno.ENOENT: "a link to a file that is gone"}


@dataclass
class Listing:
    """The files below some folders.

    Attributes:
        drawings: each drawing with its path inside OUT.
        left_out: files that are not coloured, and what they are: an ending such as ".psd", or words.
        failed: what cannot be read, and why.
        guides: files of hints, which belong to drawings.
    """

    drawings: list[tuple[Path, Path]] = field(default_factory=list)
    left_out: dict[Path, str] = field(default_factory=dict)
    failed: dict[Path, str] = field(default_factory=dict)
    guides: list[Path] = field(default_factory=list)


def list_drawings(sources: Sequence[Path], target: Path) -> Listing:
    """Lists drawings.

    Args:
        sources: drawings, and folders of drawings. If there are several, each folder keeps its name inside OUT.
        target: OUT; if it is inside one of the folders, it is not looked into.
    """
    listing, outputs = Listing(), Outputs()
    for source in sources:
        if not source.is_dir():
            _add_file(listing, source, Path(source.name), unreadable(source, source.name), outputs)
            continue
        folder = Path(os.path.abspath(source)).name if len(sources) > 1 else ""
        for path, reason in walk(source, target):
            _add_found(listing, path, folder / path.relative_to(source), reason, outputs)
    there = {name for path, _ in listing.drawings for name in guides_by(str(path))}
    alone = [path for path in listing.guides if guided(str(path)) not in there]
    listing.left_out |= dict.fromkeys(alone, _ALONE)
    return listing


def walk(folder: Path, without: Path | None = None) -> Iterator[tuple[Path, str]]:
    """Walks through a folder, by name, without what systems leave there.

    Args:
        folder: the folder.
        without: a folder inside it that is not looked into.

    Yields:
        Each file, and each link to a folder, which is not followed, with the reason why it cannot be read, or "".
    """
    failed: list[OSError] = []
    without = without and Path(os.path.realpath(without))
    for place, folders, names in os.walk(folder, onerror=failed.append):
        links = [name for name in folders if os.path.islink(os.path.join(place, name)) and not is_clutter(name)]
        folders[:] = sorted(
            name
            for name in folders
            if not is_clutter(f"{name}/_") and Path(os.path.realpath(os.path.join(place, name))) != without
        )
        for name in sorted([*names, *links]):
            path = Path(place, name)
            if not is_clutter(name) and os.path.lexists(path):
                reason = FOLDER_LINK if name in links else unreadable(path, str(path.relative_to(folder)))
                yield path, reason
    for error in failed:
        yield Path(error.filename), error.strerror or str(error)


def unreadable(path: Path, name: str) -> str:
    """Returns why a file cannot be read, in words for people, or "".

    Args:
        path: the file.
        name: the part of the path that other files are named after.
    """
    if not is_utf8(name):
        return "its name is not UTF-8: rename it"
    try:
        status = path.stat()
    except OSError as error:
        return _LINKS.get(error.errno or 0) or error.strerror or str(error)
    return "" if stat.S_ISREG(status.st_mode) else "a pipe or a device, not a file"


def _add_found(listing: Listing, path: Path, inner: Path, reason: str, outputs: Outputs) -> None:
    """Adds a file of a folder, where a name tells what is meant to be a drawing."""
    name = inner.as_posix()
    if reason == FOLDER_LINK:
        listing.left_out[path] = reason
    elif reason and (path.is_symlink() or os.path.isdir(path)):
        listing.failed[path] = reason
    elif is_palette(name):
        listing.left_out[path] = _PALETTE
    elif is_sheet(name):
        listing.left_out[path] = _SHEET
    elif guided(name) is not None:
        listing.guides.append(path)
    elif promised_format(name) and is_drawing(name):
        _add_file(listing, path, inner, reason, outputs)
    elif is_drawing(name):
        kind = path.suffix.lower() or "without an ending"
        listing.left_out[path] = OURS if outputs.made(path) else kind


def _add_file(listing: Listing, path: Path, inner: Path, reason: str, outputs: Outputs) -> None:
    if reason:
        listing.failed[path] = reason
    elif guided(inner.as_posix()) is not None:
        listing.guides.append(path)
    elif outputs.made(path):
        listing.left_out[path] = OURS
    else:
        listing.drawings.append((path, inner))
