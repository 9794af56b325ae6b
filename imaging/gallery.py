"""A page of drawings before and after, in one file that needs nothing else: no network, no server.

It carries small pictures of all that it shows, so that it can be added to without the drawings of earlier days.
"""

import base64
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from PIL import Image

MAX_DRAWINGS = 100  # on a page, the newest; about 4 MB
_MAX_SIDE = 480  # pixels
_TEMPLATE = Path(__file__).with_name("gallery.html")
_BEGIN, _END = '<script type="application/json" id="drawings">', "</script>"
_URI = "data:image/webp;base64,"


@dataclass(frozen=True)
class Colour:
    """picture: of :func:`thumbnail`.  link: where the whole one is, as a page beside it says it."""

    picture: str
    link: str


@dataclass(frozen=True)
class Drawing:
    """What a page shows of one drawing.

    Attributes:
        stamp: of exactly this file; another drawing under the same name has another.
        at: when it was coloured, ISO 8601.
        line: of :func:`thumbnail`.
        colours: by style; "" where there is but one.
        reason: why it could not be coloured, else "".
    """

    name: str
    stamp: str
    at: str
    size: str = ""
    line: str = ""
    colours: dict[str, Colour] = field(default_factory=dict)
    reason: str = ""


def thumbnail(image: Image.Image) -> str:
    """A small WebP as a data URI."""
    small = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small.thumbnail((_MAX_SIDE, _MAX_SIDE), Image.Resampling.LANCZOS)
    small.info = {}
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=80)
    return _URI + base64.b64encode(buffer.getvalue()).decode()


def read_thumbnail(uri: str) -> Image.Image:
    """RGB on white."""
    image = Image.open(io.BytesIO(base64.b64decode(uri.removeprefix(_URI)))).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def merge(old: Iterable[Drawing], new: Iterable[Drawing]) -> list[Drawing]:
    """Newest first. New styles join those of the same drawing; another drawing takes the place of its namesake."""
    drawings = {drawing.name: drawing for drawing in old}
    for drawing in new:
        before = drawings.get(drawing.name)
        if before and before.stamp == drawing.stamp and not drawing.reason:
            drawing = replace(drawing, colours=before.colours | drawing.colours)
        drawings[drawing.name] = drawing
    return sorted(drawings.values(), key=lambda drawing: (drawing.at, drawing.name), reverse=True)[:MAX_DRAWINGS]


def write_page(title: str, drawings: Iterable[Drawing]) -> bytes:
    """The HTML file."""
    data = json.dumps({"title": title, "drawings": [asdict(drawing) for drawing in drawings]}, ensure_ascii=False)
    return _TEMPLATE.read_text("utf-8").replace("@DATA@", data.replace("<", "\\u003c")).encode()


def read_page(page: bytes) -> list[Drawing]:
    """What :func:`write_page` put into it. Raises ValueError for any other file."""
    _, begin, rest = page.decode("utf-8", "replace").partition(_BEGIN)
    try:
        found = json.loads(rest[: rest.index(_END)] if begin else "")["drawings"]
        return [
            Drawing(**item | {"colours": {style: Colour(**colour) for style, colour in item["colours"].items()}})
            for item in found
        ]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("not a page of this program") from error
