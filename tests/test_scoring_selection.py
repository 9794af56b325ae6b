"""Tests that a single lucky score does not decide the selection and that it states its reason."""

import numpy as np
import pytest

from cyclegan.painting.checkpoint import Weights
from cyclegan.scoring.score import Score
from cyclegan.scoring.selection import Candidate, choose, faults, swing

SOUND = {"line_recall": 0.99, "diversity": 0.3, "diversity_b": 0.3, "soft_median": 0.05, "soft_b": 0.02}


def candidate(
    step: int,
    selecting: float,
    weights: Weights = "ema",
    *,
    noise: float = 2.0,
    reporting: float = 0.0,
    **measures: float,
) -> Candidate:
    """Makes a candidate whose bootstrap scores differ from those of others by about `noise` points."""
    resamples = selecting + noise * np.random.default_rng(step).standard_normal(200)
    return Candidate(
        step,
        weights,
        Score(selecting, {"b_swd": 0.1}, SOUND | measures, selecting, reporting or selecting, list(resamples)),
    )


def test_the_clear_best_is_chosen_and_its_other_half_quoted() -> None:
    choice = choose([candidate(1, 50), candidate(2, 90, reporting=81.5), candidate(3, 60)])
    assert (choice.step, choice.weights, choice.score, choice.parts) == (2, "ema", 81.5, {"b_swd": 0.1})
    assert choice.reason == (
        "averaged weights of step 2: score 81.5 on drawings not used to choose; clearly the best of 3 candidates"
    )


def test_a_lucky_spike_loses_to_a_steady_stretch() -> None:
    series = [candidate(i, s) for i, s in enumerate([40, 72.5, 41, 70, 71.5, 71, 50], start=1)]
    choice = choose(series)
    assert choice.step == 5
    assert "the steadiest of" in choice.reason


def test_without_noise_the_spike_wins() -> None:
    series = [candidate(i, s, noise=0.0) for i, s in enumerate([40, 72.5, 41, 70, 71.5, 71, 50], start=1)]
    assert choose(series).step == 2


def test_averaged_weights_serve_although_raw_ones_have_a_lucky_score() -> None:
    series = [candidate(1, 60), candidate(1, 75, "raw"), candidate(2, 70), candidate(2, 40, "raw")]
    choice = choose(series)
    assert (choice.step, choice.weights) == (2, "ema")
    assert "clearly the best of 2 candidates" in choice.reason


def test_raw_weights_serve_that_are_clearly_better() -> None:
    series = [candidate(1, 60), candidate(1, 80, "raw"), candidate(2, 70), candidate(2, 82, "raw")]
    assert choose([candidate(1, 60), candidate(1, 80, "raw")]).weights == "raw"
    assert (choose(series).step, choose(series).weights) == (2, "raw")


def test_raw_weights_serve_where_averaged_ones_are_unfit() -> None:
    series = [candidate(1, 60, diversity=0.1), candidate(1, 50, "raw"), candidate(2, 90, diversity=0.1)]
    assert (choose(series).step, choose(series).weights) == (1, "raw")


def test_pairing_tells_candidates_apart_that_vary_together() -> None:
    shared = 10 * np.random.default_rng(0).standard_normal(200)

    def paired(step: int, value: float) -> Candidate:
        return Candidate(step, "ema", Score(value, {}, SOUND, value, value, list(value + shared)))

    assert choose([paired(1, 70), paired(2, 71), paired(3, 40)]).step == 2


@pytest.mark.parametrize(
    ("measures", "words"),
    [
        ({"line_recall": 0.7}, "lines lost"),
        ({"diversity": 0.1}, "all alike"),
        ({"soft_median": 0.4}, "colours bleed"),
    ],
)
def test_unfit_candidates_are_left_out_and_named(measures: dict[str, float], words: str) -> None:
    unfit = candidate(1, 90, noise=2.0, **measures)  # type: ignore[arg-type]
    assert faults(unfit.score) == [words]
    choice = choose([unfit, candidate(2, 60), candidate(3, 20)])
    assert choice.step == 2
    assert f"1 of 3 left out: {words}" in choice.reason


