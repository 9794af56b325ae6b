"""The storage interface: ten verbs over keys, and the errors that they raise.

A key is a POSIX-like relative path (``datasets/pink/manifest.csv``). It appears whole or not at all.
A version is an opaque string that changes whenever the bytes under a key change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol


class StorageError(Exception):
    """The storage cannot do what was asked; ``str()`` is one line that names what to do."""


class NotFound(StorageError):
    """No object under this key."""


class Conflict(StorageError):
    """Somebody else wrote this key since its version was read."""


@dataclass(frozen=True)
class Entry:
    """One object as a listing shows it.

    Attributes:
        size: bytes.
        modified: seconds since the epoch, UTC.
    """

    key: str
    size: int
    version: str
    modified: float


class Storage(Protocol):
    """A folder or a bucket. Instances are thread-safe; other processes open their own from ``url``."""

    @property
    def url(self) -> str:
        """What :func:`storage.open_storage` was given, normalized."""
        ...

    def read(self, key: str) -> bytes:
        """Raises NotFound."""
        ...

    def write(self, key: str, data: bytes | IO[bytes]) -> None:
        """Puts or overwrites, a file from where it stands; readers see the old bytes or the new ones, never a part."""
        ...

    def exists(self, key: str) -> bool: ...

    def list(self, prefix: str) -> Iterator[Entry]:
        """Every object whose key starts with ``prefix``, in no order that may be relied on."""
        ...

    def delete(self, key: str) -> None:
        """Removing what is not there is not an error."""
        ...

    def upload(self, path: Path, key: str) -> None:
        """Like write, streaming from a local file."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Streams to a local file, which appears whole. Raises NotFound."""
        ...

    def open(self, key: str, *, keep: bool = False) -> tuple[IO[bytes], str]:
        """Like :meth:`read_version`, as a file to stream from and to close; later writes don't touch it.

        keep: of something big that is asked for again and again; then it is fetched only after it has changed.
        """
        ...

    def read_version(self, key: str) -> tuple[bytes, str]:
        """The bytes and the version to hand to :meth:`replace`. Raises NotFound."""
        ...

    def replace(self, key: str, data: bytes | IO[bytes], version: str | None) -> None:
        """Writes only if the key still has ``version`` (None: only if it does not exist). Raises Conflict."""
        ...


def checked_key(key: str) -> str:
    """Refuses keys that could leave the root or that S3 servers treat differently from folders."""
    parts = key.split("/")
    if not key or any(part in ("", ".", "..") for part in parts) or "\\" in key or "\0" in key:
        raise StorageError(f"bad key {key!r}: use plain relative paths such as inbox/page-1.png")
    return key
