"""Encodes the layers of a coloured drawing as files to go on with: OpenRaster, PSD, and a map of the parts."""

from __future__ import annotations

from collections.abc import Iterable
from colorsys import hsv_to_rgb
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from imaging.codec import encode_png
from imaging.editor_layers import editor_layers
from imaging.flats import find_flat_layers
from imaging.formats import LayerFile
from imaging.layers import Layered
from imaging.ora import encode_ora
from imaging.psd import encode_psd

_MOST_IN_A_PALETTE = 256
_GOLDEN = 0.618034  # turns of the hue from one number to the next: neighbours are far apart


@dataclass(frozen=True)
class Coloured:
    """A coloured drawing.

    Attributes:
        line: the drawing, RGB or RGBA.
        colour: the coloured drawing, of the same size.
        data: the bytes of the coloured file.
        layers: the bytes of the files of its layers that were asked for.
    """

    line: Image.Image
    colour: Image.Image
    data: bytes
    layers: dict[LayerFile, bytes] = field(default_factory=dict)


def encode_layers(layered: Layered, merged: Image.Image, kinds: Iterable[LayerFile]) -> dict[LayerFile, bytes]:
    """Encodes the layers of a coloured drawing.

    Args:
        layered: the coloured drawing.
        merged: the same as one picture, with its resolution in `info["dpi"]`; see `Layered.merged`.
        kinds: the files to make.

    Returns:
        The bytes of each file.

    Raises:
        ImageError: the drawing is larger than the format allows.
    """
    writers = {
        LayerFile.ORA: lambda: encode_ora(editor_layers(layered, merged), merged),
        LayerFile.PSD: lambda: encode_psd(editor_layers(layered, merged), merged),
        LayerFile.LABELS: lambda: encode_png(_numbered(layered)),
    }
    return {kind: writers[kind]() for kind in kinds}


def _numbered(layered: Layered) -> Image.Image:
    """Returns the number of each pixel's layer of flats, 0 for paper: in a palette, or in 16 bits if they are many."""
    found = find_flat_layers(layered)
    numbers = found.numbers(layered)
    if len(found.names) >= _MOST_IN_A_PALETTE:
        return Image.fromarray(numbers)
    image = Image.fromarray(numbers.astype(np.uint8)).convert("P")
    image.putpalette([255, 255, 255, *(value for each in range(1, _MOST_IN_A_PALETTE) for value in _colour(each))])
    return image


def _colour(number: int) -> tuple[int, ...]:
    saturation, brightness = (0.85, 0.45, 0.65)[number % 3], (0.95, 0.75)[number % 2]
    return tuple(round(255 * value) for value in hsv_to_rgb(_GOLDEN * number % 1, saturation, brightness))
