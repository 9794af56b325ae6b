"""A drawing's file in, the coloured drawing's file out: size, way up, transparency and resolution as they were."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image

from imaging.codec import ImageError, decode_drawing, encode


@dataclass(frozen=True)
class Coloured:
    """line, colour: pictures of one size.  data: the bytes of the coloured file."""

    line: Image.Image
    colour: Image.Image
    data: bytes


def colorize_file(colorize: Callable[[Image.Image], Image.Image], data: bytes, name: str) -> Coloured:
    """Colours the bytes of a drawing, into the format that the ending of `name` promises.

    Raises ImageError, one line, for what is no whole picture or cannot be coloured or written.
    """
    line = decode_drawing(data)
    try:
        colour = colorize(line)
    except (MemoryError, torch.OutOfMemoryError) as error:
        size = f"{line.width:,} × {line.height:,}"
        raise ImageError(f"{size} pixels are too many for this machine's memory: make it smaller") from error
    colour.info = dict(line.info)
    return Coloured(line, colour, encode(colour, name))
