"""Shrinks pictures to the size at which they are trained on, and refuses unsuitable shapes."""

from PIL import Image

from imaging.errors import ImageError


def resize_shortest(image: Image.Image, size: int, *, max_aspect: float = 4.0) -> Image.Image:
    """Shrinks a picture with an antialiased Lanczos filter.

    Args:
        image: a picture of any mode that Pillow can resize.
        size: the shortest side of the result, px.
        max_aspect: see :func:`check_shape`.

    Returns:
        The shrunk picture, or `image` itself if it has that size already.

    Raises:
        ImageError: :func:`check_shape` refuses the shape.
    """
    width, height = image.size
    check_shape(width, height, size, max_aspect=max_aspect)
    shortest = min(width, height)
    if shortest == size:
        return image
    target = (round(width * size / shortest), round(height * size / shortest))
    return image.resize(target, Image.Resampling.LANCZOS)


def check_shape(width: int, height: int, size: int, *, max_aspect: float = 4.0) -> None:
    """Refuses pictures that are too small or too long. Needs no pixels, so it can be called before decoding.

    Enlarging adds no detail. Crops of very long pictures, such as comic strips and banners, show hardly anything.

    Args:
        width: of the picture, px.
        height: of the picture, px.
        size: the smallest shortest side, px.
        max_aspect: the largest ratio of the longest to the shortest side.

    Raises:
        ImageError: the shortest side is under `size`, or the ratio is over `max_aspect`.
    """
    shortest, longest = sorted((width, height))
    if shortest < size:
        raise ImageError(f"{width:,} × {height:,} pixels: the shortest side is under {size:,}")
    if longest > max_aspect * shortest:
        raise ImageError(f"{width:,} × {height:,} pixels: longer than {max_aspect:g} times its shortest side")
