"""Reads what files beside a drawing ask of its colouring, without torch: hints, a palette, colour sheets, shadows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cyclegan.errors import CycleganError
from cyclegan.painting.hint_files import hints_of, parse_guide, read_hints
from cyclegan.painting.hints import Hint, HintError
from imaging.formats import sniff

if TYPE_CHECKING:
    from cyclegan.painting.colorizer import Colorizer
    from cyclegan.painting.guide import Guide

_COLOURS, _SHADOWS = ("variant", "palette", "model", "sheets"), ("shading", "edge", "mirrored_light")


@dataclass(frozen=True)
class Wishes:
    """What files ask for.

    Attributes:
        hints: colours at places.
        colours: which palette, as in page.guide.json; {}: whichever suits.
        shadows: which shadows, as in page.guide.json; {}: as the model learned them.
        file: the name of the file that has colours or shadows.
    """

    hints: tuple[Hint, ...] = ()
    colours: Mapping[str, Any] = field(default_factory=dict)
    shadows: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""

    def over(self, guide: Guide, colorizer: Colorizer) -> Guide:
        """Adds what a guide for many drawings leaves open; its hints come later, and win.

        Raises:
            HintError: the model cannot do what the files ask for (its text is one line that names the file).
        """
        free = guide.palette is None and guide.variant <= 1 and not guide.sheets
        plain = guide.shading is None and guide.edge is None and not guide.mirrored_light
        try:
            own = {**(self._colours() if free else {}), **(self.shadows if plain else {})}
            found = replace(guide, hints=(*self.hints, *guide.hints), **own)
            if own:
                colorizer.check(found)
        except CycleganError as error:
            raise HintError(f"{self.file}: {error}") from error
        return found

    def _colours(self) -> dict[str, Any]:
        from cyclegan.painting.sheets import read_sheet

        found = dict(self.colours)
        if "palette" in found:
            found["palette"] = np.array(found["palette"], np.float32) / np.float32(255)
        if "sheets" in found:
            found["sheets"] = tuple(read_sheet(json.dumps(sheet).encode()) for sheet in found["sheets"])
        return found


def read_wishes(files: Iterable[tuple[str, bytes]]) -> Wishes:
    """Reads files, each with its name: page.guide.json, and pictures of hints; of two palettes, the last counts.

    Raises:
        HintError: one is wrong (its text is one line that names the file and the place).
    """
    found = Wishes()
    for name, data in files:
        try:
            if sniff(data) is not None:
                found = replace(found, hints=(*found.hints, *read_hints(data)))
                continue
            file = parse_guide(data)
        except HintError as error:
            raise HintError(f"{name}: {error}") from error
        given = file.model_dump(exclude_defaults=True)
        colours, shadows = ({entry: given[entry] for entry in kind if entry in given} for kind in (_COLOURS, _SHADOWS))
        found = Wishes(
            (*found.hints, *hints_of(file)),
            colours or found.colours,
            shadows or found.shadows,
            name if colours or shadows else found.file,
        )
    return found
