"""Where a model and its training runs rest, and what it serves."""

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
    """A model without any checkpoint."""


@dataclass(frozen=True)
class Served:
    """The checkpoint that a model serves, as ``best.json`` says it.

    Attributes:
        checkpoint: its key in the storage.
        run: id of the run that it is from.
        weights: which of its weights: "ema", averaged, or "raw".
        score, parts: as :class:`cyclegan.scoring.selection.Choice` has them; 0.0 and {} where nothing was scored.
        reason: why this one.
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
        """Raises PipelineError for what is no such file; ``name`` says which."""
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
    """A model by name; it serves what ``best.json`` says."""

    storage_url: str
    name: str

    @property
    def storage(self) -> Storage:
        return open_storage(self.storage_url)

    @property
    def best_key(self) -> str:
        return f"models/{self.name}/best.json"

    def best(self) -> Served:
        """What serves.

        Raises:
            Untrained: if nothing has been trained yet.
        """
        try:
            return Served.from_json(self.storage.read(self.best_key), self.best_key)
        except NotFound:
            raise Untrained(
                f"model {self.name!r} has no checkpoint in {self.storage_url} yet: run train-cyclegan first"
            ) from None

    def run(self, label: str, *, of: Any, formerly: Any = None) -> "Run":
        """The run of exactly this training: same settings and images, same run, so that a restart finds it.

        Args:
            label: readable start of its id.
            of: what decides the run, JSON-able.
            formerly: what decided it in earlier versions; a run that they began goes on under its old id.
        """
        earlier = self._run(label, formerly)
        return earlier if formerly is not None and earlier.has_begun() else self._run(label, of)

    def _run(self, label: str, of: Any) -> "Run":
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

    def has_begun(self) -> bool:
        """Whether the storage has anything of it."""
        return next(self.model.storage.list(self.prefix), None) is not None

    def serve(self, served: Served) -> None:
        """Makes a checkpoint of this run the one that the model serves."""
        self.model.storage.write(self.model.best_key, served.to_json())

    def finish(self, served: Served) -> None:
        """Records that the training is over, and with what; the last thing that a run writes."""
        self.serve(served)
        self.model.storage.write(self.prefix + _RESULT, served.to_json())

    def result(self) -> Served | None:
        """What :meth:`finish` recorded, or None while the training is not over."""
        try:
            return Served.from_json(self.model.storage.read(self.prefix + _RESULT), self.prefix + _RESULT)
        except NotFound:
            return None
