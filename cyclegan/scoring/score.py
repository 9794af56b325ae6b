"""Scores a generator's outputs for held-out lineart: 0 for unchanged lineart, 100 for outputs like domain B.

S = 100 R F C. Realism R measures whether the set of outputs looks like domain B, faithfulness F whether each output
matches its drawing, and C whether the colours suit what is drawn: whether held-out pictures of B, coloured anew from
their own extracted lines, get the colours that they had, and unlike ones where they had unlike ones. The three are
multiplied, because a memorized colour picture has perfect realism, unchanged lineart has perfect faithfulness, and good
colours on the wrong things have both. The score needs no pretrained network and no paired pictures, and does not change
the caller's random state. Scores are comparable only within one Scorer: the same held-out drawings and the same
reference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cyclegan.scoring import faithfulness, realism
from cyclegan.scoring.suitability import Suitability, subset_weights
from imaging.colour import to_lab

RESAMPLES = 200
REALISM_WEIGHTS = {"b_swd": 0.30, "b_feat": 0.30, "b_pal": 0.25, "b_col": 0.15}
SUITABILITY_WEIGHTS = {"b_suit": 0.5, "b_apart": 0.5}  # so that colours no nearer than white paper halve the score
FAITHFULNESS_WEIGHTS = {"b_line": 0.9, "b_struct": 0.6, "b_art": 0.4}


class ScoreError(Exception):
    """Pictures that cannot be scored. Its text is one line that says why."""


@dataclass(frozen=True)
class Score:
    """The score of one generator on the held-out drawings. Contains plain numbers only, so checkpoints can store it.

    Attributes:
        value: S over all held-out drawings, 0..100.
        parts: the faults b_swd, b_feat, b_pal, b_col (they lower R), b_line, b_struct, b_art (they lower F), and b_suit
            and b_apart (they lower C), each from 0 (none) to 1 (worst); b_suit to 2, see `Suitability.faults`.
        measures: the measurements behind the parts and behind `selection.faults`; `*_b` is domain B's own value.
        selecting: S over the even drawings, by which checkpoints are selected, 0..100.
        reporting: S over the odd drawings, which is reported, 0..100.
        resamples: S over RESAMPLES bootstrap draws of the even drawings. All Scores of a Scorer have the same draws, so
            the difference of two Scores' resamples is a paired bootstrap.
    """

    value: float
    parts: dict[str, float]
    measures: dict[str, float]
    selecting: float
    reporting: float
    resamples: list[float]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Score":
        return cls(**stored)


class Scorer:
    """Scores sets of outputs for fixed held-out drawings against a fixed sample of domain B."""

    def __init__(
        self, lineart: Sequence[np.ndarray], colour: Sequence[np.ndarray], lines: Sequence[np.ndarray] = ()
    ) -> None:
        """Prepares the reference.

        Args:
            lineart: at least 4 held-out drawings, uint8 (H, W).
            colour: at least 4 held-out colour pictures, uint8 (H, W, 3) RGB, not versions of the drawings.
            lines: the extracted lines of these pictures, uint8 (H, W); none: it is not measured whether colours suit.

        Raises:
            ScoreError: there are fewer than 4 of either (its text is one line).
        """
        if min(len(lineart), len(colour)) < 4:
            raise ScoreError(
                f"a score needs 4 held-out drawings and 4 colour pictures, not {len(lineart)} and {len(colour)}"
            )
        self._shapes = [drawing.shape for drawing in lineart]
        self._subsets = subset_weights(len(lineart), 3 + RESAMPLES)
        self._extract = realism.Extractor()
        self._drawings = [faithfulness.read_lineart(to_lab(drawing)) for drawing in lineart]
        colour_labs = [to_lab(picture) for picture in colour]
        self._reference = realism.Reference(self._extract(colour_labs, colour))
        self._b = np.mean([faithfulness.measure(faithfulness.read_picture(lab), lab) for lab in colour_labs], axis=0)
        self._range = self._realism_range(lineart)
        self._suitability = Suitability(colour_labs, lines) if lines else None

    def score(self, outputs: Sequence[np.ndarray], coloured_anew: Sequence[np.ndarray] = ()) -> Score:
        """Scores a generator's outputs.

        Args:
            outputs: uint8 (H, W, 3) RGB, one for each held-out drawing, in the same order and of the same size.
            coloured_anew: the same for the extracted lines of the held-out colour pictures.

        Raises:
            ScoreError: number or sizes do not match the drawings (its text is one line).
        """
        if [output.shape for output in outputs] != [(*shape, 3) for shape in self._shapes]:
            raise ScoreError("outputs must match the held-out drawings one by one, in number and in size")
        labs = [to_lab(output) for output in outputs]
        features = self._extract(labs, outputs)
        measured = np.array([faithfulness.measure(d, lab) for d, lab in zip(self._drawings, labs, strict=True)])
        parts = self._realism_parts(features) | self._faithfulness_parts(measured)
        measures = self._measures(features, measured)
        if self._suitability is not None:
            found = self._suitability.faults(coloured_anew, len(self._subsets))
            parts |= {f"b_{name}": values for name, values in found.items()}
        values = combine(parts)
        return Score(
            value=float(values[0]),
            parts={name: float(part[0]) for name, part in parts.items()},
            measures=measures,
            selecting=float(values[1]),
            reporting=float(values[2]),
            resamples=[float(value) for value in values[3:]],
        )

    def _realism_range(self, lineart: Sequence[np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Returns each distance's floor (for B itself) and ceiling (for unchanged lineart), one per subset."""
        pictures = [np.repeat(drawing[..., None], 3, axis=2) for drawing in lineart]
        untouched = self._extract([to_lab(picture) for picture in pictures], pictures)
        ceiling = self._reference.distances(untouched, self._subsets)
        half = self._reference.floor(len(lineart) // 2)
        whole = self._reference.floor(len(lineart))
        floor = {name: np.full(len(self._subsets), half[name]) for name in half}
        for name, value in whole.items():
            floor[name][0] = value
        return floor, ceiling

    def _realism_parts(self, features: realism.Features) -> dict[str, np.ndarray]:
        floor, ceiling = self._range
        found = self._reference.distances(features, self._subsets)
        return {
            f"b_{name}": ((found[name] - floor[name]) / np.maximum(ceiling[name] - floor[name], 1e-6)).clip(0, 1)
            for name in self._reference.NAMES
        }

    def _faithfulness_parts(self, measured: np.ndarray) -> dict[str, np.ndarray]:
        recall, soft, within, noise = (self._subsets @ measured).T
        _, soft_b, within_b, noise_b = self._b
        # constants found by benchmarks.selection: to count faint ramps more strictly ranks checkpoints worse
        leak = np.maximum((soft - soft_b - 0.07) / 0.25, (within - within_b) / 8.0)
        return {
            "b_line": ((0.95 - recall) / 0.45).clip(0, 1),
            "b_struct": leak.clip(0, 1),
            "b_art": (np.log2((noise + 0.5) / (noise_b + 0.5)) / 4.0).clip(0, 1),
        }

    def _measures(self, features: realism.Features, measured: np.ndarray) -> dict[str, float]:
        names = faithfulness.MEASURES
        found = dict(zip(names, measured.mean(axis=0), strict=True)) | {"soft_median": np.median(measured[:, 1])}
        own = {f"{name}_b": value for name, value in zip(names, self._b, strict=True)}
        spread = {"diversity": realism.diversity(features), "diversity_b": self._reference.diversity}
        return {name: float(value) for name, value in (found | own | spread).items()}


def combine(parts: Mapping[str, np.ndarray]) -> np.ndarray:
    """Computes S = 100 R F C from the parts.

    Args:
        parts: by name, as in Score, arrays of one shape; b_suit and b_apart may be missing.

    Returns:
        S, 0..100, of the same shape.
    """
    realistic = 1.0 - sum(weight * parts[name] for name, weight in REALISM_WEIGHTS.items())
    faithful = np.prod([1.0 - weight * parts[name] for name, weight in FAITHFULNESS_WEIGHTS.items()], axis=0)
    suiting = {name: weight for name, weight in SUITABILITY_WEIGHTS.items() if name in parts}
    suitable = np.prod([1.0 - weight * parts[name] for name, weight in suiting.items()], axis=0)
    return 100.0 * realistic * faithful * suitable
