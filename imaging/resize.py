"""Pictures to the size that training wants."""

from PIL import Image

from imaging.codec import ImageError


def resize_shortest(image: Image.Image, size: int, *, max_aspect: float = 4.0) -> Image.Image:
    """Shrinks `image`, by antialiased Lanczos, until its shortest side is `size` pixels.

    Raises ImageError for a picture whose shortest side is under `size`, for enlarging invents no detail, and
    for one more than `max_aspect` times as long as wide: a comic strip or a banner, of which crops show next
    to nothing.
    """
    width, height = image.size
    shortest, longest = sorted(image.size)
    if shortest < size:
        raise ImageError(f"{width:,} × {height:,} pixels: the shortest side is under {size:,}")
    if longest > max_aspect * shortest:
        raise ImageError(f"{width:,} × {height:,} pixels: longer than {max_aspect:g} times its shortest side")
    if shortest == size:
        return image
    target = (round(width * size / shortest), round(height * size / shortest))
    return image.resize(target, Image.Resampling.LANCZOS)
