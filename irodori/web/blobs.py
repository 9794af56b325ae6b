"""Keeps what belongs to a drawing of the web page in the storage, under web/<id>/, and nothing elsewhere."""

import re
import secrets
from collections.abc import Iterator
from typing import IO

from irodori.web.confined import Confined, below
from storage import NotFound

PREFIX = "web/"
_THUMBNAILS = f"{PREFIX}thumbnails/"
_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


def new_id() -> str:
    """Returns an id that nobody can guess."""
    return secrets.token_urlsafe(16)


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


class Blobs:
    """The files of the page's drawings. Thread-safe."""

    def __init__(self, storage_url: str) -> None:
        self._storage = Confined(storage_url, below(PREFIX))

    def read(self, drawing: str, name: str) -> bytes:
        """Returns a file.

        Raises:
            NotFound: there is none.
        """
        return self._storage.read(_key(drawing, name))

    def find(self, drawing: str, name: str) -> bytes | None:
        """Returns a file, or None."""
        try:
            return self.read(drawing, name)
        except NotFound:
            return None

    def write(self, drawing: str, name: str, data: bytes | IO[bytes]) -> None:
        self._storage.write(_key(drawing, name), data)

    def remove(self, drawing: str, name: str) -> None:
        self._storage.delete(_key(drawing, name))

    def remove_all(self, drawing: str) -> None:
        """Removes all files of a drawing."""
        assert is_id(drawing)
        for entry in list(self._storage.list(f"{PREFIX}{drawing}/")):
            self._storage.delete(entry.key)

    def remove_older(self, drawing: str, kind: str, version: int) -> None:
        """Removes what :func:`version_name` names of earlier versions."""
        start = _key(drawing, f"{kind}-")
        for entry in list(self._storage.list(start)):
            if (number := entry.key.removeprefix(start)).isdigit() and int(number) < version:
                self._storage.delete(entry.key)

    def thumbnail(self, name: str) -> bytes | None:
        """Returns a small picture of the inbox; None if it is not made yet, b"" if it cannot be."""
        try:
            return self._storage.read(f"{_THUMBNAILS}{name}")
        except NotFound:
            return None

    def write_thumbnail(self, name: str, data: bytes) -> None:
        self._storage.write(f"{_THUMBNAILS}{name}", data)

    def remove_thumbnails(self, before: float) -> None:
        """Removes those that were made before a time; who looks at the inbox has them made again."""
        for entry in list(self._storage.list(_THUMBNAILS)):
            if entry.modified < before:
                self._storage.delete(entry.key)

    def drawings(self) -> Iterator[tuple[str, float]]:
        """Yields the id of each drawing that has files, once for each file, and when that was written."""
        for entry in self._storage.list(PREFIX):
            drawing = entry.key.removeprefix(PREFIX).partition("/")[0]
            if is_id(drawing):
                yield drawing, entry.modified


def edits_name(version: int) -> str:
    return f"edits-{version}.json"


def export_name(version: int, kind: str) -> str:
    return f"export-{version}.{kind}"


def version_name(kind: str, version: int) -> str:
    return f"{kind}-{version}"


def reference_name(version: int) -> str:
    return f"reference-{version}"


def _key(drawing: str, name: str) -> str:
    if not is_id(drawing) or not _NAME.fullmatch(name):
        raise ValueError(f"no file of a drawing: {drawing!r}, {name!r}")
    return f"{PREFIX}{drawing}/{name}"
