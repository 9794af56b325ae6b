"""Decodes image files to upright sRGB pictures, on white or with their transparency, and encodes pictures.

The decoder either decodes a file correctly or refuses it with a reason that a person understands.
"""

import io
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, isfinite
from typing import Any

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from imaging.errors import ImageError
from imaging.formats import FORMAT_NAMES, describe_foreign, promised_format, sniff
from imaging.srgb import in_srgb, on_white

# used directly, because the pixel limit of Image.open is a process-wide setting
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "png": PngImagePlugin.PngImageFile,
    "jpg": JpegImagePlugin.JpegImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
}

_PREDICTOR = {317: 2}  # store differences of neighbours: LZW compresses them far better
_WRITERS: dict[str, dict[str, Any]] = {
    "png": {"compress_level": 3},
    "jpg": {"quality": 95, "subsampling": 0},  # 4:4:4: subsampled colour would bleed over the lines
    "webp": {"lossless": True, "exact": True},
    "gif": {"optimize": False},
    "bmp": {},
    "tiff": {"compression": "tiff_lzw", "tiffinfo": _PREDICTOR},
}
_LONGEST_SIDE = {"jpg": 65_500, "webp": 16_383, "gif": 65_535}  # pixels: limits of the formats or of their libraries
_KEEP_TRANSPARENCY = ("png", "webp", "tiff")
_KEEP_RESOLUTION = ("png", "jpg", "bmp", "tiff")
_GIF_CLEAR = 255  # index of the transparent colour: the last one of the palette

_DRAFT_MARGIN = 1.25  # with less, the JPEG decoder's coarse reduction is visible on thin lines
_PILLOW_MODULES = r"PIL\."
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(
    data: bytes, *, max_pixels: int = 100_000_000, min_side: int = 1, draft_size: int | None = None
) -> Image.Image:
    """Decodes the first frame to an upright RGB picture in sRGB, transparent parts on white.

    The size is checked in the header, before any pixel is decoded.

    Args:
        data: the bytes of a PNG, JPEG, WebP, GIF, BMP or TIFF file.
        max_pixels: largest width × height.
        min_side: smallest width and height, px.
        draft_size: the shortest side, px, to which the caller will shrink the picture; None: decode in full. A JPEG is
            decoded at 1/2, 1/4 or 1/8 of its size where that still leaves a quarter more than `draft_size`. This is
            several times faster; after shrinking, the PSNR against full decoding is over 41 dB.

    Returns:
        A picture of mode RGB with an empty `info`.

    Raises:
        ImageError: `data` is not a complete picture of an allowed size.
    """
    image = on_white(_decode(data, max_pixels, min_side, draft_size))
    image.info = {}
    return image


def decode_drawing(data: bytes, *, max_pixels: int = 100_000_000, draft_size: int | None = None) -> Image.Image:
    """Decodes like :func:`decode`, but keeps transparency.

    Args:
        data: the bytes of an image file.
        max_pixels: largest width × height.
        draft_size: as of :func:`decode`.

    Returns:
        A picture of mode RGB, or RGBA where the file has transparency. `info["dpi"]` is the resolution of the file, if
        the file states one; `info["frames"]` is the number of its pages or frames, if there are several. `info` holds
        nothing else.

    Raises:
        ImageError: `data` is not a complete picture of an allowed size.
    """
    return _decode(data, max_pixels, 1, draft_size)


def encode(image: Image.Image, name: str) -> bytes:
    """Encodes a picture in the format that the extension of `name` stands for.

    JPEG is written in 4:4:4 at quality 95, WebP lossless, TIFF with LZW, GIF with the 255 colours that fit the picture
    best. JPEG and BMP have no transparency: the picture is composed on white. A GIF pixel is either opaque or
    transparent.

    Args:
        image: a picture of mode RGB or RGBA. `info["dpi"]` is written where the format can store it.
        name: a file name; PNG is written for an unknown extension.

    Returns:
        The bytes of the file.

    Raises:
        ImageError: a side is longer than the format allows.
    """
    kind = promised_format(name) or "png"
    if max(image.size) > _LONGEST_SIDE.get(kind, max(image.size)):
        raise ImageError(
            f"{image.width:,} × {image.height:,} pixels: a {FORMAT_NAMES[kind]} holds at most"
            f" {_LONGEST_SIDE[kind]:,} a side; give it a name that ends in .png"
        )
    options = dict(_WRITERS[kind])
    if kind in _KEEP_RESOLUTION and "dpi" in image.info:
        options["dpi"] = image.info["dpi"]
    if kind == "gif":
        image, transparency_options = _to_palette(image)
        options |= transparency_options
    elif kind not in _KEEP_TRANSPARENCY:
        image = on_white(image)
    buffer = io.BytesIO()
    image.save(buffer, FORMAT_NAMES[kind], **options)
    return buffer.getvalue()


