"""Trains from a terminal; derives one option for each setting of a training from the configs."""

import inspect
import os
from collections.abc import Iterator
from typing import Annotated, Any, get_args

import annotated_types
import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from cyclegan.training.config import PresetName
from irodori.overrides import PATHS, Overrides
from irodori.stack import use_stack

_NAME = "NAME"


def train(**given: Any) -> None:
    """Train a model on a dataset, or go on where the same training stopped.

    A run of Prefect, like that of the deployment train-cyclegan; where no server is set, one is started for it.
    """
    asked = {name: given.pop(name) for name in ("dataset", "model", "preset", "credit", "serve")}
    try:
        overrides = Overrides(**given)
    except ValidationError as error:
        first = error.errors()[0]
        option = f"--{str(first['loc'][0]).replace('_', '-')}"
        raise typer.BadParameter(first["msg"], param_hint=option) from error
    overrides.apply(asked["preset"])  # before Prefect is imported, which takes seconds
    use_stack()
    os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "true")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")
    from irodori.cli.flows import run_training

    run_training(**asked, overrides=overrides)


def _parameters() -> Iterator[inspect.Parameter]:
    named: dict[str, tuple[Any, Any, str | bool]] = {
        "dataset": (str, typer.Option(metavar=_NAME, help="What build-dataset made."), "default"),
        "model": (str, typer.Option(metavar=_NAME, help="A folder under models/."), "default"),
        "preset": (PresetName, typer.Option(help="The settings to begin with."), "default"),
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


assert list(Overrides.model_fields) == list(PATHS)
_all = list(_parameters())
train.__signature__ = inspect.Signature(_all, return_annotation=None)  # type: ignore[attr-defined]
train.__annotations__ = {parameter.name: parameter.annotation for parameter in _all}
