"""Turns what a command line asks of all drawings into looks: of models on this machine, or of a web page's."""

import json
from pathlib import Path
from typing import NamedTuple

from irodori.cli.guides import NO_WISHES, AskedShadows, asked_guide, asked_hints, read_sheets
from irodori.cli.looks import Look, load_looks
from irodori.cli.outputs import fingerprint
from irodori.cli.server import RemoteLook, Server, remote_looks

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
        hints, sheets = asked_hints(self.hints, self.point), read_sheets(self.sheet)
        asked = "" if self.shadows == NO_WISHES else repr(self.shadows)
        plain = RemoteLook(Server(server), sheets=tuple(map(json.loads, sheets)), hints=hints, shadows=self.shadows)
        looks = remote_looks(self.model, self.style, self.variants, self.like, plain)
        return {**looks}, fingerprint(*map(bytes.decode, sheets), *map(repr, hints), asked)
