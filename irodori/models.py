"""Locates a model and its training runs in the storage, and records the checkpoint that the model serves."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from irodori.errors import PipelineError
from storage import NotFound, Storage, open_storage

if TYPE_CHECKING:
    from cyclegan.painting.checkpoint import Weights

_RESULT = "result.json"


class Untrained(PipelineError):
    """The model has no checkpoint yet."""


@dataclass(frozen=True)
class Served:
    """The checkpoint that a model serves, as ``best.json`` records it.

    Attributes:
        checkpoint: its key in the storage.
        run: id of the run that wrote it.
        step: training step of the checkpoint.
        weights: which of its weights are used: "ema" (exponential moving average) or "raw".
        score: as in :class:`cyclegan.scoring.selection.Choice`; 0.0 if nothing was scored.
        parts: as in :class:`cyclegan.scoring.selection.Choice`; {} if nothing was scored.
        reason: why this checkpoint was chosen.
    """

    checkpoint: str
    run: str = ""
    step: int = 0
    weights: "Weights" = "ema"
    score: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    reason: str = ""

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=2).encode()

    @classmethod
    def from_json(cls, data: bytes, name: str) -> Self:
        """Parses ``best.json`` or ``result.json``; ignores unknown fields.

        Args:
            data: the file's bytes.
            name: the file's name in the error message.

        Raises:
            PipelineError: if the bytes are no such file (its text is one line).
        """
        try:
            found = json.loads(data)
            known = {each.name for each in fields(cls)}
            return cls(**{name: value for name, value in found.items() if name in known})
        except (ValueError, AttributeError, TypeError) as error:
            raise PipelineError(
                f"{name} does not say what the model serves ({error!r}): delete it and train again"
            ) from error


@dataclass(frozen=True)
class Model:
    """A model by name; it serves the checkpoint that ``best.json`` names."""

    storage_url: str
    name: str

    @property
    def storage(self) -> Storage:
        return open_storage(self.storage_url)

    @property
    def best_key(self) -> str:
        return f"models/{self.name}/best.json"

    def best(self) -> Served:
        """Returns the checkpoint that the model serves.

        Raises:
            Untrained: if the model has no checkpoint yet (its text is one line).
            PipelineError: if ``best.json`` is damaged (its text is one line).
        """
        try:
            return Served.from_json(self.storage.read(self.best_key), self.best_key)
        except NotFound:
            raise Untrained(
                f"model {self.name!r} has no checkpoint in {self.storage_url} yet: run train-cyclegan first"
            ) from None

    def run(self, label: str, *, of: Any, formerly: Any = None) -> "Run":
        """Returns the run of a training. The same settings and images give the same id, so that a restart resumes it.

        Args:
            label: readable start of the run's id.
            of: JSON value that identifies the training; the id contains its hash.
            formerly: the value that identified it in earlier versions; a run that they began keeps its old id.
        """
        earlier = self._run(label, formerly)
        return earlier if formerly is not None and earlier.has_begun() else self._run(label, of)

    def _run(self, label: str, of: Any) -> "Run":
        digest = hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:8]
        return Run(self, f"{label}-{digest}")


@dataclass(frozen=True)
class Run:
    """One training run in the storage."""

    model: Model
    id: str

    @property
    def prefix(self) -> str:
        return f"models/{self.model.name}/runs/{self.id}/"

    def has_begun(self) -> bool:
        """Tells whether the storage has any file of this run."""
        return next(self.model.storage.list(self.prefix), None) is not None

    def serve(self, served: Served) -> None:
        """Makes a checkpoint of this run the one that the model serves."""
        self.model.storage.write(self.model.best_key, served.to_json())

    def finish(self, served: Served) -> None:
        """Records that the training is finished, and its result; a run writes this last."""
        self.serve(served)
        self.model.storage.write(self.prefix + _RESULT, served.to_json())

    def result(self) -> Served | None:
        """Returns what :meth:`finish` recorded; None if the training is not finished."""
        try:
            return Served.from_json(self.model.storage.read(self.prefix + _RESULT), self.prefix + _RESULT)
        except NotFound:
            return None
