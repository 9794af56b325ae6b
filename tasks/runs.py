"""Where a model and its training runs rest, and how a run's folder on this machine mirrors to the storage."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage import NotFound, Storage, open_storage
from tasks.errors import PipelineError

_CHECKPOINTS = "/checkpoints/"  # the only files that a trainer ever deletes
_RESULT = "result.json"


@dataclass(frozen=True)
class Model:
    """A model by name; it serves what ``best.json`` says."""

    storage_url: str
    name: str

    @property
    def storage(self) -> Storage:
        return open_storage(self.storage_url)

    @property
    def best_key(self) -> str:
        return f"models/{self.name}/best.json"

    def best(self) -> dict[str, Any]:
        """What serves: checkpoint (a key), weights, step, score, parts, reason, run.

        Raises:
            PipelineError: if nothing has been trained yet.
        """
        try:
            best: dict[str, Any] = json.loads(self.storage.read(self.best_key))
        except NotFound:
            raise PipelineError(
                f"model {self.name!r} has no checkpoint in {self.storage_url} yet: run train-cyclegan first"
            ) from None
        return best

    def run(self, label: str, *, of: Any) -> "Run":
        """The run of exactly this training: same settings and images, same run, so that a restart finds it.

        Args:
            label: readable start of its id.
            of: what decides the run, JSON-able.
        """
        digest = hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:8]
        return Run(self, f"{label}-{digest}")


@dataclass
class Run:
    """One training in the storage, and its mirror in a folder of this machine."""

    model: Model
    id: str
    _pushed: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False)

    @property
    def prefix(self) -> str:
        return f"models/{self.model.name}/runs/{self.id}/"

    def pull(self, folder: Path) -> None:
        """Brings what an earlier process left of this run."""
        for entry in self.model.storage.list(self.prefix):
            path = folder / entry.key.removeprefix(self.prefix)
            self.model.storage.download(entry.key, path)
            self._pushed[entry.key] = _stamp(path)

    def push(self, folder: Path) -> None:
        """Uploads what is new or changed, checkpoints last: where one is, nothing about its step is missing."""
        files = self._files(folder)
        for key in sorted(files, key=lambda key: (_CHECKPOINTS in key, key)):
            stamp = _stamp(files[key])
            if self._pushed.get(key) != stamp:
                self.model.storage.upload(files[key], key)
                self._pushed[key] = stamp

    def prune(self, folder: Path) -> None:
        """Drops the checkpoints that the trainer has dropped; after :meth:`serve`, or it might be the served one."""
        files = self._files(folder)
        for key in [key for key in self._pushed if _CHECKPOINTS in key and key not in files]:
            self.model.storage.delete(key)
            del self._pushed[key]

    def serve(self, choice: dict[str, Any]) -> None:
        """Makes a checkpoint of this run the one that the model serves."""
        self.model.storage.write(self.model.best_key, json.dumps(choice, indent=2).encode())

    def finish(self, choice: dict[str, Any]) -> None:
        """Records that the training is over, and with what; the last thing that a run writes."""
        self.serve(choice)
        self.model.storage.write(self.prefix + _RESULT, json.dumps(choice, indent=2).encode())

    def result(self) -> dict[str, Any] | None:
        """What :meth:`finish` recorded, or None while the training is not over."""
        try:
            choice: dict[str, Any] = json.loads(self.model.storage.read(self.prefix + _RESULT))
        except NotFound:
            return None
        return choice

    def _files(self, folder: Path) -> dict[str, Path]:
        return {
            self.prefix + path.relative_to(folder).as_posix(): path
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
