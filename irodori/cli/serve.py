"""Gives models a web page: `irodori serve MODEL`."""

from pathlib import Path
from typing import Annotated

import typer

from irodori.cli.tally import out


def serve(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME|FILE.pt]…", help="Trained models, or checkpoint files; none: all that are trained."
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: 8100, or any that is free.")] = 0,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen; others need the link.")] = "127.0.0.1",
    public: Annotated[
        bool, typer.Option("--public", help="Anybody may come: no link needed, but limits hold.")
    ] = False,
    name: Annotated[
        list[str] | None, typer.Option(metavar="HOST", help="What the page is called, such as colours.example.org.")
    ] = None,
    proxy: Annotated[str, typer.Option(metavar="ADDRESS", help="A proxy before the page, which says who calls.")] = "",
) -> None:
    """Open a page to drop drawings on: in colour in seconds, changed by clicking, taken home with layers.

    It is for this machine alone, unless --host says otherwise. Drawings stay here, and are forgotten after 30 days
    without use (with --public, after one). Ctrl-C ends it.
    """
    from irodori.settings import settings
    from irodori.web.serving import Served, serve

    chosen = models or []
    for model in chosen:
        if model.endswith(".pt") and not Path(model).is_file():
            raise typer.BadParameter(f"there is no {model}", param_hint="NAME|FILE.pt")
        if "/" in model and not model.endswith(".pt"):
            raise typer.BadParameter(f"{model} is neither a model's name nor a file FILE.pt", param_hint="NAME|FILE.pt")
    served = Served(chosen, settings().storage, settings().database, host, port, public, name or (), proxy)
    serve(served, lambda address: out.print(f"The page: {address}    (Ctrl-C ends it)"))
