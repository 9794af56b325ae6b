"""Where a model and its training runs rest, and how a run's folder on this machine mirrors to the storage."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage import NotFound, Storage, open_storage
from tasks.errors import PipelineError

_KEPT_BY_TRAINER = "checkpoints/"  # the only files that a trainer ever deletes


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
        """Brings what an earlier process left of this run, the checkpoints last-first needed to resume."""
        for entry in self.model.storage.list(self.prefix):
            path = folder / entry.key.removeprefix(self.prefix)
            self.model.storage.download(entry.key, path)
            self._pushed[entry.key] = _stamp(path)

    def push(self, folder: Path) -> None:
        """Uploads what is new or changed, checkpoints last; then drops the checkpoints that the trainer dropped."""
        files = {
            self.prefix + path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"), key=lambda path: (_KEPT_BY_TRAINER in path.as_posix(), path))
            if path.is_file() and not path.name.startswith(".")
        }
        for key, path in files.items():
            stamp = _stamp(path)
            if self._pushed.get(key) != stamp:
                self.model.storage.upload(path, key)
                self._pushed[key] = stamp
        for key in [key for key in self._pushed if _KEPT_BY_TRAINER in key and key not in files]:
            self.model.storage.delete(key)
            del self._pushed[key]


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
