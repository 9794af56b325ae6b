"""Finds what guides a drawing of the inbox: its palette, files of hints, and colour sheets."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from imaging.clutter import is_clutter
from irodori.names import guided, guides_by, is_palette, is_sheet
from storage import Entry

V = TypeVar("V")
Guiding = tuple[Entry | None, tuple[Entry, ...], tuple[Entry, ...]]


def finder(entries: Sequence[Entry]) -> Callable[[str], Guiding]:
    """Returns a function from a drawing's key to its palette, if there is one, its files of hints, and its sheets.

    Args:
        entries: the inbox, sorted by key.
    """
    palettes = {folder_of(entry.key): entry for entry in entries if is_palette(entry.key)}
    sheets, guides = defaultdict(list), defaultdict(list)
    for entry in entries:
        if is_clutter(entry.key):
            continue
        if is_sheet(entry.key):
            sheets[folder_of(entry.key)].append(entry)
        elif (drawing := guided(entry.key)) is not None:
            guides[drawing].append(entry)

    def find(key: str) -> Guiding:
        folder = folder_of(key)
        own = [guide for name in sorted(guides_by(key)) for guide in guides.get(name, [])]
        return _nearest(palettes, folder), tuple(own), tuple(_nearest(sheets, folder) or ())

    return find


def folder_of(key: str) -> str:
    return key.rpartition("/")[0]


def _nearest(by_folder: Mapping[str, V], folder: str) -> V | None:
    """Returns what a folder has, or its nearest parent folder that has any."""
    while folder and folder not in by_folder:
        folder = folder_of(folder)
    return by_folder.get(folder)
