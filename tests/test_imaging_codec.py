"""Tests decoding of unusual files that boards serve, built byte by byte where Pillow cannot write them."""

import io
import struct
import threading
import warnings
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from imaging.codec import decode, encode_png
from imaging.errors import ImageError
from imaging.formats import sniff

Pixels = npt.NDArray[np.uint8]
HEIGHT, WIDTH = 24, 32


def make_rgb() -> Pixels:
    """Makes four flat quarters, which lossy codecs keep and which differ under every rotation and reflection."""
    rgb = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    rgb[:12, :16], rgb[:12, 16:] = (200, 40, 40), (40, 160, 60)
    rgb[12:, :16], rgb[12:, 16:] = (30, 60, 200), (240, 220, 90)
    return rgb


RGB = make_rgb()
GRAY = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))
RAMP = GRAY.T[:WIDTH].copy().T  # alpha, from 0 on the left to 255 on the right
PALETTE = np.unique(RGB.reshape(-1, 3), axis=0)
INDEX = (RGB[:, :, None, :] == PALETTE).all(-1).argmax(-1).astype(np.uint8)


def gray3(gray: npt.NDArray[np.integer]) -> Pixels:
    return np.repeat(gray.astype(np.uint8)[..., None], 3, axis=-1)


def on_white(colour: Pixels, alpha: Pixels) -> Pixels:
    share = alpha[..., None] / 255
    return np.rint(colour * share + 255 * (1 - share)).astype(np.uint8)


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.copy().save(buffer, kind, **options)  # a copy, because Pillow leaves the options of one format on the picture
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def rows(samples: npt.NDArray[np.integer], bits: int) -> bytes:
    """Returns unfiltered PNG scan lines of (H, W) or (H, W, C) samples."""
    flat = samples.reshape(len(samples), -1)
    if bits < 8:
        expanded = (flat[..., None] >> np.arange(bits - 1, -1, -1)) & 1
        lines = np.packbits(expanded.reshape(len(flat), -1).astype(np.uint8), axis=1)
    else:
        lines = flat.astype(">u2" if bits == 16 else np.uint8)
    return b"".join(b"\0" + line.tobytes() for line in lines)


def png(samples: npt.NDArray[np.integer], bits: int, colour: int, *extra: bytes, interlaced: bool = False) -> bytes:
    """Makes a PNG with `extra` chunks before its pixels; colour is 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA."""
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    passes = [samples]
    if interlaced:  # Adam7: (first row, first column, row step, column step)
        steps = [
            (0, 0, 8, 8),
            (0, 4, 8, 8),
            (4, 0, 8, 4),
            (0, 2, 4, 4),
            (2, 0, 4, 2),
            (0, 1, 2, 2),
            (1, 0, 2, 1),
        ]
        passes = [samples[y::dy, x::dx] for y, x, dy, dx in steps]
    body = zlib.compress(b"".join(rows(p, bits) for p in passes))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def plte() -> bytes:
    return chunk(b"PLTE", PALETTE.tobytes())


def profile(space: bytes, connection: bytes, tags: list[tuple[bytes, bytes]], device: bytes = b"mntr") -> bytes:
    """Makes an ICC profile of a header and tags; the white point is that of D50."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    tags = [*tags, (b"cprt", b"text" + bytes(4) + b"none\0"), (b"wtpt", b"XYZ " + bytes(4) + fixed(0.9642, 1, 0.8249))]
    body, table, offset = b"", struct.pack(">I", len(tags)), 128 + 4 + 12 * len(tags)
    for signature, content in tags:
        padded = content + bytes(-len(content) % 4)
        table += signature + struct.pack(">II", offset + len(body), len(content))
        body += padded
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02100000, device, space, connection)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + fixed(0.9642, 1, 0.8249) + bytes(48)
    return head + table + body


def icc(space: bytes, gamma: float, primaries: tuple[tuple[float, float, float], ...] = ()) -> bytes:
    """Makes a minimal matrix or grey profile of ICC version 2."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    name = b"test"
    desc = b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + bytes(1 + 4 + 4 + 2 + 1 + 67)
    tags = [(b"desc", desc)]
    if space == b"GRAY":
        tags.append((b"kTRC", curve))
    for letter, xyz in zip(b"rgb", primaries, strict=False):
        tags += [
            (bytes([letter]) + b"XYZ", b"XYZ " + bytes(4) + fixed(*xyz)),
            (bytes([letter]) + b"TRC", curve),
        ]
    return profile(space, b"XYZ ", tags)


