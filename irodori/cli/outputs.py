"""Knows which files this program wrote into folders of people, so that it replaces no others.

Each folder that the command writes into gets a hidden index: one line of JSON for each file that was written there. The
line comes before the file, so that a kill between the two leaves no file that the index does not know.
"""

import errno
import hashlib
import json
import os
import stat
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path

from cyclegan.whole_file import whole_file
from irodori.errors import PipelineError

INDEX = ".irodori.jsonl"
# errors that every further file would meet, too: there is no room, or no permission
_HOPELESS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO})


@dataclass(frozen=True)
class Stamp:
    """What was seen of a file.

    Attributes:
        size: in bytes.
        modified: time of the last change, in nanoseconds since the epoch.
        inode: number of the file on its disk; a replaced file has another one. 0 for an object of a storage.
        content: SHA-256 of the bytes, hexadecimal; for an object of a storage, its version.
    """

    size: int
    modified: int
    inode: int
    content: str

    def fits(self, path: Path, status: os.stat_result) -> bool:
        """Tells whether a file is what was seen; its content is read only where its time or inode is another."""
        if not stat.S_ISREG(status.st_mode) or status.st_size != self.size:
            return False
        seen = status.st_mtime_ns, status.st_ino
        return seen == (self.modified, self.inode) or _content(path, status.st_size, *seen) == self.content


def stamp(status: os.stat_result, data: bytes) -> Stamp:
    """Makes the stamp of a file with these bytes."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True)
class Record:
    """A line of an index.

    Attributes:
        made: the file as it was written.
        source: what it was made from, as it was then; None for pages and contact sheets.
        guide: :func:`fingerprint` of the hints and colour sheets that it was made with.
    """

    made: Stamp
    source: Stamp | None
    guide: str = ""


def fingerprint(*contents: str) -> str:
    """Identifies hints and colour sheets by their contents; "" if there are none."""
    asked = [content for content in contents if content]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest() if asked else ""


def content(path: Path, status: os.stat_result) -> str:
    """Returns the SHA-256 of a file, hexadecimal; it is read again only if its size, time or inode is another."""
    return _content(path, status.st_size, status.st_mtime_ns, status.st_ino)


class Outputs:
    """The indexes of folders, each read when it is first needed; make a new object to see what others have written."""

    def __init__(self, originals: Iterable[Path] = (), remedy: str = "--again replaces it") -> None:
        """Reads no index.

        Args:
            originals: files that must not be written to, by whatever path or link.
            remedy: what to do where a file is another's.
        """
        self._remedy = remedy
        self._originals = {_identity(path) for path in originals} - {None}
        self._folders: dict[Path, dict[str, list[Record]]] = {}
        self._sizes: dict[Path, int] = {}

    def look(self, path: Path) -> tuple[Record | None, bool]:
        """Finds out whose a file is.

        Returns:
            The record of the file; of a file that was changed since, the latest record; None if there is none. And
            whether there is nothing of a person's to lose: the file is as it was written, or missing.
        """
        try:
            status = path.lstat()
        except OSError:  # there is no such file, or none that could be written
            return None, True
        for _ in range(2):  # once more if another process has written since
            records = self._records(path.parent)[path.name]
            for record in reversed(records):
                if record.made.fits(path, status):
                    return record, True
            self._forget_if_grown(path.parent)
        return (records[-1] if records else None), False

    def made(self, path: Path) -> bool:
        """Tells whether a file is as this program wrote it."""
        record, replaceable = self.look(path)
        return replaceable and record is not None

    def refusal(self, path: Path, again: bool) -> str:
        """Returns why a file must not be written, in words for people, or "".

        Args:
            path: the file.
            again: whether a file that is not this program's may be replaced; an original never is.
        """
        if _identity(path) in self._originals:
            return f"{path} is, or links to, an original: choose another place"
        record, replaceable = self.look(path)
        if again or replaceable:
            return ""
        fact = "was changed since it was made" if record else "is not of irodori"
        return f"{path} {fact}: it stays; {self._remedy}"

    def write(self, path: Path, data: bytes, source: Stamp | None, again: bool, guide: str = "") -> str:
        """Writes a file whole, and before it the line of the index.

        Args:
            path: the file to create or replace; missing folders are created.
            data: its bytes.
            source: what it was made from.
            again: whether a file that is not this program's may be replaced.
            guide: :func:`fingerprint` of the hints and colour sheets that it was made with.

        Returns:
            Why the file was not written, in words for people, or "".

        Raises:
            PipelineError: no other file could be written either (its text is one line).
        """
        if reason := self.refusal(path, again):
            return reason
        try:
            with whole_file(path) as file:
                file.write(data)
                file.flush()
                record = Record(stamp(os.fstat(file.fileno()), data), source, guide)
                _append(path.with_name(INDEX), path.name, record)
        except OSError as error:
            reason = f"{path} cannot be written: {error.strerror or error}"
            if error.errno in _HOPELESS:
                raise PipelineError(reason) from error
            return reason
        self._records(path.parent)[path.name].append(record)
        return ""

    def _records(self, folder: Path) -> dict[str, list[Record]]:
        if folder not in self._folders:
            self._sizes[folder], self._folders[folder] = _size(folder / INDEX), _read(folder / INDEX)
        return self._folders[folder]

    def _forget_if_grown(self, folder: Path) -> None:
        if _size(folder / INDEX) != self._sizes[folder]:
            del self._folders[folder]


def _append(index: Path, name: str, record: Record) -> None:
    line = {"name": name, "made": astuple(record.made), "source": record.source and astuple(record.source)}
    line |= {"guide": record.guide} if record.guide else {}
    with index.open("a", encoding="ascii") as file:
        file.write(f"\n{json.dumps(line)}")  # the break comes first, as a power cut may have left half a line
        file.flush()
        os.fsync(file.fileno())


def _read(index: Path) -> dict[str, list[Record]]:
    """Reads an index; leaves out what is no line of one."""
    found: dict[str, list[Record]] = defaultdict(list)
    try:
        lines = index.read_text("ascii", "replace").splitlines()
    except OSError:
        return found
    for line in lines:
        try:
            values = json.loads(line)
            source = Stamp(*values["source"]) if values["source"] else None
            found[values["name"]].append(Record(Stamp(*values["made"]), source, str(values.get("guide", ""))))
        except (ValueError, TypeError, KeyError):
            continue
    return found


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _identity(path: Path) -> tuple[int, int] | None:
    """Identifies a file whatever its path: links to it have the same identity. None: there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@lru_cache(maxsize=1 << 16)
def _content(path: Path, size: int, modified: int, inode: int) -> str:
    """Returns the SHA-256 of a file; caches it for this size, time and inode."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
