"""Calls the command `irodori` as people type it, and looks at what it left."""

from pathlib import Path

from typer.testing import CliRunner, Result

from irodori.cli.app import app


def colorize(*words: object) -> Result:
    return CliRunner().invoke(app, ["colorize", *map(str, words)])


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def drawings(folder: Path) -> set[str]:
    """The files that are neither hidden nor pages and contact sheets."""
    return {name for name in files(folder) if not name.rpartition("/")[2].startswith(("_", "."))}