def cmyk_profile() -> bytes:
    """Makes a CMYK profile of ICC version 2 by which the ink C prints magenta, M prints yellow, and Y prints cyan.

    It is one table (lut8) with two steps for each ink, so it has only the 16 corners, in Lab.
    """
    inks = np.array([[c, m, y, k] for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)])
    printed = (1 - inks[:, [2, 0, 1]]) * (1 - inks[:, 3:])  # Y removes red, C green, M blue
    corners = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    rgb = Image.fromarray((printed * 255).astype(np.uint8)[None])
    lab = ImageCms.applyTransform(rgb, ImageCms.buildTransform(*corners, "RGB", "LAB"))
    assert lab is not None
    table = np.asarray(lab)[0] ^ np.array([0, 128, 128], np.uint8)  # Pillow's a and b are signed
    straight = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 * (n % 4 == 0) for n in range(9)))
    a2b = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + straight * 4 + table.tobytes() + straight * 3
    name = b"test"
    desc = b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + bytes(1 + 4 + 4 + 2 + 1 + 67)
    return profile(b"CMYK", b"Lab ", [(b"desc", desc), (b"A2B0", a2b)], device=b"prtr")


SRGB_PRIMARIES = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139))
# red and blue are exchanged, so a picture with this profile must be decoded with swapped channels
SWAPPED = icc(b"RGB ", 2.2, SRGB_PRIMARIES[::-1])
LINEAR_GRAY = icc(b"GRAY", 1.0)


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def turned(orientation: int) -> Pixels:
    """Returns RGB as a camera stores it with this orientation tag."""
    stored = {
        1: RGB,
        2: RGB[:, ::-1],
        3: RGB[::-1, ::-1],
        4: RGB[::-1],
        5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, 1),
        7: RGB[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(RGB, -1),
    }
    return np.ascontiguousarray(stored[orientation])


def without_adobe_marker(jpeg: bytes) -> bytes:
    start = jpeg.index(b"\xff\xee")
    length = int.from_bytes(jpeg[start + 2 : start + 4], "big")
    return jpeg[:start] + jpeg[start + 2 + length :]


def ycck_jpeg() -> bytes:
    """Makes a CMYK JPEG as Photoshop does: inverted inks, three of them as YCbCr, and an Adobe marker that says so."""
    ycc = np.asarray(Image.fromarray(CMYK[..., :3]).convert("YCbCr"))
    stored = np.dstack([ycc, 255 - CMYK[..., 3]])
    image = Image.frombytes("CMYK", (WIDTH, HEIGHT), (255 - stored).tobytes())  # Pillow inverts the inks when it saves
    data = bytearray(save(image, "JPEG", quality=95, subsampling=0))
    data[data.index(b"Adobe") + 11] = 2  # the transform: YCCK
    return bytes(data)


def premultiplied_tiff() -> bytes:
    """Makes a TIFF with "associated" alpha: the colours are already multiplied by it."""
    multiplied = np.rint(RGB * (RAMP[..., None] / 255)).astype(np.uint8)
    data = save(Image.fromarray(np.dstack([multiplied, RAMP])), "TIFF")
    return data.replace(struct.pack("<HHIHH", 338, 3, 1, 2, 0), struct.pack("<HHIHH", 338, 3, 1, 1, 0))


