"""Files that are no picture, half a picture or too large a one, each with the reason for which it is refused."""

import struct
import zlib

import numpy as np
from PIL import Image

from tests.good_pictures import GOOD
from tests.picture_files import (
    DEEP,
    GRAY,
    HEIGHT,
    RGB,
    WIDTH,
    chunk,
    png,
    save,
    tiff,
)


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
