"""The ways to colour that models serve, and their colorizers, loaded once a process."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING, Any

from imaging.codec import ImageError, decode
from storage import Entry, open_storage
from tasks.errors import PipelineError
from tasks.runs import Model, Untrained

if TYPE_CHECKING:
    from cyclegan.colorizer import Colorizer, Weights
    from cyclegan.palettes import Palette

_one_at_a_time = Lock()  # threads that start together would each load the model


@dataclass(frozen=True)
class Way:
    """By which model, in which of its palettes, from 1; 0: each drawing in its own."""

    model: Model
    variant: int


def ways(storage_url: str, model: str, styles: Sequence[str], variants: int) -> dict[str, Way]:
    """By the name that each has in the outbox; "" where there is but one.

    styles: several models in place of the one.  variants: how many palettes of each.
    """
    found = {}
    for style in styles or [""]:
        for variant in range(1, variants + 1) if variants > 1 else [0]:
            name = f"{style or 'variant'}-{variant}" if variant else style
            found[name] = Way(Model(storage_url, style or model), variant)
    return found


def trained(ways: Mapping[str, Way]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """What serves, by the names of the ways, and a line for each model that nobody has trained yet."""
    found, missing = {}, {}
    for model in {way.model: None for way in ways.values()}:
        try:
            found[model] = model.best()
        except Untrained as error:
            missing[model] = str(error)
    return {name: found[way.model] for name, way in ways.items() if way.model in found}, list(missing.values())


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


def load_palette(storage_url: str, best: dict[str, Any], picture: Entry) -> "Palette":
    """The palette of a picture in the storage, for the model of ``best.json``.

    Raises:
        PipelineError: if it is no whole picture, or if this model has no palettes.
    """
    with _one_at_a_time:
        return _load_palette(storage_url, best["checkpoint"], best["weights"], picture)


@lru_cache(maxsize=64)
def _load_palette(storage_url: str, checkpoint: str, weights: "Weights", picture: Entry) -> "Palette":
    from cyclegan.palettes import PaletteError

    data = open_storage(storage_url).read(picture.key)
    try:
        return _load(storage_url, checkpoint, weights).palette_of(decode(data))
    except (ImageError, PaletteError) as error:
        raise PipelineError(f"{picture.key}: {error}; until it is replaced or removed, drawings wait for it") from error
