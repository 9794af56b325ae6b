"""The checkpoint score: how good are a generator's pictures of held-out lineart? 0 = lineart untouched, 100 = like B.

S = 100 R F. Realism R asks whether the set of outputs looks like domain B, faithfulness F whether each output still
obeys its drawing. They are multiplied because a memorized colour picture wins every measure of realism, and the
untouched lineart every measure of faithfulness. No pretrained network, no paired truth, no random state of the
caller's. Scores compare only within one Scorer: the same held-out drawings and the same reference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cyclegan.scoring import faithfulness, realism
from imaging.colour import to_lab

RESAMPLES = 200
REALISM_WEIGHTS = {"b_swd": 0.30, "b_feat": 0.30, "b_pal": 0.25, "b_col": 0.15}
FAITHFULNESS_WEIGHTS = {"b_line": 0.9, "b_struct": 0.6, "b_art": 0.4}


class ScoreError(Exception):
    """The pictures cannot be scored; str() says why in one line."""


@dataclass(frozen=True)
class Score:
    """What one generator reached on the held-out drawings. Plain numbers only, so it travels in a checkpoint.

    value: S over all held-out drawings, 0..100.
    parts: the faults b_swd, b_feat, b_pal, b_col (against R) and b_line, b_struct, b_art (against F),
        each 0 = none .. 1 = as bad as it gets.
    measures: the raw numbers behind the parts and the gates; `*_b` is domain B's own level.
    selecting, reporting: S over the even and over the odd drawings: choose by one, quote the other.
    resamples: S over RESAMPLES bootstrap draws of the even drawings, the same draws for every Score of a
        Scorer, so that a difference of two Scores' resamples is a paired bootstrap.
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

    def __init__(self, lineart: Sequence[np.ndarray], colour: Sequence[np.ndarray]) -> None:
        """lineart: n >= 4 uint8 (H, W); colour: m >= 4 uint8 (H, W, 3), not the drawings' own colour versions."""
        if min(len(lineart), len(colour)) < 4:
            raise ScoreError(
                f"a score needs 4 held-out drawings and 4 colour pictures, not {len(lineart)} and {len(colour)}"
            )
        self._shapes = [drawing.shape for drawing in lineart]
        self._subsets = _subsets(len(lineart))
        self._extract = realism.Extractor()
        self._drawings = [faithfulness.read_lineart(to_lab(drawing)) for drawing in lineart]
        colour_labs = [to_lab(picture) for picture in colour]
        self._reference = realism.Reference(self._extract(colour_labs, colour))
        self._b = np.mean([faithfulness.measure(faithfulness.read_picture(lab), lab) for lab in colour_labs], axis=0)
        self._range = self._realism_range(lineart)

    def score(self, outputs: Sequence[np.ndarray]) -> Score:
        """Score uint8 (H, W, 3) outputs, one for each held-out drawing in the same order and of its size."""
        if [output.shape for output in outputs] != [(*shape, 3) for shape in self._shapes]:
            raise ScoreError("outputs must match the held-out drawings one by one, in number and in size")
        labs = [to_lab(output) for output in outputs]
        features = self._extract(labs, outputs)
        obeyed = np.array([faithfulness.measure(d, lab) for d, lab in zip(self._drawings, labs, strict=True)])
        parts = self._realism_parts(features) | self._faithfulness_parts(obeyed)
        values = combine(parts)
        return Score(
            value=float(values[0]),
            parts={name: float(part[0]) for name, part in parts.items()},
            measures=self._measures(features, obeyed),
            selecting=float(values[1]),
            reporting=float(values[2]),
            resamples=[float(value) for value in values[3:]],
        )

    def _realism_range(self, lineart: Sequence[np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Each distance's floor (as close as B itself) and ceiling (the untouched lineart), one for each subset."""
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

    def _faithfulness_parts(self, obeyed: np.ndarray) -> dict[str, np.ndarray]:
        recall, soft, within, noise = (self._subsets @ obeyed).T
        _, soft_b, within_b, noise_b = self._b
        # margins and units by benchmarks.selection: a stricter look at faint ramps ranks checkpoints worse
        leak = np.maximum((soft - soft_b - 0.07) / 0.25, (within - within_b) / 8.0)
        return {
            "b_line": ((0.95 - recall) / 0.45).clip(0, 1),
            "b_struct": leak.clip(0, 1),
            "b_art": (np.log2((noise + 0.5) / (noise_b + 0.5)) / 4.0).clip(0, 1),
        }

    def _measures(self, features: realism.Features, obeyed: np.ndarray) -> dict[str, float]:
        names = faithfulness.MEASURES
        found = dict(zip(names, obeyed.mean(axis=0), strict=True)) | {"soft_median": np.median(obeyed[:, 1])}
        own = {f"{name}_b": value for name, value in zip(names, self._b, strict=True)}
        spread = {"diversity": realism.diversity(features), "diversity_b": self._reference.diversity}
        return {name: float(value) for name, value in (found | own | spread).items()}


def combine(parts: Mapping[str, np.ndarray]) -> np.ndarray:
    """S = 100 R F from the parts, element by element, 0..100."""
    realistic = 1.0 - sum(weight * parts[name] for name, weight in REALISM_WEIGHTS.items())
    faithful = np.prod([1.0 - weight * parts[name] for name, weight in FAITHFULNESS_WEIGHTS.items()], axis=0)
    return 100.0 * realistic * faithful


def _subsets(count: int) -> np.ndarray:
    """Weights (3 + RESAMPLES, count) over the drawings: all, the even, the odd, bootstrap draws of the even."""
    even = np.arange(0, count, 2)
    drawn = np.random.default_rng(0).choice(even, size=(RESAMPLES, len(even)))
    chosen = [np.arange(count), even, np.arange(1, count, 2), *drawn]
    counts = np.array([np.bincount(indices, minlength=count) for indices in chosen])
    return counts / counts.sum(axis=1, keepdims=True)
