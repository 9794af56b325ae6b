"""Looks: models with a way to use them, what they are called, and their colorizers, loaded once a process."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING

from imaging.codec import decode
from imaging.errors import ImageError
from irodori.errors import PipelineError
from irodori.models import Model, Served, Untrained
from irodori.names import variant_name
from storage import Entry, open_storage

if TYPE_CHECKING:
    from cyclegan.painting.checkpoint import Weights
    from cyclegan.painting.colorizer import Colorizer
    from cyclegan.painting.palettes import Palette

_one_at_a_time = Lock()  # threads that start together would each load the model


@dataclass(frozen=True)
class Look:
    """A model, and in which of its palettes, from 1; 0: each drawing in its own."""

    model: Model
    variant: int


def looks(storage_url: str, model: str, styles: Sequence[str], variants: int) -> dict[str, Look]:
    """By the name that each has in the outbox; "" where there is but one.

    Args:
        styles: several models in place of the one.
        variants: how many palettes of each.

    Raises:
        PipelineError: if two would share a folder.
    """
    found: dict[str, Look] = {}
    for style in dict.fromkeys(styles or [""]):
        for variant in range(1, variants + 1) if variants > 1 else [0]:
            name = variant_name(style, variant) if variant else style
            if name in found:
                raise PipelineError(f"two looks would share the folder {name!r}: rename a model or ask for fewer")
            found[name] = Look(Model(storage_url, style or model), variant)
    return found


def trained(looks: Mapping[str, Look]) -> tuple[dict[str, Served], list[str]]:
    """What serves, by the names of the looks, and a line for each model that nobody has trained yet."""
    found: dict[Model, Served] = {}
    missing: dict[Model, str] = {}
    for model in {look.model: None for look in looks.values()}:
        try:
            found[model] = model.best()
        except Untrained as error:
            missing[model] = str(error)
    return {name: found[look.model] for name, look in looks.items() if look.model in found}, list(missing.values())


def load_colorizer(storage_url: str, served: Served) -> "Colorizer":
    """What serves, from the storage.

    Raises:
        PipelineError: if it is no checkpoint of this program.
    """
    with _one_at_a_time:
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
    """The palette of a picture in the storage, for the model that serves.

    Raises:
        PipelineError: if it is no whole picture, or if this model has no palettes.
    """
    with _one_at_a_time:
        return _load_palette(storage_url, served.checkpoint, served.weights, picture)


@lru_cache(maxsize=64)
def _load_palette(storage_url: str, checkpoint: str, weights: "Weights", picture: Entry) -> "Palette":
    from cyclegan.painting.palettes import PaletteError

    data = open_storage(storage_url).read(picture.key)
    try:
        return _load(storage_url, checkpoint, weights).palette_of(decode(data))
    except (ImageError, PaletteError) as error:
        raise PipelineError(f"{picture.key}: {error}; until it is replaced or removed, drawings wait for it") from error
