"""Recognizes image formats by the first bytes of a file and by the extension of its name."""

from pathlib import PurePosixPath

FORMAT_NAMES = {"png": "PNG", "jpg": "JPEG", "webp": "WebP", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF"}
_ENDINGS = {
    ".png": "png", ".apng": "png", ".jpg": "jpg", ".jpeg": "jpg", ".jpe": "jpg", ".jfif": "jpg", ".webp": "webp",
    ".gif": "gif", ".bmp": "bmp", ".dib": "bmp", ".tif": "tiff", ".tiff": "tiff",
}  # fmt: skip

_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)

# files that servers often send instead of a picture: (offset, bytes there in lower case, name)
_FOREIGN = [
    (0, b"<!doctype html", "an HTML page"),
    (0, b"<html", "an HTML page"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an XML document"),
    (0, b"{", "a JSON document"),
    (0, b"[", "a JSON document"),
    (4, b"ftypavif", "an AVIF picture, which is not supported"),
    (4, b"ftypheic", "a HEIC picture, which is not supported"),
    (4, b"ftypmif1", "a HEIF picture, which is not supported"),
    (4, b"ftyp", "an MP4 video"),
    (0, b"\x1ae\xdf\xa3", "a WebM video"),
    (0, b"pk\x03\x04", "a ZIP archive"),
    (0, b"8bps", "a Photoshop document: export it as PNG or TIFF"),
    (0, b"%pdf", "a PDF document: export its pages as PNG or TIFF"),
    (0, b"\xff\x0a", "a JPEG XL picture, which is not supported"),
    (4, b"jxl ", "a JPEG XL picture, which is not supported"),
    (4, b"jp  ", "a JPEG 2000 picture, which is not supported"),
]


def sniff(data: bytes) -> str | None:
    """Returns the format by the first bytes: "png", "jpg", "webp", "gif", "bmp", "tiff", or None for any other."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    # "BM" alone also begins ordinary text
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "bmp"
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "tiff"
    return None


def promised_format(name: str) -> str | None:
    """Returns the format by the extension: "png", "jpg", "webp", "gif", "bmp", "tiff", or None for any other."""
    return _ENDINGS.get(PurePosixPath(name).suffix.lower())


def describe_foreign(data: bytes) -> str:
    """Describes a file that is not a supported picture, in words for its owner."""
    if not data:
        return "an empty file (0 bytes)"
    if not data.strip(b"\0"):
        return f"nothing but {len(data):,} zero bytes"
    head = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for offset, magic, name in _FOREIGN:
        if head[offset:].startswith(magic):
            return f"not a picture but {name}" if "picture" not in name else name
    try:
        data[:1024].decode("utf-8")
        return "not a picture but text"
    except UnicodeDecodeError:
        return f"not a picture: it begins with the bytes {data[:8].hex(' ')}"
