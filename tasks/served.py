"""The colorizer that a model serves, loaded once a process."""

import tempfile
from functools import lru_cache
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING, Any

from storage import open_storage
from tasks.errors import PipelineError

if TYPE_CHECKING:
    from cyclegan.colorizer import Colorizer, Weights

_one_at_a_time = Lock()  # threads that start together would each load the model


def load_colorizer(storage_url: str, best: dict[str, Any]) -> "Colorizer":
    """What ``best.json`` names, from the storage.

    Raises:
        PipelineError: if it is no checkpoint of this program.
    """
    with _one_at_a_time:
        return _load(storage_url, best["checkpoint"], best["weights"])


@lru_cache(maxsize=4)
def _load(storage_url: str, checkpoint: str, weights: "Weights") -> "Colorizer":
    from cyclegan.colorizer import Colorizer
    from cyclegan.errors import CycleganError

    with tempfile.TemporaryDirectory(prefix="irodori-checkpoint-") as scratch:
        path = Path(scratch, PurePosixPath(checkpoint).name)
        open_storage(storage_url).download(checkpoint, path)
        try:
            return Colorizer.load(path, weights=weights)
        except CycleganError as error:
            raise PipelineError(f"{checkpoint}: {error}") from error