def tiff(samples: npt.NDArray[np.integer], photometric: int, bits: int, order: str) -> bytes:
    """Makes an uncompressed grey TIFF with little-endian ("<") or big-endian (">") byte order."""
    height, width = samples.shape
    if bits == 12:
        unpacked = (samples.astype(np.uint16)[..., None] >> np.arange(11, -1, -1)) & 1
        data = np.packbits(unpacked.reshape(height, -1).astype(np.uint8), axis=1).tobytes()
    else:
        data = samples.astype(f"{order}u{bits // 8}").tobytes()
    entries = [
        (256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric),
        (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, len(data)),
    ]  # fmt: skip
    directory = struct.pack(order + "H", len(entries))
    for tag, kind, value in entries:
        short = struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value)
        directory += struct.pack(order + "HHI", tag, kind, 1) + short
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(data))
    return head + data + directory + bytes(4)


def apng_with_still() -> bytes:
    """Makes an APNG with a grey still for old viewers, then an animation of RGB and its negative."""
    still = Image.fromarray(gray3(GRAY))
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    return save(still, "PNG", save_all=True, append_images=frames, default_image=True, duration=100)


def gif_with_small_first_frame() -> bytes:
    """Makes a GIF of 32 × 24 px whose only frame covers the lower right quarter."""
    small = save(Image.fromarray(np.zeros((12, 16), np.uint8)), "GIF")
    screen = small[:6] + struct.pack("<HH", WIDTH, HEIGHT) + small[10:]
    at = screen.index(b"\x2c\0\0\0\0\x10\0\x0c\0")
    return screen[: at + 1] + struct.pack("<HH", 16, 12) + screen[at + 5 :]


def bmp_with_alpha() -> bytes:
    """Makes a BMP with a version 4 header and masks for all four channels."""
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", 108, WIDTH, -HEIGHT, 1, 32, 3, 0, 2835, 2835, 0, 0) + masks
    pixels = np.dstack([RGB[..., ::-1], RAMP]).tobytes()
    start = 14 + 108
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + info.ljust(108, b"\0") + pixels


RGB_IMAGE = Image.fromarray(RGB)
DEEP = np.tile(np.linspace(0, 65535, WIDTH).astype(np.uint16), (HEIGHT, 1))
DEEP8 = np.rint(DEEP / 257).astype(np.uint8)
DEEP_RGB = RGB.astype(np.uint16) * 257
PALETTE_IMAGE = RGB_IMAGE.quantize(4, dither=Image.Dither.NONE)
RGBA_IMAGE = Image.fromarray(np.dstack([RGB, RAMP]))
CMYK = np.dstack([255 - RGB, np.full((HEIGHT, WIDTH), 60, np.uint8)])
CMYK_RGB = np.rint(RGB * ((255 - 60) / 255)).astype(np.uint8)
CMYK_IMAGE = Image.frombytes("CMYK", (WIDTH, HEIGHT), CMYK.tobytes())
ADOBE_CMYK = save(CMYK_IMAGE, "JPEG", quality=95)
NOT_INVERTED_CMYK = without_adobe_marker(
    save(Image.frombytes("CMYK", (WIDTH, HEIGHT), (255 - CMYK).tobytes()), "JPEG", quality=95)
)
TWO_FRAMES = {"save_all": True, "append_images": [Image.fromarray(255 - RGB)], "duration": 100}
HOLED = np.where(INDEX[..., None] == 1, 255, RGB).astype(np.uint8)  # palette colour 1 is transparent
TRANSPARENT_GRAY = np.where(gray3(GRAY) == GRAY[0, 5], 255, gray3(GRAY)).astype(np.uint8)
FIRST = RGB[0, 0]
WITHOUT_FIRST = np.where((RGB == FIRST).all(-1, keepdims=True), 255, RGB).astype(np.uint8)
ALPHA_OF_PALETTE = np.array([255, 0, 128, 30], np.uint8)
INKS = np.zeros((HEIGHT, WIDTH, 4), np.uint8)  # paper, C, M + Y, and black with all
INKS[:12, 16:, 0] = INKS[12:, :16, 1] = INKS[12:, :16, 2] = 255
INKS[12:, 16:] = 255
INKS_IMAGE = Image.frombytes("CMYK", (WIDTH, HEIGHT), INKS.tobytes())
INKS_PROFILE = cmyk_profile()
PRINTED = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
PRINTED[:12, 16:] = (255, 0, 255)
PRINTED[12:, :16] = (0, 255, 0)
PRINTED[12:, 16:] = 0
FADING = Image.fromarray(np.dstack([255 - RGB, RAMP]))  # a second frame that must not show
RAMP_FRAMES = {"save_all": True, "append_images": [FADING], "duration": 100}
LINEAR_TO_SRGB = np.rint(
    255 * np.where(GRAY / 255 <= 0.0031308, 12.92 * GRAY / 255, 1.055 * (GRAY / 255) ** (1 / 2.4) - 0.055)
).astype(np.uint8)

