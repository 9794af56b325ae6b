"""Finds the stack that `make up` runs on this machine, by the file that it wrote.

This module must be quick to import, because Prefect's plugin imports it.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from irodori.errors import PipelineError

# without these, Prefect's first import from a terminal reports itself to its makers, and says so
UNTRACKED = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
PROJECT = Path(__file__).resolve().parent.parent


def own_variables() -> dict[str, str]:
    """Returns the variables of the file .env, which `make up` reads, too; {} without the file.

    Raises:
        PipelineError: if it is no text (its text is one line).
    """
    return _variables(PROJECT / ".env")


def stack_variables() -> dict[str, str]:
    """Returns the environment variables of the running stack, {} if none runs; IRODORI_RUN_FOLDER may be in .env."""
    folder = Path((own_variables() | os.environ).get("IRODORI_RUN_FOLDER") or PROJECT / ".run")
    return _variables(folder / "env")


def use_stack() -> None:
    """Sets the variables of the running stack in this process, except those that the environment already has."""
    set_defaults(stack_variables())


def set_defaults(variables: Mapping[str, str]) -> None:
    """Sets environment variables of this process, except those that it already has."""
    for name, value in variables.items():
        os.environ.setdefault(name, value)


def _variables(path: Path) -> dict[str, str]:
    try:
        found = dotenv_values(path, encoding="utf-8-sig")  # Windows' editor begins a file with a mark
    except UnicodeDecodeError as error:
        raise PipelineError(f"{path} is not UTF-8: save it as such") from error
    return {name: value for name, value in found.items() if value is not None}
