"""Draws portraits in several artists' styles, each as lineart and in colour, pixel by pixel alike."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import resvg_py
from dicebear import Avatar, Style
from PIL import Image

from demo.pictures import portrait
from imaging.codec import decode
from imaging.colour import to_lab
from imaging.ink import lineart_gray

CREDIT = (
    '"Adventurer" by Lisa Wischofsky (CC BY 4.0), "Micah" by Micah Lanier (CC BY 4.0), "Open Peeps" by Pablo Stanley'
)

# options of DiceBear's styles that take a colour, and the colours of those that are black by default
_STYLES: dict[str, dict[str, list[str]]] = {
    "micah": {
        "base": [], "earring": [], "eyeShadow": [], "glasses": [], "shirt": [],
        "hair": ["#d2eff3", "#e0ddff", "#f4d150", "#ac6651", "#9287ff", "#ffeba4", "#fc909f", "#6bd9e9", "#77311d"],
    },
    "open-peeps": {
        "skin": [], "clothing": [],
        "headContrast": ["#d6b370", "#f59797", "#b58143", "#a55728", "#c93305", "#8fa7df", "#9ddadb"],
    },
}  # fmt: skip
STYLES = ("adventurer", *_STYLES)
_PAPER = 250  # pixels of lineart at least this light are not part of a line


@dataclass(frozen=True)
class Known:
    """A portrait whose colours are known.

    Attributes:
        lines: (H, W) uint8.
        colour: (H, W, 3) uint8 RGB.
    """

    lines: np.ndarray
    colour: np.ndarray

    def distance(self, picture: np.ndarray) -> float:
        """Measures how far a picture (H, W, 3) uint8 is from the colours: mean ΔE*ab (CIE 1976) beside the lines."""
        area = self.lines >= _PAPER
        return float(np.linalg.norm(to_lab(picture)[area] - to_lab(self.colour)[area], axis=1).mean())


def draw(style: str, seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws one portrait.

    Args:
        style: one of STYLES.
        seed: decides everything but the size.
        size: width and height in pixels.

    Returns:
        Lineart (size, size) uint8, and the colour version (size, size, 3) uint8 RGB.
    """
    if style == "adventurer":
        lines, colour = portrait(seed, "A", size), portrait(seed, "B", size)
        return np.ascontiguousarray(lines[..., 0]), colour
    white = {f"{name}Color": ["#ffffff"] for name in _STYLES[style]}
    chosen = {f"{name}Color": values for name, values in _STYLES[style].items() if values}
    return lineart_gray(_render(style, seed, white, size)), np.array(_render(style, seed, chosen, size))


def drawn_with(style: str, seed: int, colours: Mapping[str, str], size: int) -> np.ndarray:
    """Draws a portrait, (size, size, 3) uint8 RGB, with a colour (#rrggbb) for each option that has one."""
    return np.array(_render(style, seed, {f"{name}Color": [colour] for name, colour in colours.items()}, size))


def colours_of(style: str) -> dict[str, list[str]]:
    """Returns the colours (#rrggbb) that each option of a style may have."""
    own = _definition(style)["colors"]
    return {name: values or own[name]["values"] for name, values in _STYLES[style].items()}


def excluded(style: str, option: str) -> list[str]:
    """Returns the options whose colour an option may not have."""
    named: list[str] = _definition(style)["colors"][option]["notEqualTo"]
    return named


def _render(style: str, seed: int, colours: dict[str, list[str]], size: int) -> Image.Image:
    drawn = str(Avatar(_style(style), {"seed": str(seed), **colours}))
    return decode(
        resvg_py.svg_to_bytes(svg_string=drawn, width=size, height=size, background="white", skip_system_fonts=True)
    )


@cache
def _style(name: str) -> Style:
    return Style(_definition(name))


@cache
def _definition(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(files("dicebear_styles").joinpath(f"{name}.json").read_text("utf-8"))
    return read
