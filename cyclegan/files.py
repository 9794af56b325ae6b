"""A drawing's file in, the coloured drawing's file out: size, way up, transparency and resolution as they were."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import torch
from PIL import Image

from imaging.codec import ImageError, decode_drawing, encode

_T = TypeVar("_T")
_PIXELS_AT_ONCE = 24_000_000  # of the drawings in work together, unless one alone has more; bounds the memory


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
    return _colorize(colorize, decode_drawing(data), name)


def colorize_files(
    colorize: Callable[[Image.Image], Image.Image], files: Iterable[tuple[bytes, str]]
) -> Iterator[Coloured | ImageError]:
    """As `colorize_file` for the bytes and name of each, in order; several at once, as memory allows.

    While one drawing is with the generator, others are read, painted at full size and written. Files are taken as
    they are needed, so `files` may read them.
    """
    work: deque[tuple[int, Future[Coloured | ImageError]]] = deque()
    most = os.cpu_count() or 1
    with ThreadPoolExecutor(most, "colorize") as pool:
        for data, name in files:
            line = _caught(decode_drawing, data)
            pixels = 0 if isinstance(line, ImageError) else line.width * line.height
            while work and (len(work) > most or pixels + sum(each for each, _ in work) > _PIXELS_AT_ONCE):
                yield work.popleft()[1].result()
            work.append((pixels, pool.submit(_continue, colorize, line, name)))
            del line  # or it stays in memory until the next is read
        while work:
            yield work.popleft()[1].result()


def _continue(
    colorize: Callable[[Image.Image], Image.Image], line: Image.Image | ImageError, name: str
) -> Coloured | ImageError:
    return line if isinstance(line, ImageError) else _caught(_colorize, colorize, line, name)


def _caught(function: Callable[..., _T], *arguments: object) -> _T | ImageError:
    try:
        return function(*arguments)
    except ImageError as error:
        return error


def _colorize(colorize: Callable[[Image.Image], Image.Image], line: Image.Image, name: str) -> Coloured:
    try:
        colour = colorize(line)
    except (MemoryError, torch.OutOfMemoryError) as error:
        size = f"{line.width:,} × {line.height:,}"
        raise ImageError(f"{size} pixels are too many for this machine's memory: make it smaller") from error
    colour.info = dict(line.info)
    return Coloured(line, colour, encode(colour, name))
