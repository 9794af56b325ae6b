"""Writes layers as an OpenRaster file, which Krita, GIMP and MyPaint open.

As the draft 0.0.5 of the specification at openraster.org says it: a ZIP with "mimetype" first, as it is; then the
layers as PNG, stack.xml with the uppermost layer first, the merged picture, and a thumbnail.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from xml.etree import ElementTree as xml
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from PIL import Image

from imaging.codec import encode_png
from imaging.editor_layers import FLATS, EditorLayer

MIMETYPE = "image/openraster"
_SHOWN = {"opacity": "1.0", "visibility": "visible"}  # the defaults, for readers that know none
_THUMBNAIL_SIDE = 256  # px, the most that the specification allows


def encode_ora(layers: Iterable[EditorLayer], merged: Image.Image) -> bytes:
    """Encodes layers. The same pixels always give the same bytes.

    Args:
        layers: from bottom to top; those of the group of flats follow each other.
        merged: the picture that they show. `info["dpi"]` is written, if there is one.

    Returns:
        The bytes of the file.
    """
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as file:
        _add(file, "mimetype", MIMETYPE.encode())
        stack = xml.Element("stack")
        flats = xml.Element("stack", {"name": FLATS, **_SHOWN})
        for number, layer in enumerate(layers):
            path = f"data/layer{number:03}.png"
            _add(file, path, encode_png(layer.image))
            if layer.in_flats and not len(flats):
                stack.insert(0, flats)
            (flats if layer.in_flats else stack).insert(0, _described(layer, path))
        _add(file, "stack.xml", _document(stack, merged), ZIP_DEFLATED)
        _add(file, "mergedimage.png", encode_png(merged))
        thumbnail = merged.copy()
        thumbnail.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
        _add(file, "Thumbnails/thumbnail.png", encode_png(thumbnail))
    return buffer.getvalue()


def _described(layer: EditorLayer, path: str) -> xml.Element:
    operation = "svg:multiply" if layer.multiplied else "svg:src-over"
    place = {"x": str(layer.left), "y": str(layer.top)}
    return xml.Element("layer", {"name": layer.name, "src": path, **place, "composite-op": operation, **_SHOWN})


def _document(stack: xml.Element, merged: Image.Image) -> bytes:
    root = xml.Element("image", version="0.0.5", w=str(merged.width), h=str(merged.height))
    if "dpi" in merged.info:
        across, down = merged.info["dpi"]
        root.attrib |= {"xres": str(round(across)), "yres": str(round(down))}
    root.append(stack)
    return bytes(xml.tostring(root, "UTF-8", xml_declaration=True))


def _add(file: ZipFile, name: str, data: bytes, compression: int = ZIP_STORED) -> None:
    info = ZipInfo(name)  # of 1980, so that the bytes do not depend on the time
    info.compress_type = compression
    file.writestr(info, data)
