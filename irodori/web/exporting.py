"""Colours a drawing at full size by the edits of the page, and encodes it as a file to take home."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from imaging.formats import LayerFile
from irodori.web.edits import Edits, Placed

if TYPE_CHECKING:
    from PIL import Image

    from cyclegan.painting.drawing import ReadDrawing
    from cyclegan.painting.guide import Guide


def guide_of(edits: Edits) -> "Guide":
    """Returns the guide that asks for what a person changed."""
    from cyclegan.painting.guide import Guide
    from cyclegan.painting.hint_files import parse_colour
    from cyclegan.painting.hints import Hint
    from cyclegan.painting.sheets import read_sheet

    def places(hint: Placed) -> tuple[tuple[float, float], ...]:
        return tuple(hint.points or ()) if hint.x is None or hint.y is None else ((hint.x, hint.y),)

    hints = tuple(Hint(places(each), parse_colour(each.colour), each.scope) for each in edits.hints)
    sheets = tuple(read_sheet(each.model_dump_json().encode()) for each in edits.sheets)
    guide = Guide(sheets=sheets, hints=hints, shading=edits.shading)
    guide = replace(guide, edge=edits.edge, mirrored_light=edits.mirrored_light)
    if edits.palette is None:
        return replace(guide, variant=edits.variant if edits.variant > 1 else 0)
    palette = np.array([parse_colour(each) for each in edits.palette], np.float32) / np.float32(255)
    return replace(guide, palette=palette, model=edits.model)


def export(read: "ReadDrawing", edits: Edits, kind: str, drawing: "Image.Image") -> bytes:
    """Returns a file of the coloured drawing.

    Args:
        read: the drawing, read.
        edits: what a person changed.
        kind: "png", "ora" or "psd".
        drawing: the same, for its resolution.

    Raises:
        CycleganError: the edits ask for what the model does not have (its text is one line).
        ImageError: the drawing is larger than the format allows (its text is one line).
    """
    from imaging.codec import encode
    from imaging.layer_files import encode_layers

    layered = read.layered(guide_of(edits))
    merged = layered.merged()
    merged.info = dict(drawing.info)
    if kind == "png":
        return encode(merged, "x.png")
    return encode_layers(layered, merged, [LayerFile(kind)])[LayerFile(kind)]
