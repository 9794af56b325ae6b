"""Makes a colour sheet of a character: `irodori sheet NAME --from PICTURE`."""

from pathlib import Path
from typing import Annotated

import typer

from irodori.cli.guides import asked_hints
from irodori.cli.looks import load_model
from irodori.names import sheet_key


def sheet(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the character is called.")],
    picture: Annotated[Path, typer.Option("--from", metavar="PICTURE", help="Of the character, in colour.")],
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="NAME|FILE.pt", help="The model that is to use the colours.")
    ] = "default",
    hints: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Colours at places; PICTURE is a drawing then.")
    ] = None,
    point: Annotated[list[str] | None, typer.Option(metavar="X,Y=COLOUR", help="The same, one at a time.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Replace the sheet of this name.")] = False,
) -> None:
    """Keep the colours of a character, for `irodori colorize --sheet NAME`.

    Of several figures in PICTURE, it is the largest. The sheet is in the storage, in sheets/NAME.json.
    """
    from cyclegan.errors import CycleganError
    from imaging.codec import decode
    from imaging.errors import ImageError

    key = sheet_key(_checked(name))
    colorizer, asked = load_model(model), asked_hints(hints or [], point or [])
    try:
        data = colorizer.sheet(decode(picture.read_bytes()), asked).to_json()
    except (CycleganError, ImageError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise typer.BadParameter(f"{picture}: {reason}", param_hint="--from") from error
    _write(key, data, again)


def _checked(name: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from irodori.names import Name

    try:
        return str(TypeAdapter(Name).validate_python(name))
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(reason, param_hint="NAME") from error


def _write(key: str, data: bytes, again: bool) -> None:
    from irodori.settings import settings
    from storage import Conflict, open_storage

    storage = open_storage(settings().storage)
    try:
        if again:
            storage.write(key, data)
        else:
            storage.replace(key, data, None)
    except Conflict:
        raise typer.BadParameter(f"{key} is there: --again replaces it", param_hint="NAME") from None
    print(f"{key} is in {storage.url}")
