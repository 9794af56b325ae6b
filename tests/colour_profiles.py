"""Builds ICC profiles that change a picture visibly, so that a decoder that ignores them is found out."""

import struct

import numpy as np
from PIL import Image, ImageCms


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
