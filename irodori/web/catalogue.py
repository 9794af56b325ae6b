"""Knows which models colour on the page: those that were named, or all that are trained."""

import time
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from threading import Lock

from irodori.web.confined import Confined, nothing
from irodori.web.refusal import Refused

_FRESH = 60.0  # seconds; a listing of all models takes a while on S3
_PREFIX, _SERVES = "models/", "best.json"


class Catalogue:
    """The models of a page. Thread-safe."""

    def __init__(
        self, storage_url: str, named: Sequence[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Makes a catalogue.

        Args:
            storage_url: where models are.
            named: names, or paths of checkpoints; none: every model that serves a checkpoint, as they come.
            clock: seconds.
        """
        self._storage, self._clock, self._lock = Confined(storage_url, nothing), clock, Lock()
        self._named = {PurePosixPath(name).stem if is_file(name) else name: name for name in named}
        self._found, self._until = dict[str, str](), 0.0

    def models(self) -> dict[str, str]:
        """Returns the models: what people call them, and what a painter understands."""
        if self._named:
            return self._named
        with self._lock:
            if not self._found or self._clock() > self._until:
                self._found, self._until = self._trained(), self._clock() + _FRESH
            return self._found

    def choose(self, name: str) -> str:
        """Returns what a painter understands by a name; "" is the first model.

        Raises:
            Refused: there is no such model.
        """
        models = self.models()
        if not models:
            raise Refused(503, "there is no model yet: train one, with irodori train or the flow train-cyclegan", 60)
        if name and name not in models:
            raise Refused(422, f"there is no model {name[:80]!r}; there are {', '.join(list(models)[:8])}")
        return models[name] if name else next(iter(models.values()))

    def _trained(self) -> dict[str, str]:
        parts = (PurePosixPath(entry.key).parts for entry in self._storage.list(_PREFIX))
        return {name: name for name in sorted(each[1] for each in parts if len(each) == 3 and each[2] == _SERVES)}


def is_file(model: str) -> bool:
    """Tells whether a model is named by the path of a checkpoint."""
    return model.endswith(".pt")
