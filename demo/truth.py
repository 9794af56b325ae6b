"""What is known of a portrait: every colouring that the artist's palette allows, and how far from them an output is.

A drawing does not say which colours it had, so an output is measured against the nearest of all its colourings:
each hair colour with each skin colour. Everything else (flowers, lips, glasses) keeps the seed's own colour.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from demo.drawings import HAIR_COLOURS, SKIN_COLOURS, Drawing
from demo.pictures import portrait
from imaging.codec import decode
from imaging.colour import to_lab

HAIR = tuple(itertools.chain.from_iterable(HAIR_COLOURS.values()))
_PAPER = 250  # lineart lighter than this is no line
_LEAST_SHARE = 0.01  # of the picture; smaller areas of hair or skin say nothing
_APART = 20.0  # ΔE*ab that nobody overlooks


@dataclass(frozen=True)
class Truth:
    """One portrait at one size.

    colourings: (n, p, 3) float16 CIE Lab of the p pixels without a line, one row for each colouring.
    areas, hair, skin: (H, W) bool, pixels without a line, and those of them that are hair and skin.
    """

    colourings: np.ndarray
    areas: np.ndarray
    hair: np.ndarray
    skin: np.ndarray

    @classmethod
    def of(cls, seed: int, size: int) -> "Truth":
        """Renders every colouring of `seed` at `size` × `size` px, some 0.2 s."""
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
        """Mean ΔE*ab (CIE 1976) of a uint8 (H, W, 3) output to its nearest colouring, where no line is."""
        difference = self.colourings.astype(np.float32) - to_lab(output)[self.areas]
        return float(np.sqrt((difference**2).sum(axis=2)).mean(axis=1).min())

    def tells_hair_from_skin(self, output: np.ndarray) -> bool | None:
        """Whether the mean colours of hair and skin are apart; None where too little of either is to be seen."""
        if min(self.hair.mean(), self.skin.mean()) < _LEAST_SHARE:
            return None
        lab = to_lab(output)
        return bool(np.linalg.norm(lab[self.hair].mean(axis=0) - lab[self.skin].mean(axis=0)) > _APART)


def measure(truths: Sequence[Truth], outputs: Sequence[np.ndarray]) -> tuple[float, float]:
    """Mean distance (ΔE*ab), and the share of the portraits, 0..1, whose hair is told from their skin."""
    told = [truth.tells_hair_from_skin(output) for truth, output in zip(truths, outputs, strict=True)]
    distances = [truth.distance(output) for truth, output in zip(truths, outputs, strict=True)]
    return float(np.mean(distances)), float(np.mean([each for each in told if each is not None]))


def _differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(one - other, axis=2) > 1)
