"""Names colours in plain words, by the nearest of a small table in CIE Lab."""

from __future__ import annotations

import numpy as np

from imaging.colour import to_lab

_NAMES = {
    "black": 0x141414, "dark grey": 0x4B4B4B, "grey": 0x828282, "light grey": 0xC3C3C3, "white": 0xFFFFFF,
    "dark red": 0x7D1A20, "red": 0xD2282D, "coral": 0xF0786A, "salmon": 0xF0AFA0,
    "dark brown": 0x472C20, "brown": 0x7F5236, "light brown": 0xB18560, "beige": 0xE3CBA8, "peach": 0xFAD7BE,
    "orange": 0xF08B2B, "gold": 0xD4AA3C, "yellow": 0xF5E14B, "light yellow": 0xFAF3AF,
    "olive": 0x7B7B36, "dark green": 0x24502F, "green": 0x3F9B4A, "light green": 0xA2D794, "mint": 0xCBEEDB,
    "dark teal": 0x1F5558, "teal": 0x2E9A96, "turquoise": 0x7FD6D1,
    "navy": 0x1F2B59, "blue": 0x2F62C3, "light blue": 0x8FBDEB, "pale blue": 0xD2E6F5, "grey blue": 0x748AA2,
    "dark purple": 0x46265A, "purple": 0x7E46A5, "lavender": 0xC3AFE1,
    "magenta": 0xC83296, "pink": 0xF08CB9, "light pink": 0xFAD2DC,
}  # fmt: skip


def rgb(code: int) -> tuple[int, int, int]:
    """Returns red, green and blue of 0xRRGGBB."""
    return code >> 16, code >> 8 & 255, code & 255


_LAB = to_lab(np.array([[rgb(code) for code in _NAMES.values()]], np.uint8))[0]


def name_of(colour: tuple[int, int, int]) -> str:
    """Returns the name of an RGB colour, such as "light brown"."""
    lab = to_lab(np.array([[colour]], np.uint8))[0, 0]
    return list(_NAMES)[int(np.linalg.norm(_LAB - lab, axis=1).argmin())]
