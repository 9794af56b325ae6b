"""Turns a drawing that a painter has read into what a browser needs to colour it.

`labels` has the number of each pixel's segment, `planes` has the drawing's own pixels, and `legend` says what each
segment is and which colours its classes may have. From these, irodori/web/page/colours.js computes the same colours as
:meth:`cyclegan.painting.drawing.ReadDrawing.layered`, so that a click needs no server.
"""

import gzip
import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from irodori.errors import PipelineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclegan.painting.drawing import ReadDrawing
    from cyclegan.painting.hints import Hint
    from cyclegan.painting.shadows import Edge

VIEW_SIDE = 2048  # px; what a browser shows of a larger drawing is reduced to this
MOST_SEGMENTS = 1 << 16
VARIANTS = 8
_GZIP = 1  # level; more takes longer than it saves

Pixels = npt.NDArray[np.uint8]


def view(read: "ReadDrawing", name: str) -> dict[str, bytes]:
    """Returns the files for a browser, by name, each compressed by gzip.

    Args:
        read: the drawing.
        name: what its owner calls it.

    Raises:
        PipelineError: it has too many segments (its text is one line).
    """
    count = read.segments.count
    if count > MOST_SEGMENTS:
        raise PipelineError(f"{count:,} areas between the lines are more than {MOST_SEGMENTS:,}: is it a drawing?")
    size = _size(read)
    planes, legend = _planes(read, size), _legend(read)
    known = read.memory.shadows if read.memory else None
    if known and known.seen:
        tints = np.rint(255 * known.tints).astype(int).tolist()
        legend["shadows"] = {"tints": tints, "helps": known.helps, "edge": known.edge}
        planes.append(_shadows(read, known.edge, mirrored=False))
    legend |= {"name": name, "width": size[0], "height": size[1], "planes": len(planes), "alpha": _has_alpha(read)}
    files = {"labels": _labels(read.segments.labels, size), "planes": b"".join(plane.tobytes() for plane in planes)}
    files["legend"] = json.dumps(legend).encode()
    return {name: _compressed(data) for name, data in files.items()}


def shadows(read: "ReadDrawing", edge: "Edge", *, mirrored: bool) -> bytes:
    """Returns where shadows of another kind are, as the last of `planes`, compressed.

    Raises:
        PipelineError: the model knows none (its text is one line).
    """
    if read.memory is None or read.memory.shadows is None or not read.memory.shadows.seen:
        raise PipelineError("this model knows no shadows")
    return _compressed(_shadows(read, edge, mirrored=mirrored).tobytes())


def pieces(read: "ReadDrawing", hints: "Sequence[Hint]") -> bytes:
    """Returns the pieces into which hints of several colours cut areas, compressed.

    A line of JSON has, of each piece, its number, that of the area which it was in, and its colour; then come labels as
    :func:`view` makes them, with the pieces.

    Raises:
        PipelineError: there are too many (its text is one line).
    """
    from cyclegan.painting.cuts import cut
    from cyclegan.painting.hints import touched

    segments, origins = cut(read.segments, hints)
    if segments.count > MOST_SEGMENTS:
        raise PipelineError("the strokes cut the drawing into too many pieces: undo some")
    several = np.bincount(origins, minlength=read.segments.count)[origins] > 1
    colours = {segment: hint.colour for hint in hints for segment in touched(segments, hint)}
    found = [[each, int(origins[each]), colours.get(each)] for each in np.flatnonzero(several).tolist()]
    return _compressed(json.dumps(found).encode() + b"\n" + _labels(segments.labels, _size(read)))


def _compressed(data: bytes) -> bytes:
    return gzip.compress(data, _GZIP, mtime=0)


