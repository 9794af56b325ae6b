"""Files that are there whole, on disk, or not at all, whenever the process or the machine is stopped."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which replaces `path` at once when the block ends, and not if it raises.

    Folders are made as needed. What a kill leaves beside `path` is hidden and ends in .unfinished.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # a name of its own, for another process may write the same file; and no longer than a file system allows
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
    """As :func:`whole_file`, of bytes."""
    with whole_file(path) as file:
        file.write(data)


def _sync(folder: Path) -> None:
    """A new name can be lost in a power cut otherwise."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
