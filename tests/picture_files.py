"""Builds files of small pictures, byte by byte where Pillow cannot write them, and what they must look like."""

import io
import struct
import zlib

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.colour_profiles import cmyk_profile

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
