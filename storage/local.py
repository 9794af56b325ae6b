"""Stores objects as files in a folder, through temporary files and atomic renames."""

import errno
import hashlib
import io
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO

from filelock import FileLock

from storage.base import Conflict, Entry, NotFound, StorageError, checked_key

# Holds temporary files and locks. It is inside the root because os.replace needs one file system; never listed.
_PRIVATE = ".irodori"

_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space and run again",
    errno.EROFS: "it is read-only: choose another folder",
    errno.EXDEV: "a folder in the storage is mounted from another disk: put all of the storage on that one",
    errno.EACCES: "permission denied: give this user access or choose another folder",
    errno.ENAMETOOLONG: "the name is too long for this file system: shorten it",
    errno.ENOTDIR: "a file stands where a folder is needed: rename one of them",
}


class LocalStorage:
    """A storage whose keys are files below ``root``; symbolic links are not listed, so none leads out of it."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._private = self._root / _PRIVATE

    @property
    def url(self) -> str:
        return self._root.as_uri()

    def read(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except OSError as error:
            raise self._error(key, error) from error

    def write(self, key: str, data: bytes | IO[bytes]) -> None:
        source = io.BytesIO(data) if isinstance(data, bytes) else data
        self._put(key, lambda file: shutil.copyfileobj(source, file, 1 << 20))

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def list(self, prefix: str) -> Iterator[Entry]:
        try:
            yield from self._list(prefix)
        except OSError as error:
            raise self._error(prefix, error) from error

    def _list(self, prefix: str) -> Iterator[Entry]:
        folder = self._root / prefix.rpartition("/")[0]
        for path in _walk(folder):
            key = path.relative_to(self._root).as_posix()
            if key.startswith(prefix) and not key.startswith(_PRIVATE + "/"):
                try:
                    status = path.stat()
                except FileNotFoundError:  # deleted during the walk
                    continue
                yield Entry(key, status.st_size, _version(status), status.st_mtime)

    def delete(self, key: str) -> None:
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise self._error(key, error) from error

    def upload(self, path: Path, key: str) -> None:
        with path.open("rb") as source:
            self._put(key, lambda file: shutil.copyfileobj(source, file, 1 << 20))

    def download(self, key: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{uuid.uuid4().hex}.part")
        try:
            shutil.copyfile(self._path(key), temporary)
            os.replace(temporary, path)
        except OSError as error:
            _discard(temporary)
            raise self._error(key, error) from error

    def open(self, key: str, *, keep: bool = False) -> tuple[IO[bytes], str]:
        try:
            file = self._path(key).open("rb")
        except OSError as error:
            raise self._error(key, error) from error
        # fstat of the open file, so that the version belongs to these bytes
        return file, _version(os.fstat(file.fileno()))

    def read_version(self, key: str) -> tuple[bytes, str]:
        file, version = self.open(key)
        with file:
            return file.read(), version

    def replace(self, key: str, data: bytes | IO[bytes], version: str | None) -> None:
        path = self._path(key)
        try:
            with self._lock(key):
                if _version_of(path) != version:
                    raise Conflict(f"{key} was changed by another run")
                self.write(key, data)
        except OSError as error:  # raised for the lock's own file
            raise self._error(key, error) from error

    def _path(self, key: str) -> Path:
        path = self._root / checked_key(key)
        if path.is_symlink() or not path.parent.resolve().is_relative_to(self._root):
            raise StorageError(f"{key} in {self.url} is a link out of the storage: copy the file instead")
        return path

    def _put(self, key: str, fill: Callable[[BinaryIO], object]) -> None:
        path = self._path(key)
        temporary = self._private / "unfinished" / uuid.uuid4().hex
        try:
            temporary.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                fill(file)
                file.flush()
                # without fsync, a power cut can leave an empty file under the new name
                os.fsync(file.fileno())
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(temporary, path)
        except OSError as error:
            _discard(temporary)
            raise self._error(key, error) from error

    def _lock(self, key: str) -> FileLock:
        folder = self._private / "locks"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._error(key, error) from error
        return FileLock(folder / hashlib.sha256(key.encode()).hexdigest()[:16], is_singleton=True)

    def _error(self, key: str, error: OSError) -> StorageError:
        if isinstance(error, FileNotFoundError):
            return NotFound(f"no {key} in {self.url}")
        remedy = _REMEDIES.get(error.errno or 0, error.strerror or str(error))
        return StorageError(f"storage {self.url}, key {key}: {remedy}")


def _discard(path: Path) -> None:
    """Deletes a temporary file if it can; on a disk that has become read-only, the file stays."""
    with suppress(OSError):
        path.unlink()


def _version_of(path: Path) -> str | None:
    try:
        return _version(path.stat())
    except FileNotFoundError:
        return None


def _version(status: os.stat_result) -> str:
    # a replaced file has another inode, so two writes within one clock tick get different versions
    return f"{status.st_mtime_ns:x}-{status.st_ino:x}-{status.st_size:x}"


def _walk(folder: Path) -> Iterator[Path]:
    """Yields regular files below a folder; skips links, so that a listing neither leaves the root nor loops."""
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)
