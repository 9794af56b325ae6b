"""The ways to colour that a command line asks for: each model in each palette, by the folder that it gets."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from PIL import Image

if TYPE_CHECKING:
    from cyclegan.colorizer import Colorizer

Colorize = Callable[[Image.Image], Image.Image]


def load_ways(model: str, styles: list[str], variants: int, like: list[Path]) -> dict[str, Colorize]:
    """Colorizers by folder; "" where there is but one.

    model: a name or a checkpoint file.  styles: several of these in its place.  variants: how many of its own palettes
    each offers; 1: each drawing in its own.  like: pictures whose palettes to use.

    Raises typer.BadParameter for what cannot be loaded, or would share a folder.
    """
    _refuse_namesakes(map(_style_name, styles), "--style")
    _refuse_namesakes((path.stem for path in like), "--like")
    found: dict[str, Colorize] = {}
    for style, chosen in {_style_name(name): name for name in styles}.items() or [("", model)]:
        palettes = _palettes(_load(chosen), variants, like)
        for name, colorize in palettes.items():
            found["-".join(filter(None, [style, name if len(palettes) > 1 else ""]))] = colorize
    return found


def _palettes(colorizer: "Colorizer", variants: int, like: list[Path]) -> dict[str, Colorize]:
    """A model with the palettes of pictures, then with its own variants; as it is where none are asked for."""
    from cyclegan.palettes import PaletteError
    from imaging.codec import ImageError, decode

    found: dict[str, Colorize] = {}
    for path in like:
        try:
            found[path.stem] = partial(colorizer, palette=colorizer.palette_of(decode(path.read_bytes())))
        except (ImageError, OSError, PaletteError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise typer.BadParameter(f"{path}: {reason}", param_hint="--like") from error
    try:
        for number, palette in enumerate(colorizer.palettes(variants) if variants > 1 else [], start=1):
            found[f"variant-{number}"] = partial(colorizer, palette=palette)
    except PaletteError as error:
        raise typer.BadParameter(str(error), param_hint="--variants") from error
    return found or {"": colorizer}


def _load(model: str) -> "Colorizer":
    """From a checkpoint file, or by name from the storage."""
    from cyclegan.colorizer import Colorizer
    from cyclegan.errors import CycleganError

    if _is_file(model):
        try:
            return Colorizer.load(model)
        except CycleganError as error:
            raise typer.BadParameter(str(error), param_hint="--model") from error
    return _load_from_storage(model)


def _load_from_storage(name: str) -> "Colorizer":
    from storage import StorageError
    from tasks.errors import PipelineError
    from tasks.runs import Model
    from tasks.served import load_colorizer
    from tasks.settings import settings

    try:
        url = settings().storage
        return load_colorizer(url, Model(url, name).best())
    except (PipelineError, StorageError) as error:
        raise typer.BadParameter(str(error), param_hint="--model") from error


def _style_name(model: str) -> str:
    return Path(model).stem if _is_file(model) else model


def _is_file(model: str) -> bool:
    return model.endswith(".pt") or "/" in model


def _refuse_namesakes(names: Iterable[str], option: str) -> None:
    names = list(names)
    if len(set(names)) < len(names):
        raise typer.BadParameter("two of one name would share a folder", param_hint=option)
