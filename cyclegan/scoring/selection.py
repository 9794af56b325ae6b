"""Selects the checkpoint that serves: the most stable of those whose scores do not differ clearly from the best.

Raw weights swing from step to step, and the highest score of so many is more often a lucky one
(benchmarks.selection): averaged weights serve, unless raw ones are better by three standard errors or alone fit to
serve. Of averaged ones, too, the highest score is partly luck. So candidates within one standard error of the best
(paired bootstrap over the drawings) count as equal. Of these, the selection takes the one whose neighbours in
training have high scores too. It uses one half of the held-out drawings and reports the score on the other half.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cyclegan.painting.checkpoint import Weights
from cyclegan.scoring.score import Score

MIN_LINE_RECALL = 0.8
MIN_DIVERSITY = 0.5  # as a share of domain B's diversity
MAX_SOFT = 3.0  # as a multiple of domain B's share of soft pixels
FARTHEST = 1.0  # from the true colours of domain B, as a multiple of white paper's distance
CLEARLY = 3.0  # standard errors
CLEAN = 0.05  # smallest share of soft pixels assumed for B; flat drawings may have none


@dataclass(frozen=True)
class Candidate:
    """A painter that could serve.

    Attributes:
        step: of the checkpoint.
        weights: averaged ("ema") or those of the step itself ("raw").
        score: of these weights.
    """

    step: int
    weights: Weights
    score: Score


@dataclass(frozen=True)
class Choice:
    """The selected candidate.

    Attributes:
        step: of the checkpoint.
        weights: averaged ("ema") or those of the step itself ("raw").
        score: S on the drawings that were not used to select, 0..100.
        parts: as in Score.
        reason: for the selection, in words.
    """

    step: int
    weights: Weights
    score: float
    parts: dict[str, float]
    reason: str


def choose(candidates: Sequence[Candidate], kept: Collection[int] | None = None) -> Choice:
    """Selects the candidate that should serve.

    Args:
        candidates: all scored candidates of the training, with scores from one Scorer. Scores of deleted checkpoints
            are used too, to see how stable their neighbours are.
        kept: steps of the checkpoints that still exist; None: all.

    Raises:
        ValueError: there is no candidate to select.
    """
    present = [candidate for candidate in candidates if kept is None or candidate.step in kept]
    if not present:
        raise ValueError("no scored checkpoint to choose from")
    sound = [candidate for candidate in present if not faults(candidate.score)]
    compared = _of_better_kind(sound or present)
    best = max(compared, key=lambda candidate: candidate.score.selecting)
    equal = [candidate for candidate in compared if _as_good(candidate.score, best.score)]
    chosen = max(equal, key=lambda candidate: (_stability(candidate, candidates), candidate.score.selecting))
    reason = "; ".join([*_reasons(chosen, len(equal), len(compared), present), *_swings(candidates)])
    return Choice(chosen.step, chosen.weights, chosen.score.reporting, chosen.score.parts, reason)


def _of_better_kind(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Returns those with averaged weights, or those with raw ones if these are clearly better."""
    averaged, raw = ([each for each in candidates if each.weights == kind] for kind in ("ema", "raw"))
    if not (averaged and raw):
        return averaged or raw
    best, other = (max((each.score for each in kind), key=lambda score: score.selecting) for kind in (averaged, raw))
    return raw if other.selecting > best.selecting + CLEARLY * _error(other, best) else averaged


def faults(score: Score) -> list[str]:
    """Returns, in words, the faults that make outputs unfit to serve, whatever their score."""
    measures, parts = score.measures, score.parts
    found = {
        "lines lost": measures["line_recall"] < MIN_LINE_RECALL,
        "all alike": measures["diversity"] < MIN_DIVERSITY * measures["diversity_b"],
        "colours bleed": measures["soft_median"] > MAX_SOFT * max(measures["soft_b"], CLEAN),
        "colours that suit less than white paper": parts.get("b_suit", 0.0) > FARTHEST,
    }
    return [words for words, present in found.items() if present]


def swing(candidates: Sequence[Candidate], weights: Weights) -> float:
    """Returns the mean change of S from one checkpoint to the next: how much a score depends on the last batches.

    Args:
        candidates: of a training.
        weights: the kind of weights to compare.

    Returns:
        In points of 100; 0 for fewer than two checkpoints.
    """
    values = [candidate.score.value for candidate in _series(candidates, weights)]
    return float(np.abs(np.diff(values)).mean()) if len(values) > 1 else 0.0


def _as_good(score: Score, best: Score) -> bool:
    return bool(score.selecting >= best.selecting - _error(score, best))


def _error(one: Score, other: Score) -> float:
    """Returns the standard error of the difference of two scores."""
    return float(np.std(np.subtract(one.resamples, other.resamples)))


def _series(candidates: Sequence[Candidate], weights: Weights) -> list[Candidate]:
    of_kind = (candidate for candidate in candidates if candidate.weights == weights)
    return sorted(of_kind, key=lambda candidate: candidate.step)


def _stability(candidate: Candidate, candidates: Sequence[Candidate]) -> float:
    """Returns the median of S over the candidate and its neighbours in training."""
    series = _series(candidates, candidate.weights)
    at = series.index(candidate)
    return float(np.median([near.score.selecting for near in series[max(0, at - 1) : at + 2]]))


def _reasons(chosen: Candidate, num_equal: int, num_compared: int, present: Sequence[Candidate]) -> Iterator[str]:
    name = "averaged" if chosen.weights == "ema" else "raw"
    yield f"{name} weights of step {chosen.step:,}: score {chosen.score.reporting:.1f} on drawings not used to choose"
    if num_equal > 1:
        yield f"the steadiest of {num_equal} candidates that are equal within the noise"
    elif num_compared > 1:
        yield f"clearly the best of {num_compared} candidates"
    unfit = [candidate for candidate in present if faults(candidate.score)]
    if len(unfit) == len(present):
        yield f"although none passed the checks (this one: {', '.join(faults(chosen.score))})"
    elif unfit:
        yield f"{len(unfit)} of {len(present)} left out: {_left_out(present)}"


def _swings(candidates: Sequence[Candidate]) -> Iterator[str]:
    if min(len(_series(candidates, "ema")), len(_series(candidates, "raw"))) > 1:
        raw, ema = swing(candidates, "raw"), swing(candidates, "ema")
        yield f"from checkpoint to checkpoint raw weights change by {raw:.1f} points, averaged by {ema:.1f}"


def _left_out(candidates: Sequence[Candidate]) -> str:
    return ", ".join(sorted({fault for candidate in candidates for fault in faults(candidate.score)}))
