"""Tests whether the score picks the right checkpoint: its correlation with the truth, and the regret of policies.

The portraits, in the styles of several artists, have known colourings, so every checkpoint of a training can be
measured against the truth, which no policy may use. Regret: how much farther from the truth the picked checkpoint is
than the best of its training, in ΔE. Ours picks by held-out pictures alone, none of which are among those that the
truth is measured on.

    python -m benchmarks.selection
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.harness import print_result, print_table
from benchmarks.recipes import RECIPES
from benchmarks.styles import STYLES
from benchmarks.trainings import distance, measure_all, portraits
from cyclegan.scoring.selection import Candidate, choose

Outcome = dict[str, Any]


def by_score(found: Sequence[Outcome]) -> Outcome:
    """Picks the checkpoint that our training would choose."""
    candidates = [Candidate(each["step"], each["weights"], each["score"]) for each in found]
    choice = choose(candidates)
    return next(each for each in found if (each["step"], each["weights"]) == (choice.step, choice.weights))


def last(weights: str) -> Callable[[Sequence[Outcome]], Outcome]:
    return lambda found: [each for each in found if each["weights"] == weights][-1]


def lowest(figure: str, weights: str) -> Callable[[Sequence[Outcome]], Outcome]:
    """Returns a policy that picks the lowest figure, among checkpoints that have it; the last where none has."""

    def pick(found: Sequence[Outcome]) -> Outcome:
        having = [each for each in found if each["weights"] == weights and not np.isnan(each[figure])]
        return min(having, key=lambda each: each[figure]) if having else last(weights)(found)

    return pick


POLICIES: dict[str, Callable[[Sequence[Outcome]], Outcome]] = {
    "ours": by_score,
    "last": last("raw"),
    "last EMA": last("ema"),
    "lowest cycle loss": lowest("cycle", "raw"),
    "lowest KID": lowest("kid", "raw"),
    "lowest KID, EMA": lowest("kid", "ema"),
}


def regrets(found: Sequence[Outcome]) -> dict[str, float]:
    best = min(each["distance"] for each in found)
    return {name: pick(found)["distance"] - best for name, pick in POLICIES.items()}


def correlation(found: Sequence[Outcome]) -> float:
    """Returns Spearman's rank correlation, -1..1, of the score with nearness to the truth.

    Args:
        found: all checkpoints of a training, with both weights.
    """
    scores = pd.Series([each["score"].value for each in found]).rank()
    return float(scores.corr(pd.Series([-each["distance"] for each in found]).rank()))


def swings(found: Sequence[Outcome], weights: str) -> float:
    """Returns the mean change of the distance to the truth between checkpoints, in ΔE, in a training's second half."""
    values = [each["distance"] for each in found if each["weights"] == weights]
    return float(np.abs(np.diff(values[len(values) // 2 :])).mean())


def untouched(style: str) -> float:
    """Returns the drawings' own distance to the truth: a training that comes no nearer has learned nothing."""
    drawn = portraits(style)
    return distance(drawn.truths, [np.repeat(drawing[..., None], 3, axis=2) for drawing in drawn.test])


def best(found: Sequence[Outcome]) -> float:
    return min(float(each["distance"]) for each in found)


def show(trained: Mapping[tuple[str, str, int], Sequence[Outcome]]) -> None:
    table = [
        [
            style,
            name,
            seed,
            f"{best(found):.2f}",
            f"{correlation(found):.2f}",
            *(f"{value:.2f}" for value in regrets(found).values()),
            f"{swings(found, 'raw'):.2f} / {swings(found, 'ema'):.2f}",
        ]
        for (style, name, seed), found in trained.items()
    ]
    print_table(["style", "training", "seed", "best ΔE", "rank corr.", *POLICIES, "swing raw / EMA"], table)


def main() -> None:
    watched = [recipe for recipe in RECIPES if recipe.watched]
    ended = {(style, recipe.name, seed): found for recipe, seed, style, found in measure_all(watched, STYLES)}
    limits = {style: untouched(style) for style in STYLES}
    learned = {key: found for key, found in sorted(ended.items()) if best(found) < limits[key[0]]}
    print("regret in ΔE of each way to pick a checkpoint")
    show(learned)
    untouched_at = ", ".join(f"{style} {limit:.2f}" for style, limit in limits.items())
    print(f"learned nothing: no checkpoint nearer to the truth than the drawings themselves, ΔE {untouched_at}")
    show({key: found for key, found in sorted(ended.items()) if key not in learned})
    all_regrets = [regrets(found) for found in learned.values()]
    mean = {policy: float(np.mean([each[policy] for each in all_regrets])) for policy in POLICIES}
    print_result(
        "selection",
        float(np.mean([each["ours"] == min(each.values()) for each in all_regrets])),
        0.5,
        holds=mean["ours"] == min(mean.values()),
        trainings=len(learned),
        checkpoints=sum(len(found) for found in learned.values()),
        spearman={
            style: round(float(np.mean([correlation(found) for key, found in learned.items() if key[0] == style])), 3)
            for style in sorted({key[0] for key in learned})
        },
        regret={policy: round(value, 3) for policy, value in mean.items()},
    )


if __name__ == "__main__":
    main()
