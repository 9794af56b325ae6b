"""Colours image files; keeps size, orientation, transparency and resolution. Writes layers as files, too."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import torch
from PIL import Image

from cyclegan.painting.hints import HintError
from imaging.codec import decode_drawing, encode
from imaging.errors import ImageError
from imaging.formats import LayerFile
from imaging.layer_files import Coloured, encode_layers
from imaging.layers import Layered

Paint = Callable[[Image.Image], Layered]

_CORES = os.cpu_count() or 1
_PIXELS_AT_ONCE = 24_000_000  # of all drawings in progress, unless one alone has more; bounds the memory


def colorize_file(paint: Paint, data: bytes, name: str, layers: Sequence[LayerFile] = ()) -> Coloured:
    """Colours one image file.

    Args:
        paint: colours a picture, such as `Colorizer.paint`.
        data: the bytes of the drawing's file.
        name: file name of the result; its extension determines the format.
        layers: the files of its layers to make.

    Raises:
        ImageError: the file is not a complete picture, or it is too large to colour or write (its text is one line).
    """
    return _colorize(paint, decode_drawing(data), name, layers)


def colorize_files(
    files: Iterable[tuple[Paint, Callable[[], bytes], str]], layers: Sequence[LayerFile] = ()
) -> Iterator[Coloured | Exception]:
    """Colours many image files in a thread pool.

    While the painter works on one drawing, other drawings are read, enlarged and encoded: as many as there are cores,
    and fewer if they are large.

    Args:
        files: for each file, the function that colours it, a function that reads its bytes, and the result's name.
        layers: the files of layers to make of each.

    Yields:
        For each file, in order, the coloured drawing, or the ImageError, HintError or OSError with which it failed.
    """
    pending: deque[tuple[int, Future[Coloured]]] = deque()
    pool = ThreadPoolExecutor(_CORES, "colorize")
    try:
        for paint, read, name in files:
            pixels, start = _begin(pool, partial(_colorize, paint, name=name, layers=layers), read)
            while pending and (len(pending) > _CORES or pixels + sum(each for each, _ in pending) > _PIXELS_AT_ONCE):
                yield _result(pending.popleft()[1])
            pending.append((pixels, start()))
            del start  # it holds the drawing: frees the memory
        while pending:
            yield _result(pending.popleft()[1])
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(
    pool: ThreadPoolExecutor, colorize: Callable[[Image.Image], Coloured], read: Callable[[], bytes]
) -> tuple[int, Callable[[], Future[Coloured]]]:
    """Reads a drawing; returns its number of pixels and a function that submits it to the pool."""
    try:
        line = decode_drawing(read())
    except (ImageError, HintError, OSError) as error:
        failed: Future[Coloured] = Future()
        failed.set_exception(error)
        return 0, lambda: failed
    return line.width * line.height, partial(pool.submit, colorize, line)


def _result(future: Future[Coloured]) -> Coloured | Exception:
    try:
        return future.result()
    except (ImageError, HintError, OSError) as error:
        return error


def _colorize(paint: Paint, line: Image.Image, name: str, layers: Sequence[LayerFile]) -> Coloured:
    try:
        layered = paint(line)
        colour = layered.merged()
        colour.info = dict(line.info)
        return Coloured(line, colour, encode(colour, name), encode_layers(layered, colour, layers))
    except (MemoryError, torch.OutOfMemoryError) as error:
        size = f"{line.width:,} × {line.height:,}"
        raise ImageError(f"{size} pixels are too many for this machine's memory: make it smaller") from error
