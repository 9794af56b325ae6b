"""Turns what a command line asks of all drawings into looks: of models on this machine, or of a web page's."""

from pathlib import Path
from typing import NamedTuple

import typer

from irodori.cli.guides import AskedShadows, asked_guide, asked_hints
from irodori.cli.looks import Look, load_looks
from irodori.cli.outputs import fingerprint
from irodori.cli.server import RemoteLook, remote_looks

Looks = dict[str, Look | RemoteLook]


class Asked(NamedTuple):
    """The options of `irodori colorize` of the same names."""

    model: str
    style: list[str]
    variants: int
    like: list[Path]
    sheet: list[str]
    hints: list[Path]
    point: list[str]
    shadows: AskedShadows

    def here(self) -> tuple[Looks, str]:
        """Loads the looks; returns the fingerprint of what is asked, too.

        Raises:
            typer.BadParameter: something cannot be loaded.
        """
        guide, found = asked_guide(self.sheet, self.hints, self.point, self.shadows)
        return {**load_looks(self.model, self.style, self.variants, self.like, guide)}, found

    def there(self, server: str) -> tuple[Looks, str]:
        """Finds the looks on a web page; returns the fingerprint of what is asked, too.

        Raises:
            typer.BadParameter: the page cannot do what is asked.
        """
        if self.sheet:
            reason = "colour sheets need the model on this machine: leave out --server"
            raise typer.BadParameter(reason, param_hint="--sheet")
        if self.shadows != AskedShadows(self.shadows.shading):
            reason = "the edge and the light of shadows need the model on this machine: leave out --server"
            raise typer.BadParameter(reason, param_hint="--cel")
        hints = asked_hints(self.hints, self.point)
        asked = "" if self.shadows == AskedShadows() else repr(self.shadows)
        looks = remote_looks(server, self.model, self.style, self.variants, self.like, hints, self.shadows.shading)
        return {**looks}, fingerprint(*map(repr, hints), asked)
