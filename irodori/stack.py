"""Finds what `make up` runs on this machine, by what it wrote down. Quick to import: Prefect's plugin needs it, too."""

import os
from pathlib import Path

from dotenv import dotenv_values

PROJECT = Path(__file__).resolve().parent.parent


def stack_variables() -> dict[str, str]:
    """The variables with which the running stack is found; {} where none runs. The project's .env is read, too."""
    own = dotenv_values(PROJECT / ".env")
    folder = Path((own | os.environ).get("IRODORI_RUN_FOLDER") or PROJECT / ".run")
    return {name: value for name, value in dotenv_values(folder / "env").items() if value is not None}
