"""Measures outputs against the known colourings of a portrait: all that the artist's palette allows.

Lineart does not tell which colours the portrait had, so an output is compared with the nearest of all its
colourings: each hair colour with each skin colour. Everything else (flowers, lips, glasses) keeps the seed's colour.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from demo.drawings import HAIR_COLOURS, SKIN_COLOURS, Drawing
from demo.pictures import portrait
from imaging.codec import decode
from imaging.colour import to_lab

HAIR = tuple(itertools.chain.from_iterable(HAIR_COLOURS.values()))
_PAPER = 250  # pixels of lineart at least this light are not part of a line
_LEAST_SHARE = 0.01  # of the picture; smaller areas of hair or skin are not compared
_APART = 20.0  # ΔE*ab; a plainly visible difference


@dataclass(frozen=True)
class Truth:
    """All colourings of one portrait at one size.

    Attributes:
        colourings: (n, p, 3) float16, CIE Lab colours of the p pixels without a line, one row for each colouring.
        areas: (H, W) bool, the pixels without a line.
        hair: (H, W) bool, those of `areas` that are hair.
        skin: (H, W) bool, those of `areas` that are skin.
    """

    colourings: np.ndarray
    areas: np.ndarray
    hair: np.ndarray
    skin: np.ndarray

    @classmethod
    def of(cls, seed: int, size: int) -> "Truth":
        """Renders every colouring of a portrait, in about 0.2 s.

        Args:
            seed: seed of the drawing.
            size: width and height in pixels.
        """
        drawing = Drawing(seed)
        areas = portrait(seed, "A", size)[..., 0] >= _PAPER
        labs = {
            (hair, skin): to_lab(np.array(decode(drawing.render("B", size, hair=hair, skin=skin))))
            for hair in HAIR
            for skin in SKIN_COLOURS
        }
        first = labs[HAIR[0], SKIN_COLOURS[0]]
        return cls(
            np.stack([lab[areas] for lab in labs.values()]).astype(np.float16),
            areas,
            areas & _differ(first, labs[HAIR[1], SKIN_COLOURS[0]]),
            areas & _differ(first, labs[HAIR[0], SKIN_COLOURS[1]]),
        )

    def distance(self, output: np.ndarray) -> float:
        """Measures how far an output is from its nearest colouring.

        Args:
            output: (H, W, 3) uint8, RGB.

        Returns:
            Mean ΔE*ab (CIE 1976) over the pixels without a line.
        """
        difference = self.colourings.astype(np.float32) - to_lab(output)[self.areas]
        return float(np.sqrt((difference**2).sum(axis=2)).mean(axis=1).min())

    def tells_hair_from_skin(self, output: np.ndarray) -> bool | None:
        """Tells whether the mean colours of hair and skin differ by more than 20 ΔE*ab (CIE 1976).

        Args:
            output: (H, W, 3) uint8, RGB.

        Returns:
            Whether they do; None if hair or skin covers less than 1 % of the picture.
        """
        if min(self.hair.mean(), self.skin.mean()) < _LEAST_SHARE:
            return None
        lab = to_lab(output)
        return bool(np.linalg.norm(lab[self.hair].mean(axis=0) - lab[self.skin].mean(axis=0)) > _APART)


def told_apart(truths: Sequence[Truth], outputs: Iterable[np.ndarray]) -> float:
    """Returns the share, 0..1, of the portraits with enough hair and skin to compare whose hair and skin differ.

    Args:
        truths: one for each portrait.
        outputs: one (H, W, 3) uint8 RGB picture for each portrait, in the same order.

    Returns:
        NaN if there are no such portraits.
    """
    told = [truth.tells_hair_from_skin(output) for truth, output in zip(truths, outputs, strict=True)]
    compared = [each for each in told if each is not None]
    return float(np.mean(compared)) if compared else math.nan


def _differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(one - other, axis=2) > 1)
