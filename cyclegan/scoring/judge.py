"""The judge of a training: colours the held-out lineart at each checkpoint, scores it, and chooses what serves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from cyclegan.painting.checkpoint import Weights
from cyclegan.painting.painter import Painter
from cyclegan.scoring.samples import sample_sheet, translate
from cyclegan.scoring.score import Score, Scorer
from cyclegan.scoring.selection import Candidate, Choice, choose, faults

FEWEST_TO_SCORE = 4  # held-out pictures of each domain


@dataclass(frozen=True)
class Judgement:
    """Of one checkpoint. sheet: for people.  scores: by kind of weights; {} where there is too little to score on."""

    sheet: Image.Image
    scores: dict[Weights, Score]


class Judge:
    """Remembers every score of a run. What it knows travels in checkpoints: `state_dict`."""

    def __init__(
        self,
        lineart: Sequence[np.ndarray],
        colour: Sequence[np.ndarray],
        others: Sequence[np.ndarray],
        device: torch.device,
    ) -> None:
        """lineart, colour: the held-out pictures.  others: drawings to show where no lineart was held out."""
        self._shown = lineart or others[:FEWEST_TO_SCORE]
        self._device = device
        enough = min(len(lineart), len(colour)) >= FEWEST_TO_SCORE
        self._scorer = Scorer(lineart, colour) if enough else None
        self._scores: list[dict[str, Any]] = []

    def judge(self, step: int, painters: Mapping[Weights, Painter]) -> Judgement:
        """Colours, scores and remembers what the painters ("ema" and "raw") have learnt by this step."""
        outputs = {
            weights: [translate(painter, drawing, self._device) for drawing in self._shown]
            for weights, painter in painters.items()
        }
        sheet = sample_sheet(self._shown, outputs["ema"], outputs["raw"])
        if self._scorer is None:
            return Judgement(sheet, {})
        scores = {weights: self._scorer.score(images) for weights, images in outputs.items()}
        self._scores += [
            {"step": step, "weights": weights, "score": score.to_dict()} for weights, score in scores.items()
        ]
        return Judgement(sheet, scores)

    def choice(self, kept: Collection[int], newest: int) -> Choice:
        """Which of the checkpoints that are kept (steps) should serve; without scores, the newest."""
        if self._scores:
            return choose(list(self._candidates()), kept)
        reason = f"the newest, not scored: fewer than {FEWEST_TO_SCORE} pictures of a domain were held out"
        return Choice(newest, "ema", 0.0, {}, reason)

    def best(self, kept: Collection[int], count: int) -> list[int]:
        """Steps of the `count` checkpoints with the highest scores, of those that are kept."""
        merits: dict[int, tuple[bool, float]] = {}
        for each in self._candidates():
            merit = not faults(each.score), each.score.selecting
            merits[each.step] = max(merit, merits.get(each.step, merit))
        return sorted(merits.keys() & set(kept), key=merits.__getitem__, reverse=True)[:count]

    def table(self) -> list[dict[str, Any]]:
        """The rows of scores.csv."""
        return [
            {"step": each.step, "weights": each.weights, "value": each.score.value, **each.score.parts}
            for each in self._candidates()
        ]

    def _candidates(self) -> Iterator[Candidate]:
        for each in self._scores:
            yield Candidate(each["step"], each["weights"], Score.from_dict(each["score"]))

    def state_dict(self) -> list[dict[str, Any]]:
        return list(self._scores)

    def load_state_dict(self, state: Sequence[dict[str, Any]]) -> None:
        self._scores = list(state)
