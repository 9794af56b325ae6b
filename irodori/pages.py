"""Updates the files that show the drawings of an outbox folder: a page of before and after, and a contact sheet."""

import io
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from irodori.gallery import Drawing, contact_sheet, merge, read_page, write_page
from irodori.names import PAGE, SHEET
from storage import Conflict, NotFound, Storage


def update_pages(storage: Storage, drawings: Iterable[tuple[str, Drawing]], credit: str) -> None:
    """Adds drawings to the pages of their folders; other runs may do so at the same time.

    Args:
        storage: the storage of the outbox.
        drawings: each drawing with its folder in the outbox.
        credit: a line below the drawings, which names their artist.
    """
    by_folder: dict[str, list[Drawing]] = defaultdict(list)
    for folder, drawing in drawings:
        by_folder[folder].append(drawing)
    for folder, new in by_folder.items():
        while not _update(storage, folder, new, credit):
            pass


def unsheeted(storage: Storage) -> list[str]:
    """Returns the folders whose page is newer than their contact sheet, also those that a killed run left so."""
    at = {entry.key: entry.modified for entry in storage.list("outbox/") if entry.key.endswith((PAGE, SHEET))}
    folders = (key.removesuffix(PAGE) for key in sorted(at) if key.endswith("/" + PAGE))
    return [folder[len("outbox/") : -1] for folder in folders if at[folder + PAGE] > at.get(folder + SHEET, 0)]


def draw_sheet(storage: Storage, folder: str, credit: str) -> str | None:
    """Writes a contact sheet of the newest drawings of a folder; returns its key, or None if none is coloured."""
    sheet = contact_sheet(_read(storage, folder)[0], credit)
    if sheet is None:
        return None
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    storage.write(_key(folder, SHEET), buffer.getvalue())
    return _key(folder, SHEET)


def _update(storage: Storage, folder: str, new: list[Drawing], credit: str) -> bool:
    old, version = _read(storage, folder)
    try:
        storage.replace(_key(folder, PAGE), write_page(folder or "outbox", merge(old, new), credit), version)
    except Conflict:
        return False
    return True


def _read(storage: Storage, folder: str) -> tuple[list[Drawing], str | None]:
    """Returns the drawings on a page, and its version."""
    try:
        page, version = storage.read_version(_key(folder, PAGE))
    except NotFound:
        return [], None
    try:
        return read_page(page), version
    except ValueError:  # written by an earlier version or edited by hand: start a new page
        return [], version


def _key(folder: str, name: str) -> str:
    return str(PurePosixPath("outbox", folder, name))