# name: (bytes, expected picture, tolerance in grey levels)
GOOD: dict[str, tuple[bytes, Pixels, int]] = {
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
    "jpeg": (save(RGB_IMAGE, "JPEG", quality=95, subsampling=0), RGB, 4),
    "jpeg 4:2:0": (save(RGB_IMAGE, "JPEG", quality=95), RGB, 12),
    "jpeg progressive": (save(RGB_IMAGE, "JPEG", quality=95, subsampling=0, progressive=True), RGB, 4),
    "jpeg optimised": (save(RGB_IMAGE, "JPEG", quality=95, subsampling=0, optimize=True), RGB, 4),
    "jpeg stored as rgb": (save(RGB_IMAGE, "JPEG", quality=95, keep_rgb=True), RGB, 4),
    "jpeg grey": (save(Image.fromarray(GRAY), "JPEG", quality=95), gray3(GRAY), 4),
    "jpeg cmyk adobe": (ADOBE_CMYK, CMYK_RGB, 4),
    "jpeg cmyk not inverted": (NOT_INVERTED_CMYK, CMYK_RGB, 4),
    "jpeg cmyk with an rgb profile": (save(CMYK_IMAGE, "JPEG", quality=95, icc_profile=SWAPPED), CMYK_RGB, 4),
    "jpeg ycck adobe": (ycck_jpeg(), CMYK_RGB, 4),
    "jpeg cmyk with a cmyk profile": (
        save(INKS_IMAGE, "JPEG", quality=95, subsampling=0, icc_profile=INKS_PROFILE),
        PRINTED,
        12,
    ),
    "jpeg grey with a linear profile": (
        save(Image.fromarray(GRAY), "JPEG", quality=95, icc_profile=LINEAR_GRAY),
        gray3(LINEAR_TO_SRGB),
        12,
    ),
    "jpeg turned with a profile": (
        save(Image.fromarray(turned(6)), "JPEG", quality=95, subsampling=0, icc_profile=SWAPPED, exif=exif(6)),
        RGB[..., ::-1],
        7,
    ),
    "jpeg with a profile": (
        save(RGB_IMAGE, "JPEG", quality=95, subsampling=0, icc_profile=SWAPPED),
        RGB[..., ::-1],
        7,
    ),
    "jpeg with more behind it": (save(RGB_IMAGE, "JPEG", quality=95, subsampling=0) + b"\0" * 50, RGB, 4),
    "jpeg with damaged exif": (
        save(
            RGB_IMAGE,
            "JPEG",
            quality=95,
            subsampling=0,
            exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xee" * 40,
        ),
        RGB,
        4,
    ),
    "jpeg 1 x 1": (
        save(Image.new("RGB", (1, 1), (10, 20, 30)), "JPEG"),
        np.array([[[10, 20, 30]]], np.uint8),
        3,
    ),
    "jpeg pair (mpo)": (
        save(
            RGB_IMAGE,
            "MPO",
            quality=95,
            subsampling=0,
            **{k: TWO_FRAMES[k] for k in ("save_all", "append_images")},
        ),
        RGB,
        4,
    ),
    "gif": (save(PALETTE_IMAGE, "GIF"), RGB, 0),
    "gif interlaced": (save(PALETTE_IMAGE, "GIF", interlace=1), RGB, 0),
    "gif transparent": (
        save(PALETTE_IMAGE, "GIF", transparency=PALETTE_IMAGE.getpixel((0, 0))),
        WITHOUT_FIRST,
        0,
    ),
    "gif grey": (save(Image.fromarray(GRAY), "GIF"), gray3(GRAY), 0),
    "gif animated": (save(RGB_IMAGE, "GIF", **TWO_FRAMES), RGB, 0),
    "gif 1 x 1": (save(Image.new("L", (1, 1), 7), "GIF"), np.full((1, 1, 3), 7, np.uint8), 0),
    "webp": (save(RGB_IMAGE, "WEBP", quality=95), RGB, 24),
    "webp lossless": (save(RGB_IMAGE, "WEBP", lossless=True), RGB, 0),
    "webp lossless alpha": (save(RGBA_IMAGE, "WEBP", lossless=True, exact=True), on_white(RGB, RAMP), 0),
    "webp animated": (save(RGB_IMAGE, "WEBP", lossless=True, **TWO_FRAMES), RGB, 0),
    "webp alpha": (save(RGBA_IMAGE, "WEBP", quality=95, exact=True), on_white(RGB, RAMP), 24),
    "webp animated with partly transparent frames": (
        save(RGBA_IMAGE, "WEBP", lossless=True, exact=True, **RAMP_FRAMES),
        on_white(RGB, RAMP),
        0,
    ),
    "webp alpha with a profile": (
        save(RGBA_IMAGE, "WEBP", lossless=True, exact=True, icc_profile=SWAPPED),
        on_white(RGB[..., ::-1], RAMP),
        7,
    ),
    "webp turned": (save(Image.fromarray(turned(8)), "WEBP", lossless=True, exif=exif(8)), RGB, 0),
    "webp with a profile": (save(RGB_IMAGE, "WEBP", lossless=True, icc_profile=SWAPPED), RGB[..., ::-1], 7),
    "bmp": (save(RGB_IMAGE, "BMP"), RGB, 0),
    "bmp palette": (save(PALETTE_IMAGE, "BMP"), RGB, 0),
    "bmp 1 bit": (
        save(Image.fromarray(GRAY).point(lambda v: 255 * (v > 127), "1"), "BMP"),
        gray3((GRAY >> 7) * 255),
        0,
    ),
    "bmp grey": (save(Image.fromarray(GRAY), "BMP"), gray3(GRAY), 0),
    "bmp 32 bits": (save(RGBA_IMAGE, "BMP"), RGB, 0),  # its fourth byte has no meaning
    "bmp alpha": (bmp_with_alpha(), on_white(RGB, RAMP), 0),
    "tiff": (save(RGB_IMAGE, "TIFF"), RGB, 0),
    "tiff lzw": (save(RGB_IMAGE, "TIFF", compression="tiff_lzw"), RGB, 0),
    "tiff deflate": (save(RGB_IMAGE, "TIFF", compression="tiff_adobe_deflate"), RGB, 0),
    "tiff packbits": (save(RGB_IMAGE, "TIFF", compression="packbits"), RGB, 0),
    "tiff jpeg": (save(RGB_IMAGE, "TIFF", compression="jpeg", quality=95), RGB, 6),
    "tiff fax": (
        save(Image.fromarray(GRAY).point(lambda v: 255 * (v > 127), "1"), "TIFF", compression="group4"),
        gray3((GRAY >> 7) * 255),
        0,
    ),
    "tiff palette": (save(PALETTE_IMAGE, "TIFF"), RGB, 0),
    "tiff cmyk": (save(CMYK_IMAGE, "TIFF"), CMYK_RGB, 1),
    "tiff alpha": (save(RGBA_IMAGE, "TIFF"), on_white(RGB, RAMP), 0),
    "tiff alpha premultiplied": (premultiplied_tiff(), on_white(RGB, RAMP), 2),
    "tiff with a profile": (save(RGB_IMAGE, "TIFF", icc_profile=SWAPPED), RGB[..., ::-1], 7),
    "tiff cmyk with a cmyk profile": (save(INKS_IMAGE, "TIFF", icc_profile=INKS_PROFILE), PRINTED, 3),
    "tiff grey white is zero": (tiff(GRAY, 0, 8, "<"), gray3(255 - GRAY), 0),
    "tiff 16 bits little endian": (tiff(DEEP, 1, 16, "<"), gray3(DEEP8), 0),
    "tiff 16 bits big endian": (tiff(DEEP, 1, 16, ">"), gray3(DEEP8), 0),
    "tiff 16 bits white is zero": (tiff(DEEP, 0, 16, "<"), gray3(255 - DEEP8), 0),
    "tiff 12 bits": (
        tiff(DEEP >> 4, 1, 12, "<"),
        gray3(np.rint((DEEP >> 4) / 4095 * 255).astype(np.uint8)),
        0,
    ),
    "tiff pages": (
        save(RGB_IMAGE, "TIFF", save_all=True, append_images=[Image.fromarray(255 - RGB)]),
        RGB,
        0,
    ),
    "tiff turned": (save(Image.fromarray(turned(5)), "TIFF", exif=exif(5)), RGB, 0),
    **{
        f"jpeg turned {n}": (
            save(Image.fromarray(turned(n)), "JPEG", quality=95, subsampling=0, exif=exif(n)),
            RGB,
            4,
        )
        for n in range(1, 9)
    },
}


