"""Defines the storage interface, ten operations on keys, and the errors that they raise.

A key is a POSIX-like relative path (``datasets/pink/manifest.csv``). It appears whole or not at all.
A version is an opaque string that changes whenever the bytes under a key change.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol


class StorageError(Exception):
    """The storage cannot carry out an operation; ``str()`` is one line that names the remedy."""


class Unreadable(StorageError):
    """This object cannot be read, though others can."""


class NotFound(Unreadable):
    """There is no object under this key."""


class Conflict(StorageError):
    """A conditional write failed: another process has written this key since its version was read."""


@dataclass(frozen=True)
class Entry:
    """One object in a listing.

    Attributes:
        key: its key.
        size: in bytes.
        version: an opaque string that changes with the bytes.
        modified: time of the last change, in seconds since the epoch, UTC.
        problem: why nothing can be read there; "" for an object.
    """

    key: str
    size: int
    version: str
    modified: float
    problem: str = ""


class Storage(Protocol):
    """A folder or a bucket. Instances are thread-safe; other processes open their own from ``url``."""

    @property
    def url(self) -> str:
        """The URL that :func:`storage.open_storage` was given, normalized."""
        ...

    def read(self, key: str) -> bytes:
        """Returns the bytes under a key.

        Raises:
            NotFound: if there is no such object.
        """
        ...

    def write(self, key: str, data: bytes | IO[bytes]) -> None:
        """Creates or overwrites an object; readers see either the old bytes or the new ones, never a part.

        Args:
            key: the object's key.
            data: bytes, or a file that is read from its current position.
        """
        ...

    def exists(self, key: str) -> bool: ...

    def list(self, prefix: str, *, everything: bool = False) -> Iterator[Entry]:
        """Yields every object whose key starts with ``prefix``, in no guaranteed order.

        Args:
            prefix: the beginning of the keys.
            everything: yields, too, what is in a folder and no object, with its ``problem``: links, pipes, and
                folders that may not be entered, which otherwise are an error. Keys of what leads to no file end in "/".
        """
        ...

    def delete(self, key: str) -> None:
        """Deletes an object; deleting one that does not exist is not an error."""
        ...

    def upload(self, path: Path, key: str) -> None:
        """Writes an object like :meth:`write`, streaming from a local file."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Streams an object to a local file, which an atomic rename puts in place.

        Raises:
            NotFound: if there is no such object.
        """
        ...

    def open(self, key: str, *, keep: bool = False) -> tuple[IO[bytes], str]:
        """Opens an object as a file to stream from; the caller closes it, and later writes do not change it.

        Args:
            key: the object's key.
            keep: caches the bytes on the local disk, so that a large object that is opened many times is
                fetched again only after it has changed.

        Returns:
            The file and the version of its bytes, as in :meth:`read_version`.

        Raises:
            NotFound: if there is no such object.
        """
        ...

    def read_version(self, key: str) -> tuple[bytes, str]:
        """Returns the bytes, and their version for :meth:`replace`.

        Raises:
            NotFound: if there is no such object.
        """
        ...

    def replace(self, key: str, data: bytes | IO[bytes], version: str | None) -> None:
        """Writes conditionally: only if the key still has the version given.

        Args:
            key: the object's key.
            data: bytes, or a file that is read from its current position.
            version: what :meth:`read_version` or :meth:`open` returned; None: write only if the key does not exist.

        Raises:
            Conflict: if the key has another version.
        """
        ...


def checked_key(key: str) -> str:
    """Returns the key, unless it could leave the root or S3 servers treat it differently from folders.

    Raises:
        StorageError: if the key is no plain relative path (its text is one line).
    """
    parts = key.split("/")
    if not key or any(part in ("", ".", "..") for part in parts) or "\\" in key or "\0" in key:
        raise StorageError(f"bad key {key!r}: use plain relative paths such as inbox/page-1.png")
    return key
