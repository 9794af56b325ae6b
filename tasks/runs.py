"""Where a model and its training runs rest."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from storage import NotFound, Storage, open_storage
from tasks.errors import PipelineError

_RESULT = "result.json"


class Untrained(PipelineError):
    """A model without any checkpoint."""


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
            Untrained: if nothing has been trained yet.
        """
        try:
            best: dict[str, Any] = json.loads(self.storage.read(self.best_key))
        except NotFound:
            raise Untrained(
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


@dataclass(frozen=True)
class Run:
    """One training in the storage."""

    model: Model
    id: str

    @property
    def prefix(self) -> str:
        return f"models/{self.model.name}/runs/{self.id}/"

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