def cut(name: str, share: float) -> bytes:
    data = GOOD[name][0]
    return data[: int(len(data) * share)]


def bomb_png() -> bytes:
    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def bomb_jpeg() -> bytes:
    data = GOOD["jpeg"][0]
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", 60000, 60000) + data[at + 4 :]


def bomb_gif() -> bytes:
    return b"GIF89a" + struct.pack("<HH", 60000, 60000) + GOOD["gif"][0][10:]


def bomb_bmp() -> bytes:
    data = GOOD["bmp"][0]
    return data[:18] + struct.pack("<ii", 50000, 50000) + data[26:]


def bomb_webp() -> bytes:
    size = (13_999).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + size + GOOD["webp lossless"][0][12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bomb_tiff() -> bytes:
    data = tiff(DEEP, 1, 16, "<")
    return data.replace(struct.pack("<HHII", 256, 4, 1, WIDTH), struct.pack("<HHII", 256, 4, 1, 30000)).replace(
        struct.pack("<HHII", 257, 4, 1, HEIGHT), struct.pack("<HHII", 257, 4, 1, 30000)
    )


ZERO_WIDE = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 5, 8, 2, 0, 0, 0)) + chunk(b"IEND", b"")

# name: (bytes, expected part of the reason)
BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty file (0 bytes)"),
    "zero bytes": (bytes(5000), "nothing but 5,000 zero bytes"),
    "html": (b"<!DOCTYPE html><html><body>404</body></html>", "HTML page"),
    "html after space": (b"\r\n  <HTML lang=en>", "HTML page"),
    "html after a byte order mark": (b"\xef\xbb\xbf<!doctype HTML>", "HTML page"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG drawing"),
    "xml": (b"<?xml version='1.0'?><response success='false'/>", "XML document"),
    "json": (b'{"success": false}', "JSON document"),
    "text": ("Zu viele Anfragen, bitte später".encode(), "text"),
    "text that begins like a bmp": (b"BMW is a maker of cars, and of motor cycles.", "text"),
    "avif": (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", "an AVIF picture, which is not supported"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture, which is not supported"),
    "jpeg xl": (b"\xff\x0a\x10\x20\x30", "a JPEG XL picture, which is not supported"),
    "mp4": (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2", "an MP4 video"),
    "webm": (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01", "a WebM video"),
    "zip": (b"PK\x03\x04\x14\0\0\0\x08\0", "a ZIP archive"),
    "photoshop": (b"8BPS\0\x01\0\0\0\0\0\0\0\x03", "a Photoshop document"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
    "noise": (b"\x8f\x13\xfe\xa0\x9c\x77", "it begins with the bytes 8f 13 fe a0 9c 77"),
    "png cut": (cut("png rgb", 0.6), "truncated PNG"),
    "png header only": (cut("png rgb", 0) + GOOD["png rgb"][0][:33], "truncated PNG"),
    "png signature only": (GOOD["png rgb"][0][:8], "truncated PNG (ends after 8 bytes)"),
    "png interlaced cut": (cut("png rgb interlaced", 0.5), "truncated PNG"),
    "jpeg cut": (cut("jpeg", 0.85), "truncated JPEG"),
    "jpeg without its end": (GOOD["jpeg"][0][:-2], "truncated JPEG"),
    "png text bomb": (
        png(RGB, 8, 2, chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(3_000_000)))),
        "damaged PNG (its header cannot be read)",
    ),
    "jpeg progressive cut": (cut("jpeg progressive", 0.7), "truncated JPEG"),
    "jpeg header only": (GOOD["jpeg"][0][:30], "JPEG"),
    "jpeg start only": (b"\xff\xd8\xff", "JPEG"),
    "gif cut": (cut("gif", 0.5), "GIF"),
    "gif header only": (GOOD["gif"][0][:10], "GIF"),
    "webp cut": (cut("webp", 0.5), "truncated WebP"),
    "webp header only": (GOOD["webp"][0][:16], "WebP"),
    "bmp cut": (cut("bmp", 0.5), "truncated BMP"),
    "bmp header only": (GOOD["bmp"][0][:30], "BMP"),
    "tiff cut": (cut("tiff", 0.5), "TIFF"),
    "tiff lzw cut": (cut("tiff lzw", 0.5), "TIFF"),
    "tiff header only": (GOOD["tiff"][0][:8], "TIFF"),
    "png of width 0": (ZERO_WIDE, "PNG"),
    "png with damaged pixels": (
        GOOD["png rgb"][0].replace(b"IDAT", b"IDAT\x12\x34", 1),
        "PNG",
    ),
    "tiff of floats": (save(Image.fromarray(GRAY.astype(np.float32)), "TIFF"), "white level is not stated"),
    "tiff 32 bits": (save(Image.fromarray(GRAY.astype(np.int32)), "TIFF"), "white level is not stated"),
    "bomb png": (bomb_png(), "20,000 × 20,000 pixels are more than the 100,000,000 allowed"),
    "bomb jpeg": (bomb_jpeg(), "60,000 × 60,000 pixels are more"),
    "bomb gif": (bomb_gif(), "60,000 × 60,000 pixels are more"),
    "bomb bmp": (bomb_bmp(), "50,000 × 50,000 pixels are more"),
    "bomb webp": (bomb_webp(), "more pixels than can be allowed"),
    "bomb tiff": (bomb_tiff(), "30,000 × 30,000 pixels are more"),
}


def test_corpus_is_large_enough() -> None:
    assert len(GOOD) + len(BAD) >= 130


@pytest.mark.parametrize("name", GOOD)
def test_decodes_to_the_right_picture(name: str) -> None:
    data, right, tolerance = GOOD[name]
    image = decode(data)
    assert (image.mode, image.size, image.info) == ("RGB", right.shape[1::-1], {})
    error = np.abs(np.asarray(image).astype(int) - right)
    assert np.percentile(error, 90) <= tolerance  # lossy codecs blur the borders of the quarters
    if tolerance == 0:
        assert error.max() == 0


@pytest.mark.parametrize("name", BAD)
def test_refuses_with_a_reason(name: str) -> None:
    data, reason = BAD[name]
    with pytest.raises(ImageError) as caught:
        decode(data)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "object at 0x" not in str(caught.value)


def test_cuts_never_give_half_a_picture() -> None:
    for name in ("png rgb", "jpeg", "jpeg progressive", "gif", "webp", "webp lossless", "bmp", "tiff lzw"):
        whole = len(GOOD[name][0])
        # the last 20 bytes of a PNG are only checksums
        for length in range(0, whole - 21, max(1, whole // 40)):
            with pytest.raises(ImageError):
                decode(GOOD[name][0][:length])


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted(GOOD)),
    at=st.floats(0, 1),
    noise=st.binary(min_size=1, max_size=12),
    end=st.floats(0.3, 1.2),
)
def test_damage_gives_a_picture_or_a_reason(name: str, at: float, noise: bytes, end: float) -> None:
    data = bytearray(GOOD[name][0])
    data[int(at * len(data)) : int(at * len(data)) + len(noise)] = noise
    try:
        image = decode(bytes(data[: int(end * len(data))]), max_pixels=4_000_000)
    except ImageError as error:
        assert str(error)
        assert "\n" not in str(error)
    else:
        assert image.mode == "RGB"


def test_size_limits_hold_at_their_edges() -> None:
    data = GOOD["png rgb"][0]
    assert decode(data, max_pixels=WIDTH * HEIGHT, min_side=HEIGHT).size == (WIDTH, HEIGHT)
    with pytest.raises(ImageError, match="32 × 24 pixels are more than the 767 allowed"):
        decode(data, max_pixels=WIDTH * HEIGHT - 1)
    with pytest.raises(ImageError, match="32 × 24 pixels: the shortest side is under 25"):
        decode(data, min_side=HEIGHT + 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_draft_size_leaves_a_quarter_more(kind: str) -> None:
    data = save(Image.new("RGB", (640, 410), "teal"), kind)
    shrinks = kind == "JPEG"
    assert decode(data).size == (640, 410)
    assert decode(data, draft_size=165).size == (640, 410)
    assert decode(data, draft_size=164).size == ((320, 205) if shrinks else (640, 410))
    assert decode(data, draft_size=81).size == ((160, 103) if shrinks else (640, 410))


def test_draft_keeps_pictures_upright_and_inverted_cmyk() -> None:
    turned_on_side = save(Image.new("RGB", (640, 400), "teal"), "JPEG", exif=exif(6))
    assert decode(turned_on_side, draft_size=160).size == (200, 320)
    ink = save(Image.new("CMYK", (400, 400), (0, 255, 255, 0)), "JPEG")
    assert decode(ink, draft_size=100).getpixel((50, 50)) == (255, 0, 0)


def test_no_warning_leaks_even_when_warnings_are_reset() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for data, _, _ in GOOD.values():
            decode(data)
        decode(save(Image.new("1", (9500, 9500)), "PNG"))  # above Pillow's warning limit, below ours
    assert [str(w.message) for w in caught] == []


def test_threads_decode_alike() -> None:
    names = list(GOOD)[:20] * 4
    results: dict[int, bytes] = {}

    def work(start: int) -> None:
        for i in range(start, len(names), 4):
            results[i] = decode(GOOD[names[i]][0]).tobytes()

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(results[i] == decode(GOOD[name][0]).tobytes() for i, name in enumerate(names))


@pytest.mark.parametrize("kind, names", [
    ("png", ["png rgb", "apng"]), ("jpg", ["jpeg", "jpeg pair (mpo)"]), ("gif", ["gif", "gif animated"]),
    ("webp", ["webp"]), ("bmp", ["bmp", "bmp alpha"]), ("tiff", ["tiff", "tiff 16 bits big endian"]),
])  # fmt: skip
def test_sniff_goes_by_content(kind: str, names: list[str]) -> None:
    assert [sniff(GOOD[name][0]) for name in names] == [kind] * len(names)


@pytest.mark.parametrize("name", ["empty", "html", "text that begins like a bmp", "avif", "mp4"])
def test_sniff_knows_no_others(name: str) -> None:
    assert sniff(BAD[name][0]) is None


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "1"])
def test_encode_png_is_exact_and_repeats(mode: str) -> None:
    image = RGBA_IMAGE.convert(mode)
    image.info = {"icc_profile": SWAPPED, "dpi": (72, 72), "Comment": "x"}
    data = encode_png(image)
    again = Image.open(io.BytesIO(data))
    assert (again.mode, again.tobytes()) == (mode, image.tobytes())
    assert encode_png(again) == data
    assert set(again.info) == set()
    assert image.info["dpi"] == (72, 72)
