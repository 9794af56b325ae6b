"""Loads the looks that a command line asks for: each model with each palette, by the look's folder in OUT."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

import typer
from PIL import Image

from irodori.names import is_utf8, look_name, variant_name

if TYPE_CHECKING:
    from cyclegan.painting.colorizer import Colorizer
    from cyclegan.painting.guide import Guide
    from cyclegan.painting.guide_files import Wishes
    from imaging.layers import Layered


@dataclass(frozen=True)
class Look:
    """A model, and what is asked of it for all drawings."""

    colorizer: "Colorizer"
    guide: "Guide"

    def paint(self, image: Image.Image, wishes: "Wishes") -> "Layered":
        """Colours a drawing; its own hints come first, its own colours and shadows where nothing else is asked.

        Raises:
            HintError: the model cannot do what the drawing's files ask for (its text is one line that names the file).
        """
        return self.colorizer.paint(image, wishes.over(self.guide, self.colorizer))


def load_looks(model: str, styles: list[str], variants: int, like: list[Path], asked: "Guide") -> dict[str, Look]:
    """Loads all looks.

    Args:
        model: name of a model, or path of a checkpoint file.
        styles: several models or files to use instead of ``model``.
        variants: number of each model's own palettes; 1: each drawing gets its own palette.
        like: pictures whose palettes to use.
        asked: the hints and colour sheets for all of them.

    Returns:
        The looks by folder; the folder is "" if there is only one.

    Raises:
        typer.BadParameter: if a model or picture cannot be loaded, or two looks would share a folder.
    """
    check_names(map(_style_name, styles), "--style")
    check_names((path.stem for path in like), "--like")
    found: list[tuple[str, Look]] = []
    for style, chosen in {_style_name(name): name for name in styles}.items() or [("", model)]:
        colorizer = load_model(chosen)
        _check(colorizer, asked)
        guides = list(_guides(colorizer, style, variants, like, asked)) or [(style, asked)]
        found += [(name if len(guides) > 1 else style, Look(colorizer, guide)) for name, guide in guides]
    check_names((name for name, _ in found), "--like" if like else "--style")
    return dict(found)


def _check(colorizer: "Colorizer", asked: "Guide") -> None:
    from cyclegan.errors import CycleganError
    from cyclegan.painting.shadows import ShadingError

    try:
        colorizer.check(asked)
    except CycleganError as error:
        hint = "--shading" if isinstance(error, ShadingError) else "--sheet"
        raise typer.BadParameter(str(error), param_hint=hint) from error


def _guides(
    colorizer: "Colorizer", style: str, variants: int, like: list[Path], asked: "Guide"
) -> "Iterator[tuple[str, Guide]]":
    """Yields the palettes of the pictures, then the model's own variants, each with the name of its look."""
    from cyclegan.painting.palettes import PaletteError
    from imaging.codec import decode
    from imaging.errors import ImageError

    for path in like:
        try:
            palette = colorizer.palette_of(decode(path.read_bytes()))
            yield look_name(style, path.stem), replace(asked, palette=palette)
        except (ImageError, OSError, PaletteError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise typer.BadParameter(f"{path}: {reason}", param_hint="--like") from error
    try:
        if variants > 1:
            colorizer.check(replace(asked, variant=variants))
        for number in range(1, variants + 1) if variants > 1 else ():
            yield variant_name(style, number), replace(asked, variant=number)
    except PaletteError as error:
        raise typer.BadParameter(str(error), param_hint="--variants") from error


def load_model(model: str) -> "Colorizer":
    """Loads a colorizer from a checkpoint file, or by its model's name from the storage."""
    from cyclegan.errors import CycleganError
    from cyclegan.painting.colorizer import Colorizer

    if _is_file(model):
        try:
            return Colorizer.load(model)
        except CycleganError as error:
            raise typer.BadParameter(str(error), param_hint="--model") from error
    return _load_from_storage(model)


def _load_from_storage(name: str) -> "Colorizer":
    from irodori.errors import PipelineError
    from irodori.looks import load_colorizer
    from irodori.models import Model
    from irodori.settings import settings
    from storage import StorageError

    try:
        url = settings().storage
        return load_colorizer(url, Model(url, name).best())
    except (PipelineError, StorageError) as error:
        raise typer.BadParameter(str(error), param_hint="--model") from error


def _style_name(model: str) -> str:
    return Path(model).stem if _is_file(model) else model


def _is_file(model: str) -> bool:
    return model.endswith(".pt") or "/" in model


def check_names(names: Iterable[str], option: str) -> None:
    """Refuses names that cannot each have a folder in OUT, on any disk."""
    taken: set[str] = set()
    for name in names:
        if name.startswith(".") or not is_utf8(name):
            raise typer.BadParameter(f"{name!r} cannot name a folder in OUT: rename the file", param_hint=option)
        key = normalize("NFC", name).casefold()  # some disks tell neither case nor composition apart
        if key in taken:
            raise typer.BadParameter(f"two looks would share the folder {name} in OUT: rename one", param_hint=option)
        taken.add(key)
