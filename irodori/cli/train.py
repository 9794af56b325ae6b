"""Trains from a terminal, on two folders, a board's tags or a dataset; derives an option for each setting."""

import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import annotated_types
import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from cyclegan.training.config import PresetName
from irodori.cli.start import STOPPED
from irodori.cli.tally import err
from irodori.overrides import PATHS, Overrides
from irodori.stack import use_stack

_NAME = "NAME"


def train(**given: Any) -> None:
    """Train a model on your own art: a folder of lineart and one of colour pictures, which need not belong together.

    Everything stays on this machine. The same command goes on where it stopped, and takes in new pictures; another
    --model for other folders.

    With --dataset it is a run of Prefect, like that of the deployment train-cyclegan; where no server is set, one is
    started for it.
    """
    folders, tags, dataset = given.pop("folders") or [], given.pop("tags") or [], given.pop("dataset")
    asked = {name: given.pop(name) for name in ("model", "preset", "credit", "serve")}
    keep_all = given.pop("keep_all")
    try:
        overrides = Overrides(**given)
    except ValidationError as error:
        first = error.errors()[0]
        option = f"--{str(first['loc'][0]).replace('_', '-')}"
        raise typer.BadParameter(first["msg"], param_hint=option) from error
    overrides.apply(asked["preset"] or "default")  # before Prefect is imported, which takes seconds
    if dataset and (folders or tags):
        raise typer.BadParameter("it is made of the folders or tags: leave it out", param_hint="--dataset")
    if keep_all and not (folders or tags):
        raise typer.BadParameter("build-dataset chooses: give it teaches_little", param_hint="--keep-all")
    try:
        if folders or tags:
            _train_on_own_art(folders, tags, overrides, keep_all=keep_all, **asked)
        else:
            _train_on_dataset(dataset or "default", overrides, **asked)
    except KeyboardInterrupt:
        err.print("stopped; the same command goes on where it was")
        raise typer.Exit(STOPPED) from None


def _train_on_own_art(folders: list[Path], tags: list[str], overrides: Overrides, **asked: Any) -> None:
    from irodori.cli.own_art import Wanted, asked_sources, train_on_own_art

    train_on_own_art(Wanted(asked_sources(folders, tags), folders, overrides=overrides, **asked))


def _train_on_dataset(dataset: str, overrides: Overrides, **asked: Any) -> None:
    use_stack()
    os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "true")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")
    from irodori.cli.flows import run_training

    run_training(dataset, overrides=overrides, **asked | {"preset": asked["preset"] or "default"})


def _parameters() -> Iterator[inspect.Parameter]:
    named: dict[str, tuple[Any, Any, str | bool | None]] = {
        "folders": (
            list[Path] | None,
            typer.Argument(metavar="[INK PAINTED]", help="A folder of lineart, and one of colour pictures."),
            None,
        ),
        "model": (str, typer.Option("--model", "-m", metavar=_NAME, help="What to call the model."), "default"),
        "preset": (
            PresetName | None,
            typer.Option(
                help="The settings to begin with; without it, those that suit this machine.", show_default=False
            ),
            None,
        ),
        "tags": (
            list[str] | None,
            typer.Option(metavar="TAGS", help="Instead of folders: a board's tags for lineart, then again for colour."),
            None,
        ),
        "keep_all": (
            bool,
            typer.Option("--keep-all", help="Keep colour pictures that are grey, nearly all dark or mostly text, too."),
            False,
        ),
        "dataset": (str | None, typer.Option(metavar=_NAME, help="Instead: what build-dataset made."), None),
        "credit": (str, typer.Option(help="A line under the sample sheets, for whoever drew the pictures."), ""),
        "serve": (
            bool,
            typer.Option("--serve", help="Serve this run at once, not once it is better."),
            False,
        ),
    }
    for name, (kind, option, default) in named.items():
        yield _parameter(name, Annotated[kind, option], default)
    for name, field in Overrides.model_fields.items():
        yield _parameter(name, _option(name, field), None)


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _option(name: str, field: FieldInfo) -> Any:
    """Returns the option of a setting, with its bounds and description, in the help panel of its section."""
    section, _, words = (field.description or "").partition(": ")
    (kind,) = (each for each in get_args(field.annotation) if each is not type(None))
    about: dict[str, Any] = {"help": words + _open_bounds(field), "rich_help_panel": section.capitalize()}
    for bound in field.metadata:
        if isinstance(bound, annotated_types.Ge):
            about["min"] = bound.ge
        elif isinstance(bound, annotated_types.Le):
            about["max"] = bound.le
    return Annotated[kind | None, typer.Option(**about)]


def _open_bounds(field: FieldInfo) -> str:
    """Describes in words the bounds that an option cannot express otherwise."""
    words = {annotated_types.Gt: "above {0.gt}", annotated_types.Lt: "below {0.lt}"}
    words[annotated_types.MultipleOf] = "a multiple of {0.multiple_of}"
    found = [text.format(each) for each in field.metadata for kind, text in words.items() if isinstance(each, kind)]
    return f" ({', '.join(found)})" if found else ""


assert list(Overrides.model_fields) == ["method", *PATHS]
_all = list(_parameters())
train.__signature__ = inspect.Signature(_all, return_annotation=None)  # type: ignore[attr-defined]
train.__annotations__ = {parameter.name: parameter.annotation for parameter in _all}
