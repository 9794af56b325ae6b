"""Reads hints from what people write and draw: JSON, coloured dots and strokes on transparency, and words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ImageColor
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from cyclegan.painting.hints import Colour, Hint, HintError, Point, Scope
from imaging.codec import decode_drawing
from imaging.errors import ImageError
from imaging.formats import sniff

_ROUND = 2.5  # times the area of the largest disc inside; a piece that is larger is a stroke
_THICKEST = 24.0  # px, half the width of a stroke; a thicker one is shrunk before its middle line is found
_SAME = 8  # levels of a channel by which colours differ that are one: translucent pixels are rounded
_CODE = np.array([1 << 16, 1 << 8, 1], np.int32)  # numbers a colour
_MOST = 2000  # pieces of one picture; with more, it is no picture of hints
# what is at an edge of a piece and may go without cutting it (Golay's alphabet, L): 1 inside, -1 outside, 0 either
_EDGES = [
    np.rot90(np.array(kernel, np.int8), turns).copy()
    for turns in range(4)
    for kernel in ([[-1, -1, -1], [0, 1, 0], [1, 1, 1]], [[0, -1, -1], [1, 1, -1], [0, 1, 0]])
]

Mask = npt.NDArray[np.bool_]


def read_hints(data: bytes) -> tuple[Hint, ...]:
    """Reads a file of hints; its contents decide how.

    Args:
        data: JSON such as {"hints": [{"x": 0.4, "y": 0.6, "colour": "#c03020", "scope": "area"}]}, or with "points":
            [[x, y], …] for a stroke; or a picture of coloured dots and strokes on transparency, of the drawing's size
            or another. Those are for "part", as are those of JSON without a scope.

    Raises:
        HintError: it is neither, or has something wrong in it (its text is one line that names the place).
    """
    return hints_of(parse_guide(data)) if sniff(data) is None else _from_picture(data)


def hints_of(file: GuideFile) -> tuple[Hint, ...]:
    return tuple(entry.hint() for entry in file.hints)


def parse_point(words: str) -> Hint:
    """Reads a hint such as ``0.41,0.62=#c03020`` or ``0.41,0.62=#c03020@area``.

    Raises:
        HintError: it is not like that (its text is one line).
    """
    found = re.fullmatch(r"([^,=]+),([^,=]+)=([^@]+?)(?:@(\w+))?", words.strip())
    if not found:
        raise HintError(f"{words!r}: give a point like 0.41,0.62=#c03020 or 0.41,0.62=#c03020@area")
    x, y, colour, scope = found.groups()
    try:
        return _Entry.model_validate({"x": x, "y": y, "colour": colour} | ({"scope": scope} if scope else {})).hint()
    except ValidationError as error:
        raise HintError(f"{words!r}: {first_error(error)}") from error


def parse_colour(value: Any) -> Any:
    """Converts a colour's name, such as "#c03020" or "red", to (red, green, blue); leaves other values as they are."""
    if not isinstance(value, str):
        raise ValueError("give a colour like #c03020")
    try:
        found = ImageColor.getrgb(value.strip())
    except ValueError:
        found = (0, 0, 0, 0)
    if len(found) > 3:  # with an alpha
        raise ValueError(f"{value[:40]!r} is no colour: give one like #c03020")
    return found


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    x: float | None = None
    y: float | None = None
    points: list[Point] | None = None
    colour: Annotated[Colour, BeforeValidator(parse_colour)]
    scope: Scope = "part"

    @model_validator(mode="after")
    def _has_one_place(self) -> _Entry:
        if (self.x is None) != (self.y is None) or (self.x is None) == (self.points is None):
            raise ValueError("give x and y, or points")
        self.hint()
        return self

    def hint(self) -> Hint:
        at = [(self.x, self.y)] if self.x is not None and self.y is not None else self.points or []
        try:
            return Hint(tuple(at), self.colour, self.scope)
        except HintError as error:
            raise ValueError(str(error)) from error


class GuideFile(BaseModel):
    """A file page.guide.json; what is not hints is explained in :class:`cyclegan.painting.guide.Guide`."""

    model_config = ConfigDict(extra="forbid")

    hints: list[_Entry]
    variant: Annotated[int, Field(ge=1, le=64)] | None = None
    palette: Annotated[list[Annotated[Colour, BeforeValidator(parse_colour)]], Field(min_length=1)] | None = None
    model: str = ""
    sheets: list[dict[str, Any]] = []
    shading: Annotated[float, Field(ge=0, le=1)] | None = None
    edge: Literal["soft", "cel"] | None = None
    mirrored_light: bool = False


def parse_guide(data: bytes) -> GuideFile:
    """Reads a file page.guide.json.

    Raises:
        HintError: it is none (its text is one line that names the place).
    """
    try:
        return GuideFile.model_validate_json(data.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        reason = first_error(error)
        raise HintError(f"neither a picture nor {reason[4:]}" if reason.startswith("not JSON") else reason) from error


def first_error(error: ValidationError) -> str:
    """Returns the first of several errors, with its place: hints[3].colour: …"""
    found = error.errors(include_url=False)[0]
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in found["loc"]).removeprefix(".")
    words = {
        "json_invalid": "not JSON",
        "extra_forbidden": "no such entry",
        "missing": "is missing",
    }.get(found["type"], "")
    if found["type"] == "literal_error":
        words = f"give one of {found['ctx']['expected'].replace(chr(39), '').replace(' or ', ', ')}"
    if found["type"] == "json_invalid":
        words += f" ({found['ctx']['error']})"
    text = " ".join((words or found["msg"].removeprefix("Value error, ")).split())
    return f"{place}: {text}" if place else text


