"""Defines what a person changes of a colouring on the page; its hints are those of a page.guide.json."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from irodori.web.limits import EDITS_BYTES, HINTS, POINTS, SHEETS
from irodori.web.refusal import Refused

Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
Hex = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
Palette = Annotated[list[Hex], Field(min_length=1, max_length=256)]
_LONGEST_KEY = 8192  # values


class Placed(BaseModel):
    """A colour at a place, or along the `points` of a stroke: shares of width and height."""

    model_config = ConfigDict(extra="forbid")

    x: Share | None = None
    y: Share | None = None
    points: Annotated[list[tuple[Share, Share]], Field(min_length=1, max_length=POINTS)] | None = None
    colour: Hex
    scope: Literal["area", "part", "everywhere"] = "part"

    @model_validator(mode="after")
    def _has_one_place(self) -> "Placed":
        if (self.x is None) != (self.y is None) or (self.x is None) == (self.points is None):
            raise ValueError("give x and y, or points")
        return self


class KeptColours(BaseModel):
    """A colour sheet, as its file has it; see :mod:`cyclegan.painting.sheets`."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, Field(max_length=64)]
    palette: Palette
    key: Annotated[list[FiniteFloat], Field(max_length=_LONGEST_KEY)]


class Edits(BaseModel):
    """All changes of one drawing.

    Attributes:
        variant: which of the palettes that suit it, from 1.
        palette: a colour for each class instead, such as those of a reference.
        model: of which model its classes are; "": not known.
        sheets: the colours of characters, each for the figure that resembles it most; they win.
        shading: strength of shadows; None: as the model does.
        edge: "soft" or "cel" shadows; None: as the model learned them.
        mirrored_light: light from the other side.
        hints: colours at places; later ones win.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"variant": 2, "hints": [{"x": 0.41, "y": 0.62, "colour": "#c03020", "scope": "part"}]}]
        },
    )

    variant: Annotated[int, Field(ge=1, le=64)] = 1
    palette: Palette | None = None
    model: Annotated[str, Field(max_length=64)] = ""
    sheets: Annotated[list[KeptColours], Field(max_length=SHEETS)] = []
    shading: Share | None = None
    edge: Literal["soft", "cel"] | None = None
    mirrored_light: bool = False
    hints: Annotated[list[Placed], Field(max_length=HINTS)] = []


def written(edits: Edits) -> dict[str, Any]:
    """Returns edits as a page.guide.json has them: only what they ask for, and their hints."""
    asked = edits.model_dump(mode="json", exclude_defaults=True, exclude={"hints"})
    if edits.palette is None:
        asked.pop("model", None)
    else:
        asked.pop("variant", None)
    return {"hints": [hint.model_dump(mode="json", exclude_none=True) for hint in edits.hints]} | asked


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
