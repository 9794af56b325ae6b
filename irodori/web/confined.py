"""Gives the parts of the page a storage in which they write what is theirs, and nothing else: no model, no dataset."""

from collections.abc import Callable, Iterator
from typing import IO

from storage import Entry, Storage, StorageError, open_storage


class Confined:
    """A storage that is read everywhere, and written where it may be."""

    def __init__(self, storage_url: str, may_write: Callable[[str], bool]) -> None:
        """Opens it; `may_write` tells whether a key is of those that may be written and deleted."""
        self._storage: Storage = open_storage(storage_url)
        self._may_write = may_write

    def read(self, key: str) -> bytes:
        return self._storage.read(key)

    def read_version(self, key: str) -> tuple[bytes, str]:
        return self._storage.read_version(key)

    def exists(self, key: str) -> bool:
        return self._storage.exists(key)

    def list(self, prefix: str) -> Iterator[Entry]:
        return self._storage.list(prefix)

    def write(self, key: str, data: bytes | IO[bytes]) -> None:
        self._storage.write(self._checked(key), data)

    def replace(self, key: str, data: bytes, version: str | None) -> None:
        self._storage.replace(self._checked(key), data, version)

    def delete(self, key: str) -> None:
        self._storage.delete(self._checked(key))

    def _checked(self, key: str) -> str:
        if not self._may_write(key):
            raise StorageError(f"{key!r} is not the page's to write")
        return key


def below(prefix: str) -> Callable[[str], bool]:
    """Returns a function that tells whether a key is below a prefix."""
    return lambda key: key.startswith(prefix)


def nothing(key: str) -> bool:
    return False
