"""A drawing's file in, the coloured drawing's file out: size, way up, transparency and resolution as they were."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import torch
from PIL import Image

from imaging.codec import decode_drawing, encode
from imaging.errors import ImageError

Colorize = Callable[[Image.Image], Image.Image]

_CORES = os.cpu_count() or 1
_PIXELS_AT_ONCE = 24_000_000  # of the drawings in work together, unless one alone has more; bounds the memory


@dataclass(frozen=True)
class Coloured:
    """line, colour: pictures of one size.  data: the bytes of the coloured file."""

    line: Image.Image
    colour: Image.Image
    data: bytes


def colorize_file(colorize: Colorize, data: bytes, name: str) -> Coloured:
    """Colours the bytes of a drawing, into the format that the ending of `name` promises.

    Raises ImageError, one line, for what is no whole picture or cannot be coloured or written.
    """
    return _colorize(colorize, decode_drawing(data), name)


def colorize_files(files: Iterable[tuple[Colorize, Callable[[], bytes], str]]) -> Iterator[Coloured | Exception]:
    """As `colorize_file` with each colorizer, what reads the bytes, and name; in order, several at once.

    While one drawing is with its generator, others are read, painted at full size and encoded: as many as there are
    cores, and fewer where they are large. Gives the ImageError or OSError of a file that failed.
    """
    waiting: deque[tuple[int, Future[Coloured]]] = deque()
    pool = ThreadPoolExecutor(_CORES, "colorize")
    try:
        for colorize, read, name in files:
            pixels, work = _begin(pool, colorize, read, name)
            while waiting and (len(waiting) > _CORES or pixels + sum(each for each, _ in waiting) > _PIXELS_AT_ONCE):
                yield _result(waiting.popleft()[1])
            waiting.append((pixels, work()))
            del work  # with the drawing
        while waiting:
            yield _result(waiting.popleft()[1])
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(
    pool: ThreadPoolExecutor, colorize: Colorize, read: Callable[[], bytes], name: str
) -> tuple[int, Callable[[], Future[Coloured]]]:
    """A drawing's number of pixels, and what puts it to work."""
    try:
        line = decode_drawing(read())
    except (ImageError, OSError) as error:
        failed: Future[Coloured] = Future()
        failed.set_exception(error)
        return 0, lambda: failed
    return line.width * line.height, partial(pool.submit, _colorize, colorize, line, name)


def _result(future: Future[Coloured]) -> Coloured | Exception:
    try:
        return future.result()
    except (ImageError, OSError) as error:
        return error


def _colorize(colorize: Colorize, line: Image.Image, name: str) -> Coloured:
    try:
        colour = colorize(line)
    except (MemoryError, torch.OutOfMemoryError) as error:
        size = f"{line.width:,} × {line.height:,}"
        raise ImageError(f"{size} pixels are too many for this machine's memory: make it smaller") from error
    colour.info = dict(line.info)
    return Coloured(line, colour, encode(colour, name))
