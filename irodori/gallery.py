"""Writes a page of drawings before and after as one HTML file that needs no network and no server.

The page contains thumbnails of all drawings that it shows, so that new ones can be added without the earlier files.
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

MAX_DRAWINGS = 100  # drawings on a page, the newest; about 4 MB
_MAX_SIDE = 480  # pixels
_SHEET_DRAWINGS, _TILE = 40, 192
_PAIRS = 4  # in each row of a sheet
_TEMPLATE = Path(__file__).with_name("gallery.html")
_BEGIN, _END = '<script type="application/json" id="drawings">', "</script>"
_URI = "data:image/webp;base64,"


@dataclass(frozen=True)
class Colour:
    """One coloured version of a drawing.

    Attributes:
        picture: data URI from :func:`thumbnail`.
        link: URL of the full picture, relative to the page, percent-encoded.
    """

    picture: str
    link: str


@dataclass(frozen=True)
class Drawing:
    """One drawing on a page.

    Attributes:
        name: file name.
        stamp: identifies this file's contents; another drawing with the same name has another stamp.
        at: when it was coloured or failed, ISO 8601, UTC.
        size: width × height in pixels, as text; "" if it failed.
        line: data URI of the drawing from :func:`thumbnail`; "" if it failed.
        colours: coloured versions by style; the style is "" if there is only one.
        reason: why it could not be coloured, or "".
    """

    name: str
    stamp: str
    at: str
    size: str = ""
    line: str = ""
    colours: dict[str, Colour] = field(default_factory=dict)
    reason: str = ""


def coloured(path: str, stamp: str, style: str, line: Image.Image, colour: Image.Image) -> Drawing:
    """Makes the entry of a coloured drawing for the page of its folder.

    Args:
        path: the drawing's path in the inbox, and in its style's folder of the outbox.
        stamp: identifies the file's contents.
        style: the style's folder in the outbox; "" if there is only one style.
        line: the drawing.
        colour: the coloured drawing.
    """
    link = f"{'../' * path.count('/')}{style}/{path}" if style else PurePosixPath(path).name
    colours = {style: Colour(thumbnail(colour), quote(link))}
    size = f"{line.width:,} × {line.height:,}"
    return Drawing(PurePosixPath(path).name, stamp, _now(), size, thumbnail(line), colours)


def failed(path: str, stamp: str, reason: str) -> Drawing:
    """Makes the entry of a drawing that could not be coloured for the page of its folder."""
    return Drawing(PurePosixPath(path).name, stamp, _now(), reason=reason)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def thumbnail(image: Image.Image) -> str:
    """Returns the image as a WebP of at most 480 × 480 pixels, as a data URI."""
    small = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small.thumbnail((_MAX_SIDE, _MAX_SIDE), Image.Resampling.LANCZOS)
    small.info = {}
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=80)
    return _URI + base64.b64encode(buffer.getvalue()).decode()


def read_thumbnail(uri: str) -> Image.Image:
    """Decodes a data URI from :func:`thumbnail`; RGB, on white where it is transparent."""
    image = Image.open(io.BytesIO(base64.b64decode(uri.removeprefix(_URI)))).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def merge(old: Iterable[Drawing], new: Iterable[Drawing]) -> list[Drawing]:
    """Merges the entries of a page and returns the newest MAX_DRAWINGS, newest first.

    The styles of a new entry are added to those of an old entry with the same name and stamp; a new entry with another
    stamp, or with a failure, replaces the old one.
    """
    drawings = {drawing.name: drawing for drawing in old}
    for drawing in new:
        before = drawings.get(drawing.name)
        if before and before.stamp == drawing.stamp and not drawing.reason:
            drawing = replace(drawing, colours=before.colours | drawing.colours)
        drawings[drawing.name] = drawing
    return sorted(drawings.values(), key=lambda drawing: (drawing.at, drawing.name), reverse=True)[:MAX_DRAWINGS]


def contact_sheet(drawings: Sequence[Drawing], credit: str = "") -> Image.Image | None:
    """Draws a contact sheet: the first 40 coloured drawings, sorted by name, beside their colours in all styles.

    Args:
        drawings: entries of a page, newest first.
        credit: a line below the drawings.

    Returns:
        RGB image; None if no drawing is coloured.
    """
    newest = [drawing for drawing in drawings if drawing.colours][:_SHEET_DRAWINGS]
    styles = list(dict.fromkeys(style for drawing in reversed(newest) for style in drawing.colours))
    rows = [
        [read_thumbnail(drawing.line), *(_picture(drawing, style) for style in styles)]
        for drawing in sorted(newest, key=lambda drawing: drawing.name)
    ]
    captions = ["line", *(style or "colour" for style in styles)]
    if len(styles) == 1:  # several pairs of line and colour fit into a row
        captions *= min(_PAIRS, len(rows))
        rows = [list(chain(*rows[start : start + _PAIRS])) for start in range(0, len(rows), _PAIRS)]
    return grid(rows, captions=captions, footer=credit, tile=_TILE) if rows else None


def _picture(drawing: Drawing, style: str) -> Image.Image:
    if style in drawing.colours:
        return read_thumbnail(drawing.colours[style].picture)
    return Image.new("RGB", read_thumbnail(drawing.line).size, "white")


def write_page(title: str, drawings: Iterable[Drawing], credit: str = "") -> bytes:
    """Returns the HTML file of a page.

    Args:
        title: the page's title.
        drawings: entries, newest first.
        credit: a line below the drawings, which names their artist.
    """
    content = {"title": title, "credit": credit, "drawings": [asdict(drawing) for drawing in drawings]}
    data = json.dumps(content, ensure_ascii=False)
    return _TEMPLATE.read_text("utf-8").replace("@DATA@", data.replace("<", "\\u003c")).encode()


def read_page(page: bytes) -> list[Drawing]:
    """Returns the entries of a page that :func:`write_page` wrote.

    Raises:
        ValueError: if the file is no such page.
    """
    _, begin, rest = page.decode("utf-8", "replace").partition(_BEGIN)
    try:
        found = json.loads(rest[: rest.index(_END)] if begin else "")["drawings"]
        return [
            Drawing(**item | {"colours": {style: Colour(**colour) for style, colour in item["colours"].items()}})
            for item in found
        ]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("not a page of this program") from error
