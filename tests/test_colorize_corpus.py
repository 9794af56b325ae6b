"""Colorizes difficult drawings of all sizes, formats and modes: each gives a correct output or the reason why not."""

import io
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.files import colorize_file
from imaging.codec import decode, decode_drawing
from imaging.errors import ImageError
from imaging.formats import promised_format, sniff
from tests.factories import save as save_checkpoint


def page(width: int = 67, height: int = 53, kind: str = "L") -> Image.Image:
    """Draws lines on white, with a black block in the upper left corner that shows the orientation."""
    gray = np.full((height, width), 255, np.uint8)
    if min(width, height) > 8:
        cv2.ellipse(gray, (width * 3 // 5, height * 3 // 5), (width // 4, height // 4), 0, 0, 360, 0, 2)
        cv2.line(gray, (width // 2, 1), (width - 3, height // 3), 0, 1)
    gray[: max(1, height // 5), : max(1, width // 5)] = 0
    return Image.fromarray(gray).convert(kind)


def figure(kind: str = "RGBA") -> Image.Image:
    """Draws a cut-out figure: the right fifth is transparent, with a soft edge."""
    image = page(kind="RGBA")
    alpha = np.full((53, 67), 255, np.uint8)
    alpha[:, 53:], alpha[:, 50:53] = 0, (190, 120, 60)
    image.putalpha(Image.fromarray(alpha))
    return image.convert(kind)


def file(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.copy().save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int = 67, height: int = 53) -> bytes:
    return file(page(width, height), "PNG")


def turned(orientation: int, kind: str) -> bytes:
    """Saves a page rotated or mirrored, with the orientation tag that undoes this."""
    back = {3: Image.Transpose.ROTATE_180, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"exif": exif.tobytes()} if kind != "TIFF" else {"tiffinfo": {0x0112: orientation}}
    options |= {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    return file(page(kind="RGB").transpose(back[orientation]), kind, **options)


def deep(ending: str, channels: int) -> bytes:
    """Saves a page with 16 bits a channel."""
    gray = np.asarray(page()).astype(np.uint16) * 257
    picture = gray if channels == 1 else np.dstack([gray] * 3 + [np.full_like(gray, 65535)] * (channels == 4))
    return bytes(cv2.imencode(ending, picture)[1])


def animated(kind: str) -> bytes:
    others = [page(kind="RGB").transpose(Image.Transpose.ROTATE_180)] * 2
    return file(page(kind="RGB"), kind, save_all=True, append_images=others, duration=100, lossless=True)


def bomb() -> bytes:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    data = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + data + png()[33:]


@dataclass(frozen=True)
class Case:
    """A file to colorize and the expected result.

    Attributes:
        name: name of the file.
        data: makes its contents.
        size: width and height of the output.
        alpha: whether the output has transparency.
        reason: expected text of the error, "" if there is an output.
    """

    name: str
    data: Callable[[], bytes]
    size: tuple[int, int] = (67, 53)
    alpha: bool = False
    reason: str = ""


SIZES = [(1, 1), (1, 2), (2, 1), (3, 3), (1, 700), (700, 1), (7, 11), (13, 997), (2003, 17), (31, 31), (32, 33),
         (101, 103), (257, 255), (640, 360), (1201, 1009), (3001, 701), (5000, 40),
         (8000, 31), (300, 8000)]  # fmt: skip
CASES = [
    *[Case(f"{w}x{h}.png", partial(png, w, h), (w, h)) for w, h in SIZES],
    *[Case(f"turned {o}.jpg", partial(turned, o, "JPEG")) for o in (3, 5, 6, 7, 8)],
    *[Case(f"turned 6.{e}", partial(turned, 6, k)) for e, k in [("png", "PNG"), ("webp", "WEBP"), ("tif", "TIFF")]],
    *[Case(f"{mode}.png", partial(file, page(kind=mode), "PNG")) for mode in ("1", "L", "P", "RGB")],
    Case("bilevel.tiff", lambda: file(page(kind="1"), "TIFF", compression="group4")),
    Case("cmyk.jpg", lambda: file(page(kind="CMYK"), "JPEG", quality=95)),
    Case("cmyk.tif", lambda: file(page(kind="CMYK"), "TIFF")),
    Case("lab.tif", lambda: file(page(kind="RGB").convert("LAB"), "TIFF")),
    Case("grey.JPEG", lambda: file(page(), "JPEG", quality=95)),
    Case("progressive.jpg", lambda: file(page(kind="RGB"), "JPEG", quality=95, progressive=True)),
    Case("deep grey.png", lambda: deep(".png", 1)),
    Case("deep.png", lambda: deep(".png", 3)),
    Case("deep clear.png", lambda: deep(".png", 4), alpha=True),
    Case("deep grey.tiff", lambda: deep(".tiff", 1)),
    Case("deep.tiff", lambda: deep(".tiff", 3)),
    Case("lossy.webp", lambda: file(page(kind="RGB"), "WEBP", quality=95)),
    Case("palette.gif", lambda: file(page(kind="P"), "GIF")),
    Case("frames.gif", lambda: animated("GIF")),
    Case("frames.webp", lambda: animated("WEBP")),
    Case("frames.apng", lambda: animated("PNG")),
    Case("plain.bmp", lambda: file(page(kind="RGB"), "BMP")),
    Case("one bit.bmp", lambda: file(page(kind="1"), "BMP")),
    Case("cut out.png", lambda: file(figure(), "PNG"), alpha=True),
    Case("cut out, grey.png", lambda: file(figure("LA"), "PNG"), alpha=True),
    Case("cut out.webp", lambda: file(figure(), "WEBP", lossless=True), alpha=True),
    Case("cut out.tiff", lambda: file(figure(), "TIFF"), alpha=True),
    Case("cut out, in truth a PNG.jpg", lambda: file(figure(), "PNG")),
    Case("clear colour.gif", lambda: file(figure(), "GIF"), alpha=True),
    Case("in truth a JPEG.png", lambda: file(page(), "JPEG", quality=95)),
    Case("no ending", png),
    Case("drawing.psd", png),
    Case("strip.webp", lambda: png(16_400, 3), reason="16,400 × 3 pixels: a WebP holds at most 16,383"),
    Case("empty.png", lambda: b"", reason="an empty file"),
    Case("zeros.png", lambda: bytes(5000), reason="nothing but 5,000 zero bytes"),
    Case("cut.png", lambda: png()[:120], reason="truncated PNG"),
    Case("cut.jpg", lambda: file(page(), "JPEG")[:-200], reason="truncated JPEG"),
    Case("cut.gif", lambda: file(page(), "GIF")[:60], reason="(truncated|damaged) GIF"),
    Case("cut.webp", lambda: file(page(), "WEBP", lossless=True)[:-40], reason="truncated WebP"),
    Case("cut.tiff", lambda: file(page(), "TIFF")[:1000], reason="(truncated|damaged) TIFF"),
    Case("cut.bmp", lambda: file(page(), "BMP")[:-900], reason="truncated BMP"),
    Case("scrambled.png", lambda: png()[:60] + b"\x55" * 40 + png()[100:], reason="damaged PNG|truncated PNG"),
    Case("text.png", lambda: b"Erinnerung: Milch kaufen", reason="not a picture but text"),
    Case("page.png", lambda: b"<!DOCTYPE html><html></html>", reason="not a picture but an HTML page"),
    Case("drawing.svg", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", reason="an SVG drawing"),
    Case("layers.psd", lambda: b"8BPS\0\1" + bytes(90), reason="a Photoshop document: export it as PNG or TIFF"),
    Case("pages.pdf", lambda: b"%PDF-1.7\n" + bytes(90), reason="a PDF document: export its pages as PNG or TIFF"),
    Case("photo.heic", lambda: b"\0\0\0\x18ftypheic" + bytes(90), reason="a HEIC picture, which is not supported"),
    Case("bomb.png", bomb, reason="60,000 × 60,000 pixels are more than"),
    Case("floats.tiff", lambda: file(page().convert("F"), "TIFF"), reason="32-bit grey"),
]


@pytest.fixture(scope="module")
def colorizer(tmp_path_factory: pytest.TempPathFactory) -> Colorizer:
    torch.set_num_threads(1)
    return Colorizer.load(save_checkpoint(tmp_path_factory.mktemp("model") / "x.pt"), device="cpu")


def test_there_are_enough() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_comes_out_right_or_says_why_not(case: Case, colorizer: Colorizer) -> None:
    data = case.data()
    if case.reason:
        with pytest.raises(ImageError) as raised:
            colorize_file(colorizer.paint, data, case.name)
        assert re.search(case.reason, str(raised.value))
        assert "\n" not in str(raised.value)
        return
    result = colorize_file(colorizer.paint, data, case.name).data
    assert sniff(result) == (promised_format(case.name) or "png")
    picture = decode_drawing(result)
    assert picture.size == case.size
    assert (picture.mode == "RGBA") == case.alpha
    check_lines(decode(data), decode(result), slack=0 if sniff(result) in ("png", "webp", "tiff", "bmp") else 40)
    if case.alpha:
        check_alpha(decode_drawing(data), picture, binary=sniff(result) == "gif")


def check_lines(line: Image.Image, colour: Image.Image, slack: int) -> None:
    """Checks that the output is upright and nowhere lighter than the drawing; the colours are an untrained model's."""
    before, after = (np.asarray(image).astype(int) for image in (line, colour))
    assert after[0, 0].max() <= 40
    assert (after <= before + slack).mean() > 0.99
    ink = before.max(axis=2) < 8
    assert after[ink].max() <= 40


def check_alpha(line: Image.Image, colour: Image.Image, binary: bool) -> None:
    before, after = (np.asarray(image.getchannel("A")) for image in (line, colour))
    assert ((before > 127) * 255 == after if binary else before == after).all()
