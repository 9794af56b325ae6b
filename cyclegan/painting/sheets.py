"""Keeps the colours of characters: a sheet has the palette of a figure, and what the figure looks like."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError

from cyclegan.errors import CycleganError
from cyclegan.painting.division import Division
from cyclegan.painting.hint_files import first_error, parse_colour
from cyclegan.painting.hints import Colour
from cyclegan.painting.memory import Floats, Memory, key_length
from cyclegan.painting.palettes import Palette
from imaging.segments import Segments

MOST = 8  # sheets of one drawing
_INSIDE = 2.0  # px from a line, where a colour is not mixed with the line's


class SheetError(CycleganError):
    """A sheet that cannot be used. Its text is one line."""


@dataclass(frozen=True)
class Sheet:
    """The colours of a character.

    Attributes:
        model: :attr:`Memory.id` of the model whose classes the palette colours.
        palette: (k, 3) float32 RGB in [0, 1].
        key: what the figure looks like; see :func:`cyclegan.painting.memory.describe`.
    """

    model: str
    palette: Palette
    key: Floats

    def to_json(self) -> bytes:
        colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in np.rint(self.palette * 255).astype(int)]
        found = {"model": self.model, "palette": colours, "key": [round(float(each), 4) for each in self.key]}
        return json.dumps(found).replace("[", "\n[").encode()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str
    palette: Annotated[list[Annotated[Colour, BeforeValidator(parse_colour)]], Field(min_length=1)]
    key: list[FiniteFloat]


def read_sheet(data: bytes) -> Sheet:
    """Reads a sheet as :meth:`Sheet.to_json` writes it; a person may have changed its colours.

    Raises:
        SheetError: it is no sheet (its text is one line that names the place).
    """
    try:
        found = _File.model_validate_json(data.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        raise SheetError(f"no colour sheet: {first_error(error)}") from error
    palette = np.array(found.palette, np.float32) / np.float32(255)
    return Sheet(found.model, palette, np.array(found.key, np.float32))


def check_sheets(sheets: Sequence[Sheet], memory: Memory) -> None:
    """Refuses sheets that do not fit a model.

    Raises:
        SheetError: one is of another model, or there are more than MOST (its text is one line).
    """
    if len(sheets) > MOST:
        raise SheetError(f"{len(sheets)} colour sheets: give at most {MOST}")
    for sheet in sheets:
        k = memory.palettes.shape[1]
        if (sheet.model, len(sheet.palette), len(sheet.key)) != (memory.id, k, key_length(k)):
            raise SheetError("the colour sheet is of another model: make it again with this one, by irodori sheet")


def assign(keys: Floats, sheets: Sequence[Sheet]) -> list[Sheet | None]:
    """Gives each sheet to one figure, so that all together resemble their figures most.

    Args:
        keys: (figures, n), what the figures look like.
        sheets: at most MOST; those that are more than the figures are left over.

    Returns:
        The sheet of each figure.
    """
    if not sheets:
        return [None] * len(keys)
    distances = np.linalg.norm(keys[:, None] - np.stack([sheet.key for sheet in sheets])[None], axis=2)
    surplus = max(0, len(sheets) - len(keys))

    @cache
    def best(figure: int, free: frozenset[int]) -> tuple[float, tuple[int | None, ...]]:
        if figure == len(keys):
            return (0.0 if len(free) == surplus else np.inf), ()
        found = []
        for choice in [None, *sorted(free)]:
            rest, others = best(figure + 1, free - {choice} if choice is not None else free)
            found.append((rest + (0.0 if choice is None else float(distances[figure, choice])), (choice, *others)))
        return min(found, key=lambda each: each[0])

    chosen = best(0, frozenset(range(len(sheets))))[1]
    return [None if each is None else sheets[each] for each in chosen]


def measured(
    picture: npt.NDArray[np.uint8], segments: Segments, division: Division, figure: int
) -> dict[int, npt.NDArray[np.float32]]:
    """Returns the median colour of each class that a figure has, but for paper, RGB in [0, 1].

    Args:
        picture: (H, W, 3) uint8, in colour.
        segments: of its lines.
        division: of these.
        figure: its number.
    """
    small = cv2.resize(picture, segments.small.shape[::-1], interpolation=cv2.INTER_NEAREST)
    own = division.figures[segments.small] == figure
    found = {}
    for name in range(1, division.shares.shape[1]):
        inside = own & (division.classes[segments.small] == name)
        if inside.any():
            deep = inside & (segments.depth >= min(_INSIDE, float(segments.depth[inside].max())))
            found[name] = np.asarray(np.median(small[deep], axis=0) / 255, dtype=np.float32)
    return found
