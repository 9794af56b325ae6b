"""Drawings of 16 bits a channel keep their tones: the high byte counts, not the low one."""

import io
import struct
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from imaging.codec import decode, decode_drawing

HEIGHT, WIDTH = 6, 32
Samples = npt.NDArray[np.uint16]
# from black to white, in steps whose low bytes are nothing like their high ones
GREY: Samples = (np.arange(HEIGHT * WIDTH) * 337 % 65536).astype(np.uint16).reshape(HEIGHT, WIDTH)
RGB: Samples = np.dstack([GREY, 65535 - GREY, np.roll(GREY, 7)])
ALPHA: Samples = np.full_like(GREY, 0x80FE)
ALPHA[:, ::2] = 0xFF03


def png(samples: Samples, colour_type: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(samples: Samples, order: str) -> bytes:
    """Uncompressed, of 1, 3 or 4 samples a pixel; the fourth is unassociated alpha."""
    channels = samples.shape[2] if samples.ndim == 3 else 1
    data = samples.astype(f"{order}u2").tobytes()
    words = struct.pack(f"{order}{channels}H", *[16] * channels).ljust(4, b"\0")
    bits_at = 8 + len(data)
    entries: list[tuple[int, int, int, int]] = [
        (256, 4, 1, WIDTH), (257, 4, 1, HEIGHT), (258, 3, channels, bits_at if channels > 2 else 16),
        (259, 3, 1, 1), (262, 3, 1, 2 if channels > 1 else 1), (273, 4, 1, 8), (277, 3, 1, channels),
        (278, 4, 1, HEIGHT), (279, 4, 1, len(data)),
    ]  # fmt: skip
    if channels == 4:
        entries.append((338, 3, 1, 2))
    directory = struct.pack(f"{order}H", len(entries))
    for tag, kind, count, value in entries:
        is_short = kind == 3 and count == 1
        content = struct.pack(f"{order}HH", value, 0) if is_short else struct.pack(f"{order}I", value)
        directory += struct.pack(f"{order}HHI", tag, kind, count) + content
    start = bits_at + len(words)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(f"{order}I", start) + data + words + directory + bytes(4)


def eight_bits(samples: Samples) -> npt.NDArray[np.int64]:
    return np.rint(samples / 257).astype(np.int64)


FILES = {
    "grey png": (png(GREY, 0), np.dstack([GREY] * 3), None),
    "rgb png": (png(RGB, 2), RGB, None),
    "grey png with alpha": (png(np.dstack([GREY, ALPHA]), 4), np.dstack([GREY] * 3), ALPHA),
    "rgba png": (png(np.dstack([RGB, ALPHA]), 6), RGB, ALPHA),
    "grey tiff": (tiff(GREY, "<"), np.dstack([GREY] * 3), None),
    "grey tiff, other byte order": (tiff(GREY, ">"), np.dstack([GREY] * 3), None),
    "rgb tiff": (tiff(RGB, "<"), RGB, None),
    "rgb tiff, other byte order": (tiff(RGB, ">"), RGB, None),
    "rgba tiff": (tiff(np.dstack([RGB, ALPHA]), "<"), RGB, ALPHA),
}


@pytest.mark.parametrize("name", FILES)
def test_tones_of_sixteen_bits_come_out_as_they_are(name: str) -> None:
    data, colours, alpha = FILES[name]
    drawing = decode_drawing(data)
    found = np.asarray(drawing).astype(int)
    assert np.abs(found[..., :3] - eight_bits(colours)).max() <= 1
    if alpha is None:
        assert drawing.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(decode(data)), found)
    else:
        assert drawing.mode == "RGBA"
        assert np.abs(found[..., 3] - eight_bits(alpha)).max() <= 1
        opaque = eight_bits(alpha)[..., None] / 255
        on_white = found[..., :3] * opaque + 255 * (1 - opaque)
        assert np.abs(np.asarray(decode(data)) - on_white).max() <= 2


def test_pillow_s_own_deep_files_are_read_alike() -> None:
    for kind in ("PNG", "TIFF"):
        buffer = io.BytesIO()
        Image.fromarray(GREY).save(buffer, kind)
        np.testing.assert_array_equal(np.asarray(decode(buffer.getvalue()))[..., 0], eight_bits(GREY))
