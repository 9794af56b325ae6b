"""Recognizes image formats by the first bytes of a file and by the extension of its name."""

import unicodedata
from codecs import getincrementaldecoder
from collections.abc import Iterable
from enum import StrEnum
from importlib.util import find_spec
from pathlib import PurePosixPath

FORMAT_NAMES = {"png": "PNG", "jpg": "JPEG", "webp": "WebP", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF"}
_ENDINGS = {
    ".png": "png", ".apng": "png", ".jpg": "jpg", ".jpeg": "jpg", ".jpe": "jpg", ".jfif": "jpg", ".webp": "webp",
    ".gif": "gif", ".bmp": "bmp", ".dib": "bmp", ".tif": "tiff", ".tiff": "tiff",
}  # fmt: skip

# extensions of pictures in other formats, which their owner can export
_EXPORTABLE_ENDINGS = frozenset(
    ".ai .avif .clip .eps .heic .heif .jp2 .jxl .kra .lip .mdp .ora .pcx .pdf .procreate .psb .psd .sai .sai2 .svg .tga"
    " .xcf".split()
)
# and of other files that people and programs may take for pictures
_FOREIGN_ENDINGS = _EXPORTABLE_ENDINGS.union(
    ".cbr .cbz .cr2 .csv .dng .exr .htm .html .ico .json .mov .mp4 .nef .ps .pt .raw .txt .webm .zip".split()
)


class LayerFile(StrEnum):
    """A kind of file that holds a coloured drawing's layers."""

    ORA = "ora"
    PSD = "psd"
    LABELS = "labels"


LAYER_ENDINGS = {LayerFile.ORA: ".ora", LayerFile.PSD: ".psd", LayerFile.LABELS: ".labels.png"}

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
    (4, b"ftypavis", "an AVIF animation, which is not supported"),
    (4, b"ftyphei", "a HEIC picture, which is not supported"),
    (4, b"ftyphev", "a HEIC picture, which is not supported"),
    (4, b"ftypmif1", "a HEIF picture, which is not supported"),
    (4, b"ftypqt", "a QuickTime video"),
    (4, b"ftyp", "an MP4 video"),
    (0, b"\x1ae\xdf\xa3", "a WebM video"),
    (30, b"mimetypeapplication/x-krita", "a Krita document: export it as PNG or TIFF"),
    (30, b"mimetypeimage/openraster", "an OpenRaster document: export it as PNG or TIFF"),
    (0, b"pk\x03\x04", "a ZIP archive"),
    (0, b"rar!", "a RAR archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"8bps", "a Photoshop document: export it as PNG or TIFF"),
    (0, b"csfchunk", "a Clip Studio document: export it as PNG or TIFF"),
    (0, b"sai-canvas", "a SAI document: export it as PNG or TIFF"),
    (0, b"mdipack", "a MediBang document: export it as PNG or TIFF"),
    (0, b"gimp xcf", "a GIMP document: export it as PNG or TIFF"),
    (0, b"%!ps", "a PostScript document: export its pages as PNG or TIFF"),
    (0, b"sqlite format 3", "a database"),
    (0, b"\0\0\1\0", "an icon, which is not supported: export it as PNG"),
    (0, b"v/1\1", "an EXR picture, which is not supported"),
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


def is_foreign(name: str) -> bool:
    """Tells whether the extension stands for another kind of file, so that nobody means a folder by it."""
    return PurePosixPath(name).suffix.lower() in _FOREIGN_ENDINGS


def exportable(name: str) -> str:
    """Returns the extension, in lower case, if it stands for a picture or drawing that is not read; otherwise ""."""
    ending = PurePosixPath(name).suffix.lower()
    return ending if ending in _EXPORTABLE_ENDINGS else ""


def lacking(files: Iterable[LayerFile]) -> str:
    """Returns what must be installed to write these files, in words for people, or ""."""
    if LayerFile.PSD in files and not find_spec("psd_tools"):
        return "PSD needs psd-tools: pip install -e '.[psd]'"
    return ""


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
    if _is_text(data[:1024]):
        return "not a picture but text"
    return f"not a picture: it begins with the bytes {data[:8].hex(' ')}"


def _is_text(head: bytes) -> bool:
    """Whether bytes are UTF-8, as far as they go, without the control characters that no text has."""
    try:
        text = getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut off
    except UnicodeDecodeError:
        return False
    return not any(unicodedata.category(letter) == "Cc" and not letter.isspace() for letter in text)
