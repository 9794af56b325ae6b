"""What an outbox folder shows of itself: a page of its drawings before and after, and a contact sheet."""

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from PIL import Image

from imaging.gallery import Colour, Drawing, merge, read_page, read_thumbnail, thumbnail, write_page
from imaging.names import PAGE, SHEET
from imaging.sheet import grid
from storage import Conflict, NotFound, Storage
from tasks.inbox import Work

if TYPE_CHECKING:
    from cyclegan.files import Coloured

_SHEET_DRAWINGS = 40
_PAIRS = 4  # a row


def shown(work: Work, coloured: "Coloured | None", reason: str = "") -> Drawing:
    """What the page of its folder shows of a drawing; either coloured or not, with the reason."""
    name, now = PurePosixPath(work.name).name, datetime.now(UTC).isoformat()
    if coloured is None:
        return Drawing(name, work.stamp, now, reason=reason)
    up = "../" * work.name.count("/")
    colour = Colour(thumbnail(coloured.colour), quote(up + work.id if work.style else name))
    size = f"{coloured.line.width:,} × {coloured.line.height:,}"
    return Drawing(name, work.stamp, now, size, thumbnail(coloured.line), {work.style: colour})


def update_pages(storage: Storage, drawings: Iterable[tuple[str, Drawing]]) -> None:
    """Adds drawings, each with its folder, to the pages; other runs may do so at the same time."""
    by_folder: dict[str, list[Drawing]] = defaultdict(list)
    for folder, drawing in drawings:
        by_folder[folder].append(drawing)
    for folder, new in by_folder.items():
        while not _update(storage, folder, new):
            pass


def draw_sheet(storage: Storage, folder: str, styles: Sequence[str], credit: str) -> str | None:
    """The key of a contact sheet of the newest drawings of a folder; None without any."""
    drawings = [drawing for drawing in _read(storage, folder)[0] if set(drawing.colours) & set(styles)]
    if not drawings:
        return None
    rows = [
        [read_thumbnail(drawing.line), *(_picture(drawing, style) for style in styles)]
        for drawing in sorted(drawings[:_SHEET_DRAWINGS], key=lambda drawing: drawing.name)
    ]
    captions = ["line", *(style or "colour" for style in styles)]
    if len(styles) == 1:  # pairs, side by side
        rows = [list(chain(*rows[start : start + _PAIRS])) for start in range(0, len(rows), _PAIRS)]
        captions *= min(_PAIRS, len(drawings))
    buffer = io.BytesIO()
    grid(rows, captions=captions, footer=credit, tile=192).save(buffer, "PNG")
    key = _key(folder, SHEET)
    storage.write(key, buffer.getvalue())
    return key


def _picture(drawing: Drawing, style: str) -> Image.Image:
    if style in drawing.colours:
        return read_thumbnail(drawing.colours[style].picture)
    return Image.new("RGB", read_thumbnail(drawing.line).size, "white")


def _update(storage: Storage, folder: str, new: list[Drawing]) -> bool:
    old, version = _read(storage, folder)
    try:
        storage.replace(_key(folder, PAGE), write_page(folder or "outbox", merge(old, new)), version)
    except Conflict:
        return False
    return True


def _read(storage: Storage, folder: str) -> tuple[list[Drawing], str | None]:
    """The drawings on a page and its version."""
    try:
        page, version = storage.read_version(_key(folder, PAGE))
    except NotFound:
        return [], None
    try:
        return read_page(page), version
    except ValueError:  # of an earlier program, or touched by hand: begun anew
        return [], version


def _key(folder: str, name: str) -> str:
    return str(PurePosixPath("outbox", folder, name))
