"""Colours and scores the held-out lineart at each checkpoint of a training, and selects the checkpoint that serves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from cyclegan.painting.checkpoint import Weights
from cyclegan.painting.painter import Painter
from cyclegan.scoring.samples import looked_at, sample_sheet, translate_all
from cyclegan.scoring.score import Score, Scorer
from cyclegan.scoring.selection import Candidate, Choice, choose, faults
from cyclegan.scoring.served import coloured_by
from imaging.lineart import Normalization, normalize
from imaging.pseudo_pair import DrawingStyle, pseudo_pair

FEWEST_TO_SCORE = 4  # held-out pictures of each domain


@dataclass(frozen=True)
class Judgement:
    """The samples and scores of one checkpoint.

    Attributes:
        sheet: the samples, for people.
        scores: by kind of weights; empty if too few pictures are held out.
    """

    sheet: Image.Image
    scores: dict[Weights, Score]


class Judge:
    """Scores the checkpoints of a run and keeps all scores; `state_dict` is stored in checkpoints."""

    def __init__(
        self,
        lineart: Sequence[np.ndarray],
        colour: Sequence[np.ndarray],
        others: Sequence[np.ndarray],
        toned: Normalization,
        device: torch.device,
        style: DrawingStyle | None = None,
    ) -> None:
        """Prepares the scoring.

        Args:
            lineart: held-out drawings, uint8 (H, W).
            colour: held-out colour pictures, uint8 (H, W, 3).
            others: drawings, uint8 (H, W), for the samples if no lineart is held out.
            toned: how the drawings were normalized.
            device: on which other checkpoints are scored.
            style: of the training drawings; None: the usual one.
        """
        self._shown = lineart or others[:FEWEST_TO_SCORE]
        self._toned, self._device = toned, device
        can_score = min(len(lineart), len(colour)) >= FEWEST_TO_SCORE
        pairs = [pseudo_pair(picture, style or DrawingStyle()) for picture in colour if can_score]
        self._lines_b = [normalize(pair.draw(), toned).image for pair in pairs]
        self._scorer = Scorer(lineart, [pair.colour for pair in pairs], self._lines_b) if can_score else None
        self._scores: list[dict[str, Any]] = []

    def judge(self, step: int, painters: Mapping[Weights, Painter]) -> Judgement:
        """Colours the held-out lineart and scores the result.

        Args:
            step: of the checkpoint.
            painters: with the averaged weights ("ema") and with those of the last step ("raw").
        """
        outputs = {weights: translate_all(painter, self._shown) for weights, painter in painters.items()}
        sheet = sample_sheet(self._shown, outputs["ema"], outputs["raw"], looked_at(painters["ema"], self._shown))
        if self._scorer is None:
            return Judgement(sheet, {})
        scores = {
            weights: self._scorer.score(outputs[weights], translate_all(painter, self._lines_b))
            for weights, painter in painters.items()
        }
        self._scores += [
            {"step": step, "weights": weights, "score": score.to_dict()} for weights, score in scores.items()
        ]
        return Judgement(sheet, scores)

    def score_of(self, checkpoint: Path, weights: Weights) -> Score | None:
        """Scores a checkpoint of another run on the same drawings; None if too few pictures are held out.

        Args:
            checkpoint: the file.
            weights: "ema" or "raw".

        Raises:
            CheckpointError: the file cannot be loaded (its text is one line).
        """
        if self._scorer is None:
            return None
        shown, anew = (
            coloured_by(checkpoint, weights, pages, self._toned, self._device) for pages in (self._shown, self._lines_b)
        )
        return self._scorer.score(shown, anew)

    def choice(self, kept: Collection[int], newest: int) -> Choice:
        """Selects the checkpoint that should serve.

        Args:
            kept: steps of the checkpoints that exist.
            newest: step of the newest checkpoint, which is selected if there are no scores.
        """
        if self._scores:
            return choose(list(self._candidates()), kept)
        reason = f"the newest, not scored: fewer than {FEWEST_TO_SCORE} pictures of a domain were held out"
        return Choice(newest, "ema", 0.0, {}, reason)

    def best(self, kept: Collection[int], count: int) -> list[int]:
        """Ranks the checkpoints by score; those without faults come first.

        Args:
            kept: steps of the checkpoints that exist.
            count: number of checkpoints to return, at most.

        Returns:
            Steps, the best first.
        """
        ranks: dict[int, tuple[bool, float]] = {}
        for each in self._candidates():
            rank = not faults(each.score), each.score.selecting
            ranks[each.step] = max(rank, ranks.get(each.step, rank))
        return sorted(ranks.keys() & set(kept), key=ranks.__getitem__, reverse=True)[:count]

    def table(self) -> list[dict[str, Any]]:
        """Returns the rows of scores.csv."""
        return [
            {"step": each.step, "weights": each.weights, "value": each.score.value, **each.score.parts}
            for each in self._candidates()
        ]

    def _candidates(self) -> Iterator[Candidate]:
        for each in self._comparable():
            yield Candidate(each["step"], each["weights"], Score.from_dict(each["score"]))

    def _comparable(self) -> list[dict[str, Any]]:
        """Returns the scores by the formula of the newest one; an older version of this program had fewer parts."""
        newest = self._scores[-1]["score"]["parts"].keys() if self._scores else ()
        return [each for each in self._scores if each["score"]["parts"].keys() == newest]

    def state_dict(self) -> list[dict[str, Any]]:
        return list(self._scores)

    def load_state_dict(self, state: Sequence[dict[str, Any]]) -> None:
        self._scores = list(state)
