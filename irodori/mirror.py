"""A run's folder on this machine, mirrored to the storage in a thread of its own while the training goes on."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from irodori.errors import PipelineError
from irodori.models import Run, Served
from storage import StorageError

_CHECKPOINTS = "/checkpoints/"  # the only files that a trainer ever deletes

Stamp = tuple[int, int]


@dataclass(frozen=True)
class _State:
    """The folder at one moment. stamps: all its files, by key; folder: those that the storage lacked then."""

    stamps: Mapping[str, Stamp]
    folder: Path
    choice: Served | None


class Mirror:
    """:meth:`put` hands over the folder as it stands and returns at once; one upload runs at a time, one waits.

    As a context manager it waits for the uploads, brings what an error or a signal left, and removes the folder; but
    not when the storage fails, for then its files are nowhere else.

    Where the storage is slower than the training, a state that waits gives way to the next one. Of each state the
    bytes are uploaded first, checkpoints last among them, then what serves, and only then are the checkpoints deleted
    that the trainer has dropped: whenever the process is killed, the storage holds what best.json names and the
    newest checkpoint with all that belongs to its step.
    """

    def __init__(self, run: Run, folder: Path) -> None:
        """folder: the run's; beside it, on the same disk, rests what waits to be uploaded."""
        self._run, self.folder = run, folder
        self._outgoing = folder.with_name(f"{folder.name}.outgoing")
        self._sent: dict[str, Stamp] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="upload")
        self._lock = Lock()
        self._waiting: _State | None = None
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
        """Brings what an earlier process left of this run."""
        storage, prefix = self._run.model.storage, self._run.prefix
        for entry in storage.list(prefix):
            path = self.folder / entry.key.removeprefix(prefix)
            storage.download(entry.key, path)
            self._sent[entry.key] = _stamp(path)

    def put(self, choice: Served | None) -> None:
        """Hands over the folder, and what serves from now on (None: what served before).

        Raises:
            StorageError: if the latest upload failed.
        """
        if self._upload is not None and self._upload.done():
            self._upload.result()
        state = self._freeze(choice)
        with self._lock:
            replaced, self._waiting = self._waiting, state
        if replaced is not None:
            shutil.rmtree(replaced.folder)
        self._upload = self._thread.submit(self._send_waiting)

    def wait(self) -> None:
        """Until all that was put is in the storage. Raises StorageError if it cannot be brought there."""
        if self._upload is not None:
            self._upload.result()

    def _freeze(self, choice: Served | None) -> _State:
        files = {
            self._run.prefix + path.relative_to(self.folder).as_posix(): path
            for path in self.folder.rglob("*")
            if path.is_file() and not path.name.startswith(".") and path.suffix != ".damaged"
        }
        stamps = {key: _stamp(path) for key, path in files.items()}
        self._outgoing.mkdir(exist_ok=True)
        state = _State(stamps, Path(tempfile.mkdtemp(dir=self._outgoing)), choice)
        for key, path in files.items():
            if self._sent.get(key) != stamps[key]:
                target = state.folder / key
                target.parent.mkdir(parents=True, exist_ok=True)
                # a link keeps a checkpoint that the trainer drops meanwhile; what is small it may write to
                os.link(path, target) if _CHECKPOINTS in key else shutil.copyfile(path, target)
        return state

    def _send_waiting(self) -> None:
        with self._lock:
            state, self._waiting = self._waiting, None
        if state is not None:  # else it gave way to one that is in the storage by now
            self._send(state)

    def _send(self, state: _State) -> None:
        storage = self._run.model.storage
        fresh = [path for path in state.folder.rglob("*") if path.is_file()]
        keys = {path.relative_to(state.folder).as_posix(): path for path in fresh}
        for key in sorted(keys, key=lambda key: (_CHECKPOINTS in key, key)):
            if self._sent.get(key) != state.stamps[key]:
                storage.upload(keys[key], key)
                self._sent[key] = state.stamps[key]
            keys[key].unlink()
        if state.choice is not None:
            self._run.serve(state.choice)
        for key in [key for key in self._sent if _CHECKPOINTS in key and key not in state.stamps]:
            storage.delete(key)
            del self._sent[key]
        shutil.rmtree(state.folder)


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
