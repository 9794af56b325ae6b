"""A page of drawings before and after, in one file that needs nothing else: no network, no server.

It carries small pictures of all that it shows, so that it can be added to without the drawings of earlier days.
"""

import base64
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from PIL import Image

from imaging.sheet import grid

MAX_DRAWINGS = 100  # on a page, the newest; about 4 MB
_MAX_SIDE = 480  # pixels
_SHEET_DRAWINGS, _TILE = 40, 192
_PAIRS = 4  # a row of a sheet
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


def coloured(path: str, stamp: str, style: str, line: Image.Image, colour: Image.Image) -> Drawing:
    """For the page of its folder. path: inside the inbox, and inside what the style has to itself in the outbox."""
    link = f"{'../' * path.count('/')}{style}/{path}" if style else PurePosixPath(path).name
    colours = {style: Colour(thumbnail(colour), quote(link))}
    size = f"{line.width:,} × {line.height:,}"
    return Drawing(PurePosixPath(path).name, stamp, _now(), size, thumbnail(line), colours)


def failed(path: str, stamp: str, reason: str) -> Drawing:
    """For the page of its folder."""
    return Drawing(PurePosixPath(path).name, stamp, _now(), reason=reason)


def _now() -> str:
    return datetime.now(UTC).isoformat()


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


def contact_sheet(drawings: Sequence[Drawing], credit: str = "") -> Image.Image | None:
    """The first that are coloured, by name, beside their colours in all styles; None without any.

    credit: a line below.
    """
    newest = [drawing for drawing in drawings if drawing.colours][:_SHEET_DRAWINGS]
    styles = list(dict.fromkeys(style for drawing in reversed(newest) for style in drawing.colours))
    rows = [
        [read_thumbnail(drawing.line), *(_picture(drawing, style) for style in styles)]
        for drawing in sorted(newest, key=lambda drawing: drawing.name)
    ]
    captions = ["line", *(style or "colour" for style in styles)]
    if len(styles) == 1:  # pairs, side by side
        captions *= min(_PAIRS, len(rows))
        rows = [list(chain(*rows[start : start + _PAIRS])) for start in range(0, len(rows), _PAIRS)]
    return grid(rows, captions=captions, footer=credit, tile=_TILE) if rows else None


def _picture(drawing: Drawing, style: str) -> Image.Image:
    if style in drawing.colours:
        return read_thumbnail(drawing.colours[style].picture)
    return Image.new("RGB", read_thumbnail(drawing.line).size, "white")


def write_page(title: str, drawings: Iterable[Drawing], credit: str = "") -> bytes:
    """The HTML file. credit: a line below, for whoever drew the drawings."""
    content = {"title": title, "credit": credit, "drawings": [asdict(drawing) for drawing in drawings]}
    data = json.dumps(content, ensure_ascii=False)
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