def _from_picture(data: bytes) -> tuple[Hint, ...]:
    try:
        image = decode_drawing(data)
    except ImageError as error:
        raise HintError(str(error)) from error
    pixels = np.asarray(image)
    if pixels.shape[2] == 3 or pixels[..., 3].min() == 255:
        raise HintError("nothing in it is transparent: put dots on a layer of their own, without the drawing")
    # half of what is most opaque, because edges are anti-aliased, and a pen may be translucent
    inside = (pixels[..., 3] > 0) & (pixels[..., 3] * 2.0 >= pixels[..., 3].max())
    hints: list[Hint] = []
    for piece, colour, left, top in _pieces(pixels[..., :3], inside):
        for run in _runs(piece):
            places = [((x + left + 0.5) / image.width, (y + top + 0.5) / image.height) for x, y in run]
            hints.append(Hint(tuple(places), colour))
        _refuse_many(len(hints))
    return tuple(hints)


def _refuse_many(count: int) -> None:
    if count > _MOST:
        raise HintError(f"more than {_MOST:,} dots and strokes: draw fewer, each of one plain colour")


def _pieces(colours: npt.NDArray[np.uint8], inside: Mask) -> Iterator[tuple[Mask, Colour, int, int]]:
    """Yields each connected piece of one colour, with its left and top edges (px)."""
    for blob, left, top in _connected(inside):
        near = colours[top : top + blob.shape[0], left : left + blob.shape[1]].astype(np.int32)
        solid = _solid(np.where(blob, near @ _CODE, -1))
        for colour in _plain(near[solid if solid.any() else blob], bool(solid.any())):
            alike = np.abs(near - colour).max(2) <= _SAME
            for piece, x, y in _connected(blob & alike):
                if not solid.any() or solid[y : y + piece.shape[0], x : x + piece.shape[1]][piece].any():
                    yield piece, colour, left + x, top + y


def _plain(colours: npt.NDArray[np.int32], is_solid: bool) -> list[Colour]:
    """Returns the colours (n, 3) that differ, the most frequent first."""
    codes, counts = np.unique(colours @ _CODE, return_counts=True)
    if not is_solid:  # a pixel, or strokes that are hardly wider: what is rare is mixed at edges
        codes, counts = codes[counts * 4 >= counts.max()], counts[counts * 4 >= counts.max()]
    _refuse_many(len(codes))
    found: list[Colour] = []
    for code in codes[np.argsort(-counts, kind="stable")].tolist():
        colour = (code >> 16, code >> 8 & 255, code & 255)
        if all(max(abs(a - b) for a, b in zip(colour, other, strict=True)) > _SAME for other in found):
            found.append(colour)
    return found


def _solid(codes: npt.NDArray[np.int32]) -> Mask:
    """Tells which pixels are in a square of 2 px of one colour; where two colours mix at an edge, there is none."""
    same = (codes[:-1, :-1] == codes[1:, 1:]) & (codes[:-1, 1:] == codes[1:, :-1]) & (codes[1:, 1:] == codes[1:, :-1])
    found = np.zeros(codes.shape, bool)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            found[rows, columns] |= same
    return found & (codes >= 0)


def _connected(mask: Mask) -> Iterator[tuple[Mask, int, int]]:
    """Yields each connected piece within its box, with the box's left and top edges."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    for number in range(1, count):
        left, top, width, height = stats[number, :4].tolist()
        yield pieces[top : top + height, left : left + width] == number, left, top


def _runs(piece: Mask) -> Iterator[list[Point]]:
    """Yields the middle of a dot, or the points in order along the middle of a stroke, in px."""
    framed = np.pad(piece, 1).view(np.uint8)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    deepest = float(depth.max())
    if piece.sum() <= _ROUND * np.pi * deepest**2:
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        yield [(float(x), float(y))]
        return
    scale = min(1.0, _THICKEST / deepest)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in piece.shape[::-1]]
        piece = cv2.resize(piece.view(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
    for line, left, top in _connected(_thinned(piece)):
        yield [((x + left + 0.5) / scale - 0.5, (y + top + 0.5) / scale - 0.5) for x, y in _walk(line)]


def _thinned(piece: Mask) -> Mask:
    """Thins a piece to lines of 1 px along its middle."""
    thin = np.pad(piece, 1).astype(np.uint8)
    before = -1
    while before != (before := int(thin.sum())):
        for edge in _EDGES:
            thin[cv2.morphologyEx(thin, cv2.MORPH_HITMISS, edge) > 0] = 0
    return np.asarray(thin[1:-1, 1:-1] > 0)


def _walk(line: Mask) -> list[tuple[int, int]]:
    """Returns the pixels (x, y) of a connected line of 1 px from neighbour to neighbour, back out of each branch."""
    left = {(int(x), int(y)) for y, x in np.argwhere(line)}
    here = min(left, key=lambda at: (sum(near in left for near in _around(at)), at))
    left.remove(here)
    way, found = [here], [here]
    while left:
        ahead = next((near for near in _around(way[-1]) if near in left), None)
        if ahead is None:
            way.pop()
        else:
            left.remove(ahead)
            way.append(ahead)
        found.append(way[-1])
    return found


def _around(at: tuple[int, int]) -> list[tuple[int, int]]:
    x, y = at
    return [
        (x + 1, y),
        (x, y + 1),
        (x - 1, y),
        (x, y - 1),
        (x + 1, y + 1),
        (x - 1, y + 1),
        (x - 1, y - 1),
        (x + 1, y - 1),
    ]
