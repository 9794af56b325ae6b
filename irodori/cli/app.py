"""Assembles the commands into one program and runs it: `irodori COMMAND …`."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from irodori.cli.colorize import colorize
from irodori.cli.inbox import fetch, send
from irodori.cli.serve import serve
from irodori.cli.sheet import sheet
from irodori.cli.train import train
from irodori.loopback import keep_loopback_direct
from irodori.stack import UNTRACKED, own_variables, set_defaults

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (colorize, serve, sheet, train, send, fetch):
    app.command(no_args_is_help=command not in (serve, train))(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"irodori {version('irodori')}")
        raise typer.Exit


@app.callback()
def irodori(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Learns to colour line drawings, colours them, and keeps their lines."""


def main() -> None:
    """Runs the command; an error that a user can cause ends it with one line and exit status 1."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # for names that are not UTF-8
    try:
        set_defaults(own_variables())
        set_defaults(UNTRACKED)
        keep_loopback_direct()
        app()
    except Exception as error:
        from irodori.errors import PipelineError
        from storage import StorageError  # boto3 takes a second, which most calls can do without

        if not isinstance(error, PipelineError | StorageError):
            raise
        sys.exit(str(error))


if __name__ == "__main__":
    main()