def encode_png(image: Image.Image) -> bytes:
    """Encodes a PNG without metadata, fast (compress_level 1). The same pixels always give the same bytes."""
    bare = image.copy()
    bare.info = {}
    buffer = io.BytesIO()
    bare.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _decode(data: bytes, max_pixels: int, min_side: int, draft_size: int | None) -> Image.Image:
    """Returns a picture of mode RGB or RGBA."""
    kind = sniff(data)
    if kind is None:
        raise ImageError(describe_foreign(data))
    _ignore_pillow_warnings()
    with _explained(kind, data, "header"):
        image = _READERS[kind](io.BytesIO(data))
    _check_size(image.size, max_pixels, min_side)
    with _explained(kind, data, "pixels"):
        if draft_size is not None:
            image.draft(None, (ceil(draft_size * _DRAFT_MARGIN),) * 2)
        kept = _resolution(image) | _frames(image)
        decoded = in_srgb(_upright(_first_frame(image)))
    decoded.info = kept  # drops the profile and the orientation, which are already applied
    return decoded


def _resolution(image: Image.Image) -> dict[Any, Any]:
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return {}
    return {"dpi": (across, down)} if isfinite(across) and isfinite(down) and 1 <= min(across, down) else {}


def _frames(image: ImageFile.ImageFile) -> dict[Any, Any]:
    frames = getattr(image, "n_frames", 1) - bool(image.info.get("default_image"))
    return {"frames": frames} if frames > 1 else {}


def _ignore_pillow_warnings() -> None:
    """Silences Pillow's warnings: they concern metadata that does not affect the pixels.

    The filter stays in place, because `catch_warnings` is not thread-safe. It is added again if other code has reset
    the filters.
    """
    if not any(
        isinstance(module, re.Pattern) and module.pattern == _PILLOW_MODULES for *_, module, _ in warnings.filters
    ):
        warnings.filterwarnings("ignore", module=_PILLOW_MODULES)


def _check_size(size: tuple[int, int], max_pixels: int, min_side: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ImageError(f"{width:,} × {height:,} pixels are more than the {max_pixels:,} allowed")
    if min(size) < min_side:
        raise ImageError(f"{width:,} × {height:,} pixels: the shortest side is under {min_side:,}")


def _first_frame(image: ImageFile.ImageFile) -> ImageFile.ImageFile:
    if image.info.get("default_image"):  # an APNG's still picture for old viewers, which is not a frame
        image.seek(1)
    image.load()
    return image


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # unreadable EXIF gives no orientation
        return image
    if orientation not in _UPRIGHT:
        return image
    turned = image.transpose(_UPRIGHT[orientation])
    turned.info = image.info
    return turned


def _to_palette(image: Image.Image) -> tuple[Image.Image, dict[str, int]]:
    """Returns an indexed picture and the GIF options for it. No dithering: it would put dots into flat colours."""
    indexed = on_white(image).quantize(_GIF_CLEAR, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    if image.mode == "RGB":
        return indexed, {}
    indexed.putpalette(((indexed.getpalette() or []) + [255] * 768)[:768])
    indexed.paste(_GIF_CLEAR, mask=image.getchannel("A").point(lambda alpha: 255 * (alpha < 128)))
    return indexed, {"transparency": _GIF_CLEAR}


@contextmanager
def _explained(kind: str, data: bytes, part: str) -> Iterator[None]:
    try:
        yield
    except ImageError:
        raise
    except Exception as error:  # Pillow's readers raise nearly anything on malformed bytes
        raise ImageError(_describe_failure(kind, data, part, error)) from error


def _describe_failure(kind: str, data: bytes, part: str, error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return "more pixels than can be allowed"
    if isinstance(error, MemoryError):
        return f"{FORMAT_NAMES[kind]} too large for the memory"
    # Pillow wraps errors at the end of a header in SyntaxError
    cut_short = isinstance(error.__cause__ or error, (struct.error, EOFError, IndexError))
    cut_short |= "truncated" in str(error).lower()
    cut_short |= kind == "webp" and int.from_bytes(data[4:8], "little") + 8 > len(data)
    if cut_short:
        return f"truncated {FORMAT_NAMES[kind]} (ends after {len(data):,} bytes)"
    return f"damaged {FORMAT_NAMES[kind]} (its {part} cannot be read)"
