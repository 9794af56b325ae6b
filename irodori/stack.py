"""Finds the stack that `make up` runs on this machine, by the file that it wrote.

This module must be quick to import, because Prefect's plugin imports it.
"""

import os
from pathlib import Path

from dotenv import dotenv_values

PROJECT = Path(__file__).resolve().parent.parent


def stack_variables() -> dict[str, str]:
    """Returns the environment variables of the running stack, {} if none runs; IRODORI_RUN_FOLDER may be in .env."""
    own = dotenv_values(PROJECT / ".env")
    folder = Path((own | os.environ).get("IRODORI_RUN_FOLDER") or PROJECT / ".run")
    return {name: value for name, value in dotenv_values(folder / "env").items() if value is not None}


def use_stack() -> None:
    """Sets the variables of the running stack in this process, except those that the environment already has."""
    for name, value in stack_variables().items():
        os.environ.setdefault(name, value)
