"""Pictures to the size that training wants."""

from PIL import Image

from imaging.errors import ImageError


def resize_shortest(image: Image.Image, size: int, *, max_aspect: float = 4.0) -> Image.Image:
    """Shrinks `image`, by antialiased Lanczos, until its shortest side is `size` pixels.

    Raises ImageError for a shape that :func:`check_shape` refuses.
    """
    width, height = image.size
    check_shape(width, height, size, max_aspect=max_aspect)
    shortest = min(width, height)
    if shortest == size:
        return image
    target = (round(width * size / shortest), round(height * size / shortest))
    return image.resize(target, Image.Resampling.LANCZOS)


def check_shape(width: int, height: int, size: int, *, max_aspect: float = 4.0) -> None:
    """Refuses what cannot be resized, before it is decoded.

    Raises ImageError for a picture whose shortest side is under `size`, for enlarging invents no detail, and
    for one more than `max_aspect` times as long as wide: a comic strip or a banner, of which crops show next
    to nothing.
    """
    shortest, longest = sorted((width, height))
    if shortest < size:
        raise ImageError(f"{width:,} × {height:,} pixels: the shortest side is under {size:,}")
    if longest > max_aspect * shortest:
        raise ImageError(f"{width:,} × {height:,} pixels: longer than {max_aspect:g} times its shortest side")
