"""Caches, on the local disk, objects that are read many times."""

import io
import os
from typing import IO, Any


class Copies:
    """A cache with one copy of each key and its version; its files have no names, so a kill leaves none behind."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, _Content]] = {}

    def version(self, key: str) -> str | None:
        """The version of the cached copy; None if there is none."""
        return self._kept[key][0] if key in self._kept else None

    def keep(self, key: str, version: str, file: IO[bytes]) -> None:
        """Takes ownership of a file and replaces an older copy; readers that have opened that one keep reading it."""
        with file:
            file.flush()
            self._kept[key] = version, _Content(os.dup(file.fileno()))

    def open(self, key: str) -> tuple[IO[bytes], str]:
        """Opens the cached copy as a file with its own position; returns it with its version."""
        version, content = self._kept[key]
        return io.BufferedReader(_View(content), 1 << 18), version


class _Content:
    """An open file descriptor, closed when the last reader is gone."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)


class _View(io.RawIOBase):
    """A reader of a shared descriptor with its own position."""

    def __init__(self, content: _Content) -> None:
        self._content, self._position = content, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = os.pread(self._content.descriptor, len(buffer), self._position)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: os.fstat(self._content.descriptor).st_size}
        self._position = starts[whence] + offset
        return self._position
