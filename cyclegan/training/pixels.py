"""Decoded pictures: in memory, or mapped from one file where they would take too much of it."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable

import numpy as np


def keep(images: Iterable[np.ndarray], budget: float) -> list[np.ndarray]:
    """The uint8 images, in memory if all of them take at most `budget` bytes.

    Else they are in an unnamed file in the temporary folder ($TMPDIR), which is gone with the last of them; the
    system reads what is asked for and gives the memory back when others need it.
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
        pixels = np.memmap(file, np.uint8, "c")  # not "r": torch wants arrays that it could write to
    ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(pixels, ends), shapes, strict=True)]
