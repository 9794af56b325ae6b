"""Converts pictures of any colour space and depth to sRGB with 8 bits per channel, for screens and networks."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageCms, TiffImagePlugin

from imaging.errors import ImageError

_GREY_MODES = ("1", "L", "LA", "La")


def in_srgb(image: Image.Image) -> Image.Image:
    """Converts a picture to sRGB.

    Args:
        image: of any mode; its ICC profile is applied.

    Returns:
        A picture of mode RGB, or RGBA where `image` has transparency.

    Raises:
        ImageError: `image` is 32-bit grey, whose white level is unknown.
    """
    profile = image.info.get("icc_profile")
    if image.mode.startswith(("I", "F")):
        image = _eight_bits(image)
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow reads every CMYK JPEG as one by Adobe, which are stored inverted
    if not image.has_transparency_data:
        return _to_srgb(image, profile)
    rgba = image.convert("RGBA")
    colour = _to_srgb(rgba.convert("L" if image.mode in _GREY_MODES else "RGB"), profile)
    colour.putalpha(rgba.getchannel("A"))
    return colour


def on_white(image: Image.Image) -> Image.Image:
    """Composes a picture of any mode on white, as RGB; returns opaque RGB unchanged.

    Raises:
        ImageError: `image` is 32-bit grey, whose white level is unknown.
    """
    if image.mode not in ("RGB", "RGBA") or "transparency" in image.info:
        image = in_srgb(image)
    if image.mode == "RGB":
        return image
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scales (not clips) grey of 12 or 16 bits to 8; a transparent value becomes an alpha channel."""
    tags = getattr(image, "tag_v2", {})
    if image.mode in ("I", "F"):
        raise ImageError("32-bit grey, whose white level is not stated: save it with 8 or 16 bits")
    samples = np.asarray(image).astype(np.float32)
    white = 4095 if tags.get(TiffImagePlugin.BITSPERSAMPLE) == (12,) else 65535
    grey = np.rint(np.minimum(samples, white) * (255 / white)).astype(np.uint8)
    if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0:  # WhiteIsZero
        grey = 255 - grey
    result = Image.fromarray(grey)
    transparent = image.info.get("transparency")
    if transparent is not None:
        result.putalpha(Image.fromarray(np.where(samples == transparent, 0, 255).astype(np.uint8)))
    return result


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Returns RGB without metadata. Ignores a profile for other channels than the picture's, as viewers do."""
    transform = _srgb_transform(profile) if profile else None
    if transform is not None and _fits(transform.input_mode, image.mode):
        converted = ImageCms.applyTransform(image.convert(transform.input_mode), transform)
        assert converted is not None  # is None only for in-place conversion
        image = converted
    elif image.mode != "RGB":  # converting RGB to RGB would copy it
        image = image.convert("RGB")
    image.info = {}
    return image


def _fits(profile_mode: str, mode: str) -> bool:
    if profile_mode == "L":
        return mode in _GREY_MODES
    return (profile_mode == "CMYK") == (mode == "CMYK")


@lru_cache(maxsize=16)
def _srgb_transform(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """Returns None for sRGB itself and for profiles that cannot be used."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}[source.profile.xcolor_space.strip()]
        if mode == "RGB" and "srgb" in (source.profile.profile_description or "").lower():
            return None
        return ImageCms.buildTransform(source, _srgb(), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, KeyError, ValueError):
        return None


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
