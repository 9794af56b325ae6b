"""Reads files of layers with other code than that which wrote them, and composes them as editors do."""

import io
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as xml
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Placed:
    """A layer that was read: RGBA, where it lies, and whether it is multiplied."""

    name: str
    image: Image.Image
    left: int
    top: int
    multiplied: bool


def read_ora(data: bytes) -> tuple[tuple[int, int], list[Placed]]:
    """Reads an OpenRaster file: its size, and the layers from bottom to top."""
    with ZipFile(io.BytesIO(data)) as file:
        first = file.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", ZIP_STORED)
        assert file.read("mimetype") == b"image/openraster" and data[30:54] == b"mimetypeimage/openraster"
        root = xml.fromstring(file.read("stack.xml"))
        size = int(root.attrib["w"]), int(root.attrib["h"])
        with Image.open(file.open("Thumbnails/thumbnail.png")) as small:
            assert max(small.size) == min(256, max(size))
        (stack,) = root
        return size, [_placed(file, each) for each in reversed([*stack.iter("layer")])]


def _placed(file: ZipFile, layer: xml.Element) -> Placed:
    path, operation = layer.attrib["src"], layer.attrib["composite-op"]
    assert not path.startswith("/") and operation in ("svg:src-over", "svg:multiply")
    with Image.open(file.open(path)) as image:
        assert image.mode == "RGBA" and not image.info.get("interlace")
        image.load()
    return Placed(
        layer.attrib["name"], image, int(layer.attrib["x"]), int(layer.attrib["y"]), operation == "svg:multiply"
    )


def groups(data: bytes) -> dict[str, list[str]]:
    """The names of the layers in each group of an OpenRaster file, from bottom to top."""
    with ZipFile(io.BytesIO(data)) as file:
        root = xml.fromstring(file.read("stack.xml"))
    return {
        each.get("name", ""): [layer.attrib["name"] for layer in reversed(each)]
        for each in root.iterfind("stack/stack")
    }


def read_psd(data: bytes) -> tuple[tuple[int, int], list[Placed]]:
    """Reads a PSD file by Adobe's specification: its size, and the layers from bottom to top, without groups."""
    file = io.BytesIO(data)
    _, height, width, _, _ = _unpacked(file, "12xHIIHH")
    for _ in range(2):
        file.seek(_unpacked(file, "I")[0], io.SEEK_CUR)
    _, _, count = _unpacked(file, "IIh")
    records = [_record(file) for _ in range(abs(count))]
    layers = []
    for name, mode, (top, left, bottom, right), channels in records:
        planes = {number: _plane(file, length, bottom - top, right - left) for number, length in channels}
        if bottom > top:
            picture = np.stack([planes[number] for number in (0, 1, 2, -1)], 2)
            layers.append(Placed(name, Image.fromarray(picture), left, top, mode == b"mul "))
    return (width, height), layers


def _unpacked(file: io.BytesIO, layout: str) -> tuple[Any, ...]:
    return struct.unpack(f">{layout}", file.read(struct.calcsize(f">{layout}")))


def _record(file: io.BytesIO) -> tuple[str, bytes, tuple[int, int, int, int], list[tuple[int, int]]]:
    """Reads a layer's name, blend mode, top, left, bottom and right, and its channels with their lengths."""
    top, left, bottom, right, number = _unpacked(file, "iiiiH")
    channels = [_unpacked(file, "hI") for _ in range(number)]
    mode, length = _unpacked(file, "4x4s4xI")
    extra = file.read(length)
    at = extra.index(b"8BIMluni") + 12
    letters = struct.unpack_from(">I", extra, at)[0]
    name = extra[at + 4 : at + 4 + 2 * letters].decode("utf-16-be").rstrip("\0")
    return name, mode, (top, left, bottom, right), channels


def _plane(file: io.BytesIO, length: int, height: int, width: int) -> np.ndarray:
    """Reads a channel: raw, or each row by PackBits."""
    data = io.BytesIO(file.read(length))
    if _unpacked(data, "H")[0] == 1:
        data.seek(2 * height, io.SEEK_CUR)  # the rows' lengths
        return np.frombuffer(_unpacked_bits(data.read()), np.uint8).reshape(height, width)
    return np.frombuffer(data.read(), np.uint8).reshape(height, width)


def _unpacked_bits(packed: bytes) -> bytes:
    found, at = bytearray(), 0
    while at < len(packed):
        head = packed[at]
        if head < 128:
            found += packed[at + 1 : at + 2 + head]
            at += 2 + head
        else:
            found += packed[at + 1 : at + 2] * (257 - head if head > 128 else 0)
            at += 2 if head > 128 else 1
    return bytes(found)


def compose(size: tuple[int, int], layers: Iterable[Placed]) -> np.ndarray:
    """Composes layers by the W3C's Compositing and Blending Level 1; (h, w, 4) float, not premultiplied, 0..255."""
    colour, opacity = np.zeros((size[1], size[0], 3), np.float32), np.zeros((size[1], size[0], 1), np.float32)
    for layer in layers:
        box = np.s_[layer.top : layer.top + layer.image.height, layer.left : layer.left + layer.image.width]
        pixels = np.asarray(layer.image, np.float32) / 255
        source, alpha, below = pixels[..., :3], pixels[..., 3:], opacity[box]
        under = np.divide(colour[box], below, out=np.zeros_like(colour[box]), where=below > 0)
        blended = (1 - below) * source + below * source * under if layer.multiplied else source
        colour[box] = alpha * blended + (1 - alpha) * colour[box]
        opacity[box] = alpha + below * (1 - alpha)
    plain = np.divide(colour, opacity, out=np.zeros_like(colour), where=opacity > 0)
    return np.concatenate([plain, opacity], 2) * 255


def difference(composed: np.ndarray, picture: Image.Image) -> float:
    """The largest difference to a picture in grey levels, of opacity, and of colour where anything is seen."""
    wanted = np.asarray(picture.convert("RGBA"), np.float32)
    gaps = np.abs(composed - wanted)
    gaps[..., :3][wanted[..., 3] == 0] = 0
    return float(gaps.max())
