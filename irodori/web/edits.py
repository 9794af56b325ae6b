"""Defines what a person changes of a colouring on the page; its hints are those of a page.guide.json."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from irodori.web.limits import EDITS_BYTES, HINTS
from irodori.web.refusal import Refused

Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
Hex = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


class Placed(BaseModel):
    """A colour at a place: x and y are shares of width and height."""

    model_config = ConfigDict(extra="forbid")

    x: Share
    y: Share
    colour: Hex
    scope: Literal["area", "part", "everywhere"] = "part"


class Edits(BaseModel):
    """All changes of one drawing.

    Attributes:
        variant: which of the palettes that suit it, from 1.
        palette: a colour for each class instead, such as those of a reference.
        shading: strength of shadows; None: as the model does.
        hints: colours at places; later ones win.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"variant": 2, "hints": [{"x": 0.41, "y": 0.62, "colour": "#c03020", "scope": "part"}]}]
        },
    )

    variant: Annotated[int, Field(ge=1, le=64)] = 1
    palette: Annotated[list[Hex], Field(min_length=1, max_length=256)] | None = None
    shading: Share | None = None
    hints: Annotated[list[Placed], Field(max_length=HINTS)] = []


def read_edits(data: bytes) -> Edits:
    """Reads edits.

    Raises:
        Refused: they are wrong; its text names the place.
    """
    if len(data) > EDITS_BYTES:
        raise Refused(413, f"{len(data):,} bytes of edits: {EDITS_BYTES:,} are allowed")
    try:
        return Edits.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in first["loc"]).lstrip(".")
        raise Refused(422, f"{place or 'edits'}: {first['msg']}") from error
