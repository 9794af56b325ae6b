"""Writes files atomically: after a kill or a power cut, a file is complete on disk or unchanged."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a temporary file and renames it to `path` when the block ends; if the block raises, deletes it.

    A killed process leaves the temporary file beside `path`; it is hidden and its name ends in .unfinished.

    Args:
        path: the file to create or replace; missing folders are created.

    Yields:
        The temporary file, open for writing bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # a unique name, as another process may write the same file; shortened to what file systems allow
    unfinished = path.with_name(f".{path.name[:32]}.{uuid.uuid4().hex}.unfinished")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """Writes `data` to `path` atomically; see :func:`whole_file`."""
    with whole_file(path) as file:
        file.write(data)


def _sync(folder: Path) -> None:
    """Syncs a folder: without this, a power cut can undo a rename."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
