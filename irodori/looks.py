"""Names looks (a model with a choice of palette), and loads their colorizers once per process."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING, Any

from imaging.codec import decode
from imaging.errors import ImageError
from irodori.errors import PipelineError
from irodori.models import Model, Served
from irodori.names import variant_name
from storage import Entry, open_storage

if TYPE_CHECKING:
    from cyclegan.painting.checkpoint import Weights
    from cyclegan.painting.colorizer import Colorizer
    from cyclegan.painting.palettes import Palette
    from cyclegan.painting.sheets import Sheet

_load_lock = Lock()  # without it, threads that start together would each load the model


@dataclass(frozen=True)
class Look:
    """A model and a choice of its palettes.

    Attributes:
        model: the model.
        variant: number of the palette, from 1; 0: each drawing gets its own palette.
    """

    model: Model
    variant: int


def looks(storage_url: str, model: str, styles: Sequence[str], variants: int) -> dict[str, Look]:
    """Returns the looks by their folders in the outbox; "" if there is only one look.

    Args:
        storage_url: the storage of the models.
        model: name of the model.
        styles: names of several models to use instead of ``model``.
        variants: number of palettes of each model; 1: each drawing gets its own palette.
    """
    found: dict[str, Look] = {}
    for style in dict.fromkeys(styles or [""]):
        for variant in range(1, variants + 1) if variants > 1 else [0]:
            name = variant_name(style, variant) if variant else style
            found[name] = Look(Model(storage_url, style or model), variant)
    return found


def trained(looks: Mapping[str, Look]) -> tuple[dict[str, Served], list[PipelineError]]:
    """Finds the best checkpoint of each look.

    Returns:
        The checkpoints that the models serve, by the names of the looks, and an error for each model that serves none.
    """
    found: dict[Model, Served] = {}
    missing: list[PipelineError] = []
    for model in {look.model: None for look in looks.values()}:
        try:
            found[model] = model.best()
        except PipelineError as error:  # untrained, or its best.json is damaged; the other models work
            missing.append(error)
    return {name: found[look.model] for name, look in looks.items() if look.model in found}, missing


def load_colorizer(storage_url: str, served: Served) -> "Colorizer":
    """Loads the colorizer of a served checkpoint from the storage; caches it.

    Raises:
        PipelineError: if the file is no checkpoint of this program (its text is one line).
    """
    with _load_lock:
        return _load(storage_url, served.checkpoint, served.weights)


@lru_cache(maxsize=4)
def _load(storage_url: str, checkpoint: str, weights: "Weights") -> "Colorizer":
    from cyclegan.errors import CycleganError
    from cyclegan.painting.colorizer import Colorizer

    with tempfile.TemporaryDirectory(prefix="irodori-checkpoint-") as scratch:
        path = Path(scratch, PurePosixPath(checkpoint).name)
        open_storage(storage_url).download(checkpoint, path)
        try:
            return Colorizer.load(path, weights=weights)
        except CycleganError as error:
            raise PipelineError(f"{checkpoint}: {error}") from error


def load_palette(storage_url: str, served: Served, picture: Entry) -> "Palette":
    """Returns the palette of a picture in the storage, for a served model; caches it.

    Raises:
        PipelineError: if the file is no complete picture, or if this model has no palettes (its text is one line).
    """
    palette: Palette = _load_asked(storage_url, served, picture, _palette_of)
    return palette


def load_sheet(storage_url: str, served: Served, file: Entry) -> "Sheet":
    """Returns a colour sheet in the storage, for a served model; caches it.

    Raises:
        PipelineError: if the file is no sheet, or of another model (its text is one line).
    """
    sheet: Sheet = _load_asked(storage_url, served, file, _sheet_of)
    return sheet


def _load_asked(storage_url: str, served: Served, file: Entry, read: Callable[["Colorizer", bytes], Any]) -> Any:
    with _load_lock:
        return _read_asked(storage_url, served.checkpoint, served.weights, file, read)


@lru_cache(maxsize=128)
def _read_asked(
    storage_url: str, checkpoint: str, weights: "Weights", file: Entry, read: Callable[["Colorizer", bytes], Any]
) -> Any:
    """Reads what a person put beside drawings."""
    from cyclegan.errors import CycleganError

    data = open_storage(storage_url).read(file.key)
    try:
        return read(_load(storage_url, checkpoint, weights), data)
    except (ImageError, CycleganError) as error:
        raise PipelineError(f"{file.key}: {error}; until it is replaced or removed, drawings wait for it") from error


def _palette_of(colorizer: "Colorizer", data: bytes) -> "Palette":
    return colorizer.palette_of(decode(data))


def _sheet_of(colorizer: "Colorizer", data: bytes) -> "Sheet":
    from cyclegan.painting.guide import Guide
    from cyclegan.painting.sheets import read_sheet

    sheet = read_sheet(data)
    colorizer.check(Guide(sheets=(sheet,)))
    return sheet
