"""Measures a picture against all colourings that a style's palette allows, as demo.truth does for the demo's portraits.

Lineart does not tell which of the palette's colours a portrait had: a single known colouring calls an equally right
choice wrong. Here each option of a style (hair, shirt …) may have any of its colours, except those that the style
excludes because they would hide one option in another.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import ImageColor

from benchmarks.styles import colours_of, draw, drawn_with, excluded
from imaging.colour import to_lab

_PAPER = 250  # pixels of lineart at least this light are not part of a line
_WHITE, _BLACK = "#ffffff", "#000000"
_MOSTLY = 0.5  # share of a pixel that an option colours; others overlay it by translucent or antialiased shapes


@dataclass(frozen=True)
class Option:
    """The pixels that mostly have the colour of one option of a style.

    Attributes:
        where: (p,) int, their indices among the pixels without a line.
        labs: (c, p, 3) float32, CIE Lab colours of these pixels, one row for each colour of the option.
    """

    where: np.ndarray
    labs: np.ndarray

    def costs(self, lab: np.ndarray) -> np.ndarray:
        """Returns (c,) sums of ΔE*ab (CIE 1976) of a picture's pixels (all, 3) to the option in each colour."""
        return np.asarray(np.linalg.norm(self.labs - lab[self.where], axis=2).sum(axis=1))


@dataclass(frozen=True)
class Colourings:
    """All colourings of one portrait at one size.

    Attributes:
        areas: (H, W) bool, the pixels without a line.
        fixed: (all, 3) float32, CIE Lab colours of these pixels as the seed draws them.
        options: the options that are seen in this portrait.
        allowed: bool, a dimension for each of the options with its colours; False where the style excludes them.
    """

    areas: np.ndarray
    fixed: np.ndarray
    options: Sequence[Option]
    allowed: np.ndarray

    @classmethod
    def of(cls, style: str, seed: int, size: int) -> "Colourings":
        """Renders a portrait with each colour of each option.

        Args:
            style: one of benchmarks.styles.STYLES that has options.
            seed: seed of the drawing.
            size: width and height in pixels.
        """
        lines, picture = draw(style, seed, size)
        areas = lines >= _PAPER
        found = {name: _option(style, seed, size, name, areas) for name in colours_of(style)}
        seen = {name: option for name, option in found.items() if option}
        return cls(areas, to_lab(picture)[areas], list(seen.values()), _allowed(style, list(seen)))

    def distance(self, output: np.ndarray) -> float:
        """Measures how far an output (H, W, 3) uint8 RGB is from its nearest colouring.

        Returns:
            Mean ΔE*ab (CIE 1976) over the pixels without a line.
        """
        lab = to_lab(output)[self.areas]
        rest = np.ones(len(lab), bool)
        total = np.where(self.allowed, 0.0, np.inf)
        for axis, option in enumerate(self.options):
            rest[option.where] = False
            costs = option.costs(lab)
            total = total + costs.reshape([-1 if each == axis else 1 for each in range(self.allowed.ndim)])
        return float((total.min() + np.linalg.norm(lab - self.fixed, axis=1)[rest].sum()) / len(lab))


def _option(style: str, seed: int, size: int, name: str, areas: np.ndarray) -> Option | None:
    """Returns the pixels of an option in each of its colours, beside the other options as the seed colours them.

    None where the option is not seen in this portrait.
    """
    white = dict.fromkeys(colours_of(style), _WHITE)
    dark, light = (drawn_with(style, seed, white | {name: colour}, size)[areas] for colour in (_BLACK, _WHITE))
    share = (light.astype(np.float32) - dark).mean(axis=1) / 255.0
    where = np.flatnonzero(share > _MOSTLY)
    if not len(where):
        return None
    picture = draw(style, seed, size)[1][areas].astype(np.float32)
    own = picture[share.argmax()]
    others = picture[where] - share[where, None] * own  # what else is seen there: renderers blend linearly
    shown = np.stack([others + share[where, None] * _rgb(colour) for colour in colours_of(style)[name]])
    return Option(where, to_lab(np.rint(shown).clip(0, 255).astype(np.uint8)))


def _rgb(colour: str) -> np.ndarray:
    return np.array(ImageColor.getrgb(colour), np.float32)


def _allowed(style: str, names: Sequence[str]) -> np.ndarray:
    """Returns which colours go together; see :class:`Colourings`."""
    colours: Mapping[str, Sequence[str]] = colours_of(style)
    allowed = np.ones([len(colours[name]) for name in names], bool)
    for one, other in itertools.combinations(range(len(names)), 2):
        if names[other] in excluded(style, names[one]) or names[one] in excluded(style, names[other]):
            same = np.equal.outer(colours[names[one]], colours[names[other]])
            shape = [allowed.shape[axis] if axis in (one, other) else 1 for axis in range(allowed.ndim)]
            allowed &= ~same.reshape(shape)
    return allowed
