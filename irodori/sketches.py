"""Makes sketches of stored pictures, for laying them over each other."""

from collections.abc import Callable
from functools import lru_cache

from imaging.codec import decode
from imaging.errors import ImageError
from imaging.overlay import Sketch
from storage import NotFound, Storage

_DRAFT = 256  # px; a sketch shows no more
_KEPT = 512  # sketches of 300 kB


def sketches(storage: Storage) -> Callable[[str], Sketch | None]:
    """Returns a function that makes the sketch of the picture under a key; None if there is no picture."""

    @lru_cache(_KEPT)
    def sketch(key: str) -> Sketch | None:
        try:
            return Sketch.of(decode(storage.read(key), draft_size=_DRAFT))
        except (NotFound, ImageError):
            return None

    return sketch
