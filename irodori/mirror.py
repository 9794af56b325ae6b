"""Mirrors a run's local folder to the storage, in a separate thread while the training continues."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from irodori.errors import PipelineError
from irodori.models import Run, Served
from storage import StorageError

_CHECKPOINTS = "/checkpoints/"  # the only folder in which a trainer deletes files

Stamp = tuple[int, int]


@dataclass(frozen=True)
class _Snapshot:
    """A snapshot of the run's folder.

    Attributes:
        stamps: the stamp of each file of the run's folder, by key.
        folder: holds links to, or copies of, the files that the storage did not have yet.
        choice: the checkpoint that the model serves after the upload; None: unchanged.
    """

    stamps: Mapping[str, Stamp]
    folder: Path
    choice: Served | None


class Mirror:
    """Uploads snapshots of a run's folder in the background: one upload runs at a time, and at most one waits.

    :meth:`put` takes a snapshot and returns at once. If the storage is slower than the training, a waiting snapshot is
    replaced by the next one.

    Leaving the context after an error or a signal takes a last snapshot. It waits for the uploads and deletes the
    folder; if the storage fails, the folder stays, because its files exist nowhere else.

    Each snapshot is uploaded in this order: files, checkpoints last; then best.json; and only then are checkpoints
    deleted that the trainer has deleted. So whenever the process is killed, the storage has the checkpoint that
    best.json names, and the newest checkpoint with all files that belong to its step.
    """

    def __init__(self, run: Run, folder: Path) -> None:
        """Starts no upload.

        Args:
            run: the run in the storage.
            folder: the run's local folder; snapshots are kept beside it, on the same disk.
        """
        self._run, self.folder = run, folder
        self._outgoing = folder.with_name(f"{folder.name}.outgoing")
        self._uploaded: dict[str, Stamp] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="upload")
        self._lock = Lock()
        self._waiting: _Snapshot | None = None
        self._upload: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None and not isinstance(error, StorageError):
                self.put(None)
            self.wait()
        except StorageError as failure:
            where = f"{self._run.model.storage_url}/{self._run.prefix}"
            raise PipelineError(
                f"{failure}; nothing is lost: copy what is in {self.folder} to {where} and run again"
            ) from failure
        shutil.rmtree(self._outgoing, ignore_errors=True)
        shutil.rmtree(self.folder)

    def pull(self) -> None:
        """Downloads the files of this run that an earlier process uploaded."""
        storage, prefix = self._run.model.storage, self._run.prefix
        for entry in storage.list(prefix):
            path = self.folder / entry.key.removeprefix(prefix)
            storage.download(entry.key, path)
            self._uploaded[entry.key] = _stamp(path)

    def put(self, choice: Served | None) -> None:
        """Takes a snapshot of the folder and schedules its upload.

        Args:
            choice: the checkpoint that the model serves from then on; None: unchanged.

        Raises:
            StorageError: if the latest upload failed (its text is one line).
        """
        if self._upload is not None and self._upload.done():
            self._upload.result()
        snapshot = self._take_snapshot(choice)
        with self._lock:
            replaced, self._waiting = self._waiting, snapshot
            if replaced is not None and choice is None:
                # the new snapshot may lack the checkpoint that best.json still names, because the choice has changed
                self._waiting = replace(snapshot, choice=replaced.choice)
        if replaced is not None:
            shutil.rmtree(replaced.folder)
        self._upload = self._thread.submit(self._upload_waiting)

    def wait(self) -> None:
        """Waits until the last snapshot is in the storage.

        Raises:
            StorageError: if the upload failed (its text is one line).
        """
        if self._upload is not None:
            self._upload.result()

    def _take_snapshot(self, choice: Served | None) -> _Snapshot:
        files = {
            self._run.prefix + path.relative_to(self.folder).as_posix(): path
            for path in self.folder.rglob("*")
            if path.is_file() and not path.name.startswith(".") and path.suffix != ".damaged"
        }
        stamps = {key: _stamp(path) for key, path in files.items()}
        self._outgoing.mkdir(exist_ok=True)
        snapshot = _Snapshot(stamps, Path(tempfile.mkdtemp(dir=self._outgoing)), choice)
        for key, path in files.items():
            if self._uploaded.get(key) != stamps[key]:
                target = snapshot.folder / key
                target.parent.mkdir(parents=True, exist_ok=True)
                # a hard link keeps a checkpoint that the trainer deletes; other files may change, so they are copied
                os.link(path, target) if _CHECKPOINTS in key else shutil.copyfile(path, target)
        return snapshot

    def _upload_waiting(self) -> None:
        with self._lock:
            snapshot, self._waiting = self._waiting, None
        if snapshot is not None:  # otherwise, an earlier call has uploaded a newer snapshot in its place
            self._upload_files(snapshot)

    def _upload_files(self, snapshot: _Snapshot) -> None:
        storage = self._run.model.storage
        fresh = [path for path in snapshot.folder.rglob("*") if path.is_file()]
        keys = {path.relative_to(snapshot.folder).as_posix(): path for path in fresh}
        for key in sorted(keys, key=lambda key: (_CHECKPOINTS in key, key)):
            if self._uploaded.get(key) != snapshot.stamps[key]:
                storage.upload(keys[key], key)
                self._uploaded[key] = snapshot.stamps[key]
            keys[key].unlink()
        if snapshot.choice is not None:
            self._run.serve(snapshot.choice)
        for key in [key for key in self._uploaded if _CHECKPOINTS in key and key not in snapshot.stamps]:
            storage.delete(key)
            del self._uploaded[key]
        shutil.rmtree(snapshot.folder)


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
