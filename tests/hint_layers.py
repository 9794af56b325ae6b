"""Draws what people put beside drawings: hints as dots on transparency and as JSON."""

import io
import json
from typing import Any

from PIL import Image, ImageDraw

Place = tuple[float, float]
Colour = tuple[int, int, int]


def dots(*hints: tuple[Place, Colour], size: tuple[int, int] = (120, 120)) -> bytes:
    """A PNG with a dot for each hint."""
    image = Image.new("RGBA", size)
    pen = ImageDraw.Draw(image)
    for (x, y), colour in hints:
        at = int(x * size[0]), int(y * size[1])
        pen.ellipse((at[0] - 3, at[1] - 3, at[0] + 3, at[1] + 3), fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def guide(*hints: tuple[Place, Colour], **more: Any) -> bytes:
    """The same as JSON."""
    entries = [{"x": x, "y": y, "colour": "#{:02x}{:02x}{:02x}".format(*colour)} | more for (x, y), colour in hints]
    return json.dumps({"hints": entries}).encode()
