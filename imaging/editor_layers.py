"""Divides a coloured drawing into the layers of an image editor: paper, flats, shading, lines.

Where the drawing is opaque, its lines are multiplied with what lies below. Two layers that are half transparent add up
to more opacity than the drawing had; so what is half transparent lies on one layer alone: where there is ink, on that
of the lines, in its final colour; elsewhere on its flat.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from imaging.flats import find_flat_layers
from imaging.layers import Layered

FLATS = "flats"  # name of the group

Gray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class EditorLayer:
    """A layer of an image editor.

    Attributes:
        name: differs from all others, and from that of the group.
        image: RGBA.
        left: px from the left side of the drawing.
        top: px from its upper side.
        in_flats: whether the layer is in the group of flats.
        multiplied: whether it is multiplied with what lies below.
    """

    name: str
    image: Image.Image
    left: int = 0
    top: int = 0
    in_flats: bool = False
    multiplied: bool = False


def editor_layers(layered: Layered, merged: Image.Image) -> Iterator[EditorLayer]:
    """Makes the layers one at a time, from bottom to top.

    Args:
        layered: the coloured drawing.
        merged: the same as one picture; see `Layered.merged`.
    """
    found = find_flat_layers(layered)
    numbers, opacity = found.numbers(layered), _opacity(layered)
    yield EditorLayer("paper", _paper(found.paper, numbers, opacity))
    for number, (name, (left, top, right, bottom)) in enumerate(
        zip(found.names, found.boxes.tolist(), strict=True), start=1
    ):
        box = np.s_[top:bottom, left:right]
        image = _picture(layered.flats[box], opacity[box] * (numbers[box] == number))
        yield EditorLayer(name, image, left, top, in_flats=True)
    yield EditorLayer("shading", _shading(layered, merged.size), multiplied=True)
    yield EditorLayer("lines", _lines(layered, merged), multiplied=True)


def _opacity(layered: Layered) -> Gray:
    """Returns the opacity of what lies below the lines, (H, W)."""
    if layered.alpha is None:
        return np.full(layered.flats.shape[:2], 255, np.uint8)
    return np.where(_on_lines(layered, layered.alpha), 0, layered.alpha)


def _on_lines(layered: Layered, alpha: Gray) -> npt.NDArray[np.bool_]:
    """Tells which pixels lie on the layer of the lines alone: half transparent ink."""
    return np.asarray((alpha < 255) & (layered.lines.min(2) < 255), dtype=np.bool_)


def _paper(colour: tuple[int, int, int], numbers: npt.NDArray[np.uint16], opacity: Gray) -> Image.Image:
    """Returns the paper, which goes on under the flats where the drawing is opaque."""
    return _picture(np.array(colour, np.uint8), opacity * ((opacity == 255) | (numbers == 0)))


def _shading(layered: Layered, size: tuple[int, int]) -> Image.Image:
    if layered.shading is None:
        return Image.new("RGBA", size)
    return _picture(layered.shading[..., :3], layered.shading[..., 3])


def _lines(layered: Layered, merged: Image.Image) -> Image.Image:
    if layered.alpha is None:
        return _picture(layered.lines, np.full(layered.lines.shape[:2], 255, np.uint8))
    alone = _on_lines(layered, layered.alpha)
    pixels = np.where(alone[..., None], np.asarray(merged)[..., :3], layered.lines)
    return _picture(pixels, np.where(alone | (layered.alpha == 255), layered.alpha, 0))


def _picture(pixels: Gray, alpha: Gray) -> Image.Image:
    """Returns an RGBA picture; what is transparent is empty, so that files are small."""
    picture = np.empty((*alpha.shape, 4), np.uint8)
    np.multiply(pixels, (alpha > 0)[..., None], out=picture[..., :3])
    picture[..., 3] = alpha
    return Image.fromarray(picture)
