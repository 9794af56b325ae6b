"""PNG files of every kind, each with the picture that it must become."""

import struct
import zlib

import numpy as np
from PIL import Image, ImageCms

from tests.colour_profiles import LINEAR_GRAY, SWAPPED
from tests.picture_files import (
    ALPHA_OF_PALETTE,
    DEEP,
    DEEP8,
    DEEP_RGB,
    FIRST,
    GRAY,
    HEIGHT,
    HOLED,
    INDEX,
    LINEAR_TO_SRGB,
    PALETTE_IMAGE,
    RAMP,
    RAMP_FRAMES,
    RGB,
    RGB_IMAGE,
    RGBA_IMAGE,
    TRANSPARENT_GRAY,
    TWO_FRAMES,
    WIDTH,
    WITHOUT_FIRST,
    Pixels,
    apng_with_still,
    chunk,
    exif,
    gray3,
    on_white,
    plte,
    png,
    save,
    turned,
)

# name: (bytes, expected picture, tolerance in grey levels)
PNGS: dict[str, tuple[bytes, Pixels, int]] = {
    "png rgb": (save(RGB_IMAGE, "PNG"), RGB, 0),
    "png rgb interlaced": (png(RGB, 8, 2, interlaced=True), RGB, 0),
    "png grey": (png(GRAY, 8, 0), gray3(GRAY), 0),
    "png grey 1 bit": (png(GRAY >> 7, 1, 0), gray3((GRAY >> 7) * 255), 0),
    "png grey 2 bits": (png(GRAY >> 6, 2, 0), gray3((GRAY >> 6) * 85), 0),
    "png grey 4 bits": (png(GRAY >> 4, 4, 0), gray3((GRAY >> 4) * 17), 0),
    "png grey 4 bits interlaced": (png(GRAY >> 4, 4, 0, interlaced=True), gray3((GRAY >> 4) * 17), 0),
    "png grey 16 bits": (png(DEEP, 16, 0), gray3(DEEP8), 0),
    "png rgb 16 bits": (png(DEEP_RGB, 16, 2), RGB, 0),
    "png rgb 16 bits odd": (png(np.dstack([DEEP] * 3), 16, 2), gray3(DEEP8), 1),
    "png grey transparent value": (
        png(GRAY, 8, 0, chunk(b"tRNS", struct.pack(">H", GRAY[0, 5]))),
        TRANSPARENT_GRAY,
        0,
    ),
    "png 1 bit white transparent": (
        png(GRAY >> 7, 1, 0, chunk(b"tRNS", struct.pack(">H", 0))),
        np.full_like(RGB, 255),
        0,
    ),
    "png grey 16 bits transparent value": (
        png(DEEP, 16, 0, chunk(b"tRNS", struct.pack(">H", DEEP[0, 5]))),
        np.where(gray3(DEEP8) == DEEP8[0, 5], 255, gray3(DEEP8)).astype(np.uint8),
        0,
    ),
    "png rgb transparent colour": (
        png(RGB, 8, 2, chunk(b"tRNS", struct.pack(">3H", *FIRST))),
        WITHOUT_FIRST,
        0,
    ),
    "png rgb 16 bits transparent colour": (
        png(DEEP_RGB, 16, 2, chunk(b"tRNS", struct.pack(">3H", *DEEP_RGB[0, 0]))),
        WITHOUT_FIRST,
        0,
    ),
    "png palette": (png(INDEX, 8, 3, plte()), RGB, 0),
    "png palette 2 bits": (png(INDEX, 2, 3, plte()), RGB, 0),
    "png palette 4 bits interlaced": (png(INDEX, 4, 3, plte(), interlaced=True), RGB, 0),
    "png palette one transparent": (png(INDEX, 8, 3, plte(), chunk(b"tRNS", b"\xff\0")), HOLED, 0),
    "png palette partly transparent": (
        png(INDEX, 8, 3, plte(), chunk(b"tRNS", ALPHA_OF_PALETTE.tobytes())),
        on_white(RGB, ALPHA_OF_PALETTE[INDEX]),
        0,
    ),
    "png grey alpha": (png(np.dstack([GRAY // 2, RAMP]), 8, 4), on_white(gray3(GRAY // 2), RAMP), 0),
    "png grey alpha 16 bits": (
        png(np.dstack([GRAY // 2, RAMP]).astype(np.uint16) * 257, 16, 4),
        on_white(gray3(GRAY // 2), RAMP),
        0,
    ),
    "png rgba": (png(np.dstack([RGB, RAMP]), 8, 6), on_white(RGB, RAMP), 0),
    "png rgba 16 bits": (png(np.dstack([RGB, RAMP]).astype(np.uint16) * 257, 16, 6), on_white(RGB, RAMP), 0),
    "png rgba opaque": (png(np.dstack([RGB, np.full_like(RAMP, 255)]), 8, 6), RGB, 0),
    "png black under full transparency": (
        png(np.zeros((HEIGHT, WIDTH, 4), np.uint8), 8, 6),
        np.full_like(RGB, 255),
        0,
    ),
    "png black at alpha 64": (
        png(np.full((HEIGHT, WIDTH, 4), (0, 0, 0, 64), np.uint8), 8, 6),
        np.full_like(RGB, 191),
        0,
    ),
    "png 1 x 1": (png(RGB[:1, :1], 8, 2), RGB[:1, :1], 0),
    "png one row": (png(RGB[:1], 8, 2), RGB[:1], 0),
    "png with a profile": (save(RGB_IMAGE, "PNG", icc_profile=SWAPPED), RGB[..., ::-1], 7),
    "png rgba with a profile": (
        save(RGBA_IMAGE, "PNG", icc_profile=SWAPPED),
        on_white(RGB[..., ::-1], RAMP),
        7,
    ),
    "png palette with a profile": (save(PALETTE_IMAGE, "PNG", icc_profile=SWAPPED), RGB[..., ::-1], 7),
    "png grey with a linear profile": (
        save(Image.fromarray(GRAY), "PNG", icc_profile=LINEAR_GRAY),
        gray3(LINEAR_TO_SRGB),
        2,
    ),
    "png grey alpha with a linear profile": (
        save(Image.fromarray(np.dstack([GRAY, np.full_like(GRAY, 128)]), "LA"), "PNG", icc_profile=LINEAR_GRAY),
        on_white(gray3(LINEAR_TO_SRGB), np.full_like(GRAY, 128)),
        2,
    ),
    "png grey 16 bits with a linear profile": (
        png(DEEP, 16, 0, chunk(b"iCCP", b"x\0\0" + zlib.compress(LINEAR_GRAY))),
        gray3(LINEAR_TO_SRGB),
        2,
    ),
    "png rgb 16 bits with a profile": (
        png(DEEP_RGB, 16, 2, chunk(b"iCCP", b"x\0\0" + zlib.compress(SWAPPED))),
        RGB[..., ::-1],
        7,
    ),
    "png rgba 16 bits with a profile": (
        png(np.dstack([RGB, RAMP]).astype(np.uint16) * 257, 16, 6, chunk(b"iCCP", b"x\0\0" + zlib.compress(SWAPPED))),
        on_white(RGB[..., ::-1], RAMP),
        7,
    ),
    "png with an sRGB profile": (
        save(RGB_IMAGE, "PNG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()),
        RGB,
        0,
    ),
    "png with a broken profile": (save(RGB_IMAGE, "PNG", icc_profile=b"no profile at all"), RGB, 0),
    "png rgb with a grey profile": (save(RGB_IMAGE, "PNG", icc_profile=LINEAR_GRAY), RGB, 0),
    "png turned": (save(Image.fromarray(turned(6)), "PNG", exif=exif(6)), RGB, 0),
    "png with a long comment": (png(RGB, 8, 2, chunk(b"tEXt", b"parameters\0" + b"a" * 3_000_000)), RGB, 0),
    "png without its end": (save(RGB_IMAGE, "PNG")[:-12], RGB, 0),
    "png with more behind it": (save(RGB_IMAGE, "PNG") + b"<html>" * 100, RGB, 0),
    "apng": (save(RGB_IMAGE, "PNG", **TWO_FRAMES), RGB, 0),
    "apng with a still": (apng_with_still(), RGB, 0),
    "apng of partly transparent frames": (save(RGBA_IMAGE, "PNG", **RAMP_FRAMES), on_white(RGB, RAMP), 0),
}
