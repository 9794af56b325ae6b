"""Writes layers as a PSD file, which Photoshop, Clip Studio, Krita and GIMP open; needs psd-tools, the extra [psd]."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable

from PIL import Image

from imaging.editor_layers import FLATS, EditorLayer
from imaging.errors import ImageError
from imaging.srgb import on_white

LONGEST_SIDE = 30_000  # px, the limit of the format


def encode_psd(layers: Iterable[EditorLayer], merged: Image.Image) -> bytes:
    """Encodes layers.

    Args:
        layers: from bottom to top; those of the group of flats follow each other.
        merged: the picture that they show. `info["dpi"]` is written, if there is one.

    Returns:
        The bytes of the file.

    Raises:
        ImageError: a side is longer than the format allows.
    """
    from psd_tools import PSDImage
    from psd_tools.constants import BlendMode, Compression, Resource
    from psd_tools.psd import PSD
    from psd_tools.psd.header import FileHeader
    from psd_tools.psd.image_data import ImageData
    from psd_tools.psd.image_resources import ImageResource, ImageResources

    if max(merged.size) > LONGEST_SIDE:
        size = f"{merged.width:,} × {merged.height:,} pixels"
        raise ImageError(f"{size}: a PSD holds at most {LONGEST_SIDE:,} a side; ask for ORA")
    resources = ImageResources.new()
    if "dpi" in merged.info:
        resources[Resource.RESOLUTION_INFO] = ImageResource(key=Resource.RESOLUTION_INFO, data=_resolution(merged))
    # four channels, or psd-tools would make masks of the layers' transparency
    header = FileHeader(channels=4, width=merged.width, height=merged.height)
    record = PSD(header=header, image_data=ImageData(Compression.RLE), image_resources=resources)
    document = PSDImage(record)
    group = None
    for layer in layers:
        if layer.in_flats and group is None:
            group = document.create_group(name=FLATS, blend_mode=BlendMode.NORMAL)
        parent = group if layer.in_flats and group is not None else document
        mode = BlendMode.MULTIPLY if layer.multiplied else BlendMode.NORMAL
        made = parent.create_pixel_layer(layer.image, top=layer.top, left=layer.left, blend_mode=mode)
        made.name = layer.name  # given at creation, a name is written in one encoding and read in another
    # written from the record, as PSDImage.save would compose all layers again
    header.channels = len(merged.getbands())
    info = record.layer_and_mask_information.layer_info
    if merged.mode == "RGBA" and info is not None:
        info.layer_count *= -1  # says that the fourth channel is transparency, not a saved selection
    bands = [*on_white(merged).split(), *merged.split()[3:]]  # on white even where there is transparency
    record.image_data.set_data([band.tobytes() for band in bands], header)
    buffer = io.BytesIO()
    record.write(buffer)
    return buffer.getvalue()


def _resolution(merged: Image.Image) -> bytes:
    """Returns pixels per inch as 16.16 numbers; the ones say that these are per inch, and sizes are told in inches."""
    across, down = (round(min(value, 65535) * 65536) for value in merged.info["dpi"])
    return struct.pack(">IHHIHH", across, 1, 1, down, 1, 1)