def _size(read: "ReadDrawing") -> tuple[int, int]:
    """Returns width and height of what a browser shows."""
    height, width = read.segments.labels.shape
    scale = min(1.0, VIEW_SIDE / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _labels(labels: npt.NDArray[np.int32], size: tuple[int, int]) -> bytes:
    return cv2.resize(labels.astype(np.uint16), size, interpolation=cv2.INTER_NEAREST).astype("<u2").tobytes()


def _planes(read: "ReadDrawing", size: tuple[int, int]) -> list[Pixels]:
    """Returns the drawing's red, green and blue, or grey alone, and its alpha where it has one."""
    lines = read.lines
    grey = bool((lines[..., 0] == lines[..., 1]).all() and (lines[..., 0] == lines[..., 2]).all())
    planes = [lines[..., channel] for channel in range(1 if grey else 3)]
    if read.alpha is not None and _has_alpha(read):
        planes.append(read.alpha)
    return [_resized(plane, size) for plane in planes]


def _resized(plane: Pixels, size: tuple[int, int]) -> Pixels:
    if size == plane.shape[::-1]:
        return plane
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)


def _shadows(read: "ReadDrawing", edge: "Edge", *, mirrored: bool) -> Pixels:
    from cyclegan.painting.guide import Guide

    layer = read.layered(Guide(shading=1, edge=edge, mirrored_light=mirrored)).shading
    assert layer is not None
    return _resized(layer[..., 3], _size(read))


def _has_alpha(read: "ReadDrawing") -> bool:
    """Tells whether a drawing has transparency that can be seen."""
    return read.alpha is not None and bool(read.alpha.min() < 255)


def _legend(read: "ReadDrawing") -> dict[str, Any]:
    from cyclegan.painting.guide import Guide

    division, plain = read.division, read.layered(Guide(shading=0))
    assert plain.parts is not None
    height, width = read.segments.labels.shape
    found: dict[str, Any] = {
        "full": [width, height],
        "classes": division.classes.tolist(),
        "parts": plain.parts.tolist(),
        "figures": division.figures.tolist(),
        "seats": _seats(read).tolist(),
        "own": None,
        "model": "",
        "variants": [],
        "covariance": [],
        "keys": [],
        "shadows": None,
    }
    if read.memory is None:
        found["own"] = _colours(read.segments.labels, plain.flats, read.segments.count).tolist()
        return found
    count = min(VARIANTS, len(read.memory.palettes))
    found["variants"] = [read.palettes(Guide(variant=number)).tolist() for number in range(1, count + 1)]
    found["covariance"] = read.memory.covariance().tolist()
    found["model"] = read.memory.id
    found["keys"] = [[round(float(each), 4) for each in read.key(figure)] for figure in range(len(division.boxes))]
    return found


def _seats(read: "ReadDrawing") -> npt.NDArray[np.int64]:
    """Returns a pixel of each segment, (n, 2): x and y at full size, as far from its lines as can be told quickly."""
    labels, small, depth = read.segments.labels, read.segments.small, read.segments.depth
    height, width = labels.shape
    places = np.zeros(read.segments.count, np.int64)
    places[labels.ravel()] = np.arange(labels.size)
    deepest = np.argsort(depth.ravel(), kind="stable")
    middles = np.full(read.segments.count, -1, np.int64)
    middles[small.ravel()[deepest]] = deepest
    rows, columns = np.divmod(np.maximum(middles, 0), small.shape[1])
    rows, columns = (rows * 2 + 1) * height // (2 * small.shape[0]), (columns * 2 + 1) * width // (2 * small.shape[1])
    inside = (middles >= 0) & (labels[rows, columns] == np.arange(len(middles)))
    places = np.where(inside, rows * width + columns, places)
    return np.stack([places % width, places // width], 1)


def _colours(labels: npt.NDArray[np.int32], flats: Pixels, count: int) -> Pixels:
    """Returns the colour of each segment, (n, 3)."""
    colours = np.full((count, 3), 255, np.uint8)
    colours[labels.ravel()] = flats.reshape(-1, 3)
    return colours
