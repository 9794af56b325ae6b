"""Colours of any picture to sRGB with 8 bits a channel, which is what screens and networks take."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageCms, TiffImagePlugin

from imaging.errors import ImageError

_GREY_MODES = ("1", "L", "LA", "La")


def in_srgb(image: Image.Image) -> Image.Image:
    """Any mode to plain RGB in sRGB, or RGBA. Raises ImageError for grey of 32 bits."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith(("I", "F")):
        image = _eight_bits(image)
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow takes every CMYK JPEG as Adobe's, which are stored inverted
    if not image.has_transparency_data:
        return _to_srgb(image, profile)
    clear = image.convert("RGBA")
    colour = _to_srgb(clear.convert("L" if image.mode in _GREY_MODES else "RGB"), profile)
    colour.putalpha(clear.getchannel("A"))
    return colour


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 12 or 16 bits, scaled (not clipped) to 8; a transparent value becomes an alpha channel."""
    tags = getattr(image, "tag_v2", {})
    if image.mode in ("I", "F"):
        raise ImageError("32-bit grey, whose white level is not stated: save it with 8 or 16 bits")
    deep = np.asarray(image).astype(np.float32)
    white = 4095 if tags.get(TiffImagePlugin.BITSPERSAMPLE) == (12,) else 65535
    grey = np.rint(np.minimum(deep, white) * (255 / white)).astype(np.uint8)
    if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0:  # white is zero
        grey = 255 - grey
    shallow = Image.fromarray(grey)
    transparent = image.info.get("transparency")
    if transparent is not None:
        shallow.putalpha(Image.fromarray(np.where(deep == transparent, 0, 255).astype(np.uint8)))
    return shallow


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB without metadata; a profile for other channels than the picture's is ignored, as viewers do."""
    transform = _srgb_transform(profile) if profile else None
    if transform is not None and _fits(transform.input_mode, image.mode):
        converted = ImageCms.applyTransform(image.convert(transform.input_mode), transform)
        assert converted is not None  # only None in place
        image = converted
    elif image.mode != "RGB":  # converting would copy a picture that is RGB already
        image = image.convert("RGB")
    image.info = {}
    return image


def _fits(profile_mode: str, mode: str) -> bool:
    if profile_mode == "L":
        return mode in _GREY_MODES
    return (profile_mode == "CMYK") == (mode == "CMYK")


@lru_cache(maxsize=16)
def _srgb_transform(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """None for sRGB itself and for profiles that cannot be used."""
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
