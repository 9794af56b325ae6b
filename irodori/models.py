"""Locates a model and its training runs in the storage, and records the checkpoint that the model serves."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from irodori.errors import PipelineError
from storage import Conflict, Entry, NotFound, Storage, open_storage

if TYPE_CHECKING:
    from cyclegan.painting.checkpoint import Weights

_RESULT = "result.json"
_NUMBER = (int, float)
_KINDS: dict[str, Any] = dict(checkpoint=str, run=str, step=int, score=_NUMBER, parts=dict, reason=str)


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
            served = cls(**{name: value for name, value in found.items() if name in known})
            wrong = [name for name, kind in _KINDS.items() if not isinstance(getattr(served, name), kind)]
            if wrong or served.weights not in ("ema", "raw"):
                raise ValueError(f"wrong: {', '.join(wrong or ['weights'])}")
        except (ValueError, AttributeError, TypeError) as error:
            raise PipelineError(
                f"{name} does not say what the model serves ({error!r}): delete it and train again"
            ) from error
        return served


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
    """One training run in the storage.

    Attributes:
        model: the model that it trains.
        id: its folder among the model's runs.
        takes_over: whether it serves from its first checkpoint on, whatever the model serves.
    """

    model: Model
    id: str
    takes_over: bool = False

    @property
    def prefix(self) -> str:
        return f"models/{self.model.name}/runs/{self.id}/"

    def has_begun(self) -> bool:
        """Tells whether the storage has any file of this run."""
        return next(self.model.storage.list(self.prefix), None) is not None

    def checkpoints(self) -> Iterator[Entry]:
        """Lists the checkpoints of this run in the storage."""
        return self.model.storage.list(f"{self.prefix}checkpoints/")

    def other(self) -> Served | None:
        """Returns the checkpoint that the model serves; None if it is of this run, or there is none.

        Raises:
            PipelineError: if ``best.json`` is damaged (its text is one line).
        """
        try:
            served = self.model.best()
        except Untrained:
            return None
        return None if served.run == self.id else served

    def serve(self, served: Served, instead_of: Served | None = None) -> bool:
        """Makes a checkpoint of this run the one that the model serves, unless the model serves another run.

        Args:
            served: the checkpoint.
            instead_of: another run's checkpoint that this one may replace.

        Returns:
            Whether the model serves this run now.
        """
        storage, key = self.model.storage, self.model.best_key
        while True:
            try:
                data, version = storage.read_version(key)
            except NotFound:
                version = None
            else:
                if not self._may_replace(data, instead_of):
                    return False
            with suppress(Conflict):  # another run has written in between
                storage.replace(key, served.to_json(), version)
                return True

    def _may_replace(self, data: bytes, instead_of: Served | None) -> bool:
        if self.takes_over:
            return True
        try:
            present = Served.from_json(data, self.model.best_key)
        except PipelineError:  # said when the training begins and ends; its checkpoints must be kept until then
            return False
        return present.run == self.id or present == instead_of

    def finish(self, served: Served, instead_of: Served | None = None) -> None:
        """Records that the training is finished, and its result; a run writes this last.

        Args:
            served: its best checkpoint.
            instead_of: as in :meth:`serve`.
        """
        self.serve(served, instead_of)
        self.model.storage.write(self.prefix + _RESULT, served.to_json())

    def result(self) -> Served | None:
        """Returns what :meth:`finish` recorded; None if the training is not finished."""
        try:
            return Served.from_json(self.model.storage.read(self.prefix + _RESULT), self.prefix + _RESULT)
        except NotFound:
            return None