def test_when_all_are_unfit_the_best_still_serves_and_says_so() -> None:
    choice = choose([candidate(1, 30, line_recall=0.5), candidate(2, 50, line_recall=0.7)])
    assert choice.step == 2
    assert "although none passed the checks (this one: lines lost)" in choice.reason


def test_the_swing_of_both_series_is_told() -> None:
    series = [candidate(i, 60 + i) for i in range(1, 5)] + [candidate(i, 50 + 8 * (i % 2), "raw") for i in range(1, 5)]
    assert swing(series, "ema") == pytest.approx(1.0)
    assert swing(series, "raw") == pytest.approx(8.0)
    assert "raw weights change by 8.0 points, averaged by 1.0" in choose(series).reason


def test_one_candidate_needs_no_comparison() -> None:
    assert choose([candidate(5, 12.0)]).reason == (
        "averaged weights of step 5: score 12.0 on drawings not used to choose"
    )


def test_nothing_to_choose_from() -> None:
    with pytest.raises(ValueError, match="no scored checkpoint"):
        choose([])


def test_a_checkpoint_that_is_gone_is_not_chosen() -> None:
    series = [candidate(1, 60), candidate(2, 90), candidate(3, 64)]
    assert choose(series).step == 2
    assert choose(series, kept={1, 3}).step == 3


@pytest.mark.parametrize(
    ("measures", "words"),
    [
        ({"line_recall": 0.81}, []),
        ({"line_recall": 0.79}, ["lines lost"]),
        ({"diversity": 0.16}, []),
        ({"diversity": 0.14}, ["all alike"]),
        ({"diversity": 0.06, "diversity_b": 0.1}, []),
        ({"soft_median": 0.14}, []),  # B, drawn flat, is granted some
        ({"soft_median": 0.16}, ["colours bleed"]),
        ({"soft_median": 0.29, "soft_b": 0.1}, []),
        ({"soft_median": 0.31, "soft_b": 0.1}, ["colours bleed"]),
        ({"line_recall": 0.1, "diversity": 0.0, "soft_median": 0.9}, ["lines lost", "all alike", "colours bleed"]),
    ],
)
def test_the_checks_compare_with_domain_b(measures: dict[str, float], words: list[str]) -> None:
    assert faults(candidate(1, 50, **measures).score) == words  # type: ignore[arg-type]


def test_checkpoints_that_are_gone_still_tell_how_steady_their_neighbours_were() -> None:
    series = [candidate(i, s) for i, s in enumerate([40, 72.5, 41, 70, 71.5, 71, 50], start=1)]
    assert choose(series, kept={2, 5}).step == 5


def test_a_checkpoints_neighbours_are_those_of_its_own_kind() -> None:
    averaged = [candidate(i, s) for i, s in enumerate([69.9, 72, 71, 40, 71.9, 40], start=1)]
    raw = [candidate(i, s, "raw") for i, s in enumerate([30, 30, 30, 71, 71, 30], start=1)]
    choice = choose([each for both in zip(averaged, raw, strict=True) for each in both])
    assert (choice.step, choice.weights) == (2, "ema")


@pytest.mark.parametrize(("gap", "equal"), [(1.0, True), (4.0, False)])
def test_what_lies_more_than_one_standard_error_below_the_best_is_worse(gap: float, equal: bool) -> None:
    """Of two that differ by about 2.8 points of chance, the one in the steadier stretch serves if they are equal."""
    series = [candidate(i, s, noise=2.0) for i, s in enumerate([10, 80, 10, 79, 80 - gap, 79], start=1)]
    steady = [each for each in series if each.step != 2]
    assert choose(series, kept={2, 5}).step == (5 if equal else 2)
    assert choose(steady, kept={5}).step == 5
