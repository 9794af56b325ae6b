"""Keeps decoded pictures in memory, or in one memory-mapped file if they need too much memory."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable

import numpy as np


def keep(images: Iterable[np.ndarray], budget: float) -> list[np.ndarray]:
    """Keeps images in memory or in a memory-mapped file.

    The file is unnamed, in the temporary folder ($TMPDIR), and freed with the last image. The operating system reads
    its pages on demand and drops them when memory is short.

    Args:
        images: uint8, of any shapes.
        budget: bytes; images that need more are mapped.

    Returns:
        The images, in the same order.
    """
    remaining, size = iter(images), 0
    kept: list[np.ndarray] = []
    for image in remaining:
        kept.append(image)
        size += image.nbytes
        if size > budget:
            return _mapped(itertools.chain(kept, remaining))
    return kept


def _mapped(images: Iterable[np.ndarray]) -> list[np.ndarray]:
    shapes = []
    with tempfile.TemporaryFile(prefix="irodori-pictures-") as file:
        for image in images:
            shapes.append(image.shape)
            file.write(np.ascontiguousarray(image).data)
        file.flush()
        pixels = np.memmap(file, np.uint8, "c")  # not "r", as torch warns about read-only arrays
    ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(pixels, ends), shapes, strict=True)]
