"""Stores objects as files in a folder, through temporary files and atomic renames."""

import errno
import hashlib
import io
import os
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO

from filelock import FileLock

from storage.base import Conflict, Entry, NotFound, StorageError, Unreadable, checked_key

# Holds temporary files and locks. It is inside the root because os.replace needs one file system; never listed.
_PRIVATE = ".irodori"

_LINK = "is a link, and links are not followed: put the file or folder itself there"
_NO_FILE = "is no file but a pipe, a socket or a device: take it away"
_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space and run again",
    errno.EDQUOT: "this user's share of the disk is full: free some space and run again",
    errno.EROFS: "it is read-only: choose another folder",
    errno.EXDEV: "a folder in the storage is mounted from another disk: put all of the storage on that one",
    errno.EACCES: "permission denied: give this user access or choose another folder",
    errno.ENAMETOOLONG: "the name is too long for this file system: shorten it",
    errno.ELOOP: "its links lead round in a circle: put the file itself there",
    errno.ENOTDIR: "a file stands where a folder is needed: rename one of them",
}


class LocalStorage:
    """A storage whose keys are files below ``root``; symbolic links are not listed, so none leads out of it."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))  # Path.resolve raises for links that lead round in a circle
        self._private = self._root / _PRIVATE

    @property
    def url(self) -> str:
        return self._root.as_uri()

    def read(self, key: str) -> bytes:
        return self.read_version(key)[0]

    def write(self, key: str, data: bytes | IO[bytes]) -> None:
        source = io.BytesIO(data) if isinstance(data, bytes) else data
        self._put(key, lambda file: shutil.copyfileobj(source, file, 1 << 20))

    def exists(self, key: str) -> bool:
        try:
            return self._path(key).is_file()
        except OSError as error:
            raise self._error(key, error) from error

    def list(self, prefix: str, *, everything: bool = False) -> Iterator[Entry]:
        try:
            yield from self._list(prefix, everything)
        except OSError as error:
            raise self._error(prefix, error) from error

    def _list(self, prefix: str, everything: bool) -> Iterator[Entry]:
        folder = self._root / prefix.rpartition("/")[0]
        for path, problem in _walk(folder, everything):
            key = path.relative_to(self._root).as_posix()
            if key.startswith(prefix) and not key.startswith(_PRIVATE + "/"):
                try:
                    status = path.lstat()
                except FileNotFoundError:  # deleted during the walk
                    continue
                leads_to_no_file = problem and (os.path.isdir(path) or not os.path.exists(path))
                name = f"{key}/" if leads_to_no_file else key
                yield Entry(name, status.st_size, _version(status), status.st_mtime, problem)

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
            file = open(self._path(key), "rb", opener=_open_at_once)
        except OSError as error:
            raise self._error(key, error, Unreadable) from error
        # fstat of the open file, so that the version belongs to these bytes
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            file.close()
            raise Unreadable(f"{key} in {self.url} {_NO_FILE}")
        return file, _version(status)

    def read_version(self, key: str) -> tuple[bytes, str]:
        file, version = self.open(key)
        try:
            with file:
                return file.read(), version
        except OSError as error:
            raise self._error(key, error, Unreadable) from error

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
        if path.is_symlink() or not Path(os.path.realpath(path.parent)).is_relative_to(self._root):
            raise Unreadable(f"{key} in {self.url} is a link out of the storage: copy the file instead")
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

    def _error(self, key: str, error: OSError, kind: type[StorageError] = StorageError) -> StorageError:
        if isinstance(error, FileNotFoundError):
            return NotFound(f"no {key} in {self.url}")
        return kind(f"storage {self.url}{key and f', key {key}'}: {_remedy(error)}")


def _remedy(error: OSError) -> str:
    return _REMEDIES.get(error.errno or 0, error.strerror or str(error))


def _open_at_once(path: str, flags: int) -> int:
    """Opens a file; a pipe that nobody writes to would otherwise be waited for."""
    return os.open(path, flags | os.O_NONBLOCK)


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


def _walk(folder: Path, everything: bool) -> Iterator[tuple[Path, str]]:
    """Yields regular files below a folder and, if asked to, all that is none, with the reason.

    It follows no links, so that a listing neither leaves the root nor loops.
    """
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            try:
                yield from _walk(path, everything)
            except OSError as error:  # this folder cannot be entered
                if not everything:
                    raise
                yield path, _remedy(error)
        elif entry.is_file(follow_symlinks=False):
            yield path, ""
        elif everything:
            yield path, _LINK if entry.is_symlink() else _NO_FILE
