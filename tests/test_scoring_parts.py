"""Each number of a score is about what it says: which drawings, which fault, whose own level."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch

from cyclegan.scoring.score import Score, Scorer
from tests.score_pictures import blurred_colours, drawn, faded_colours, grey, held_out, without_ink

pytestmark = pytest.mark.slow

torch.set_num_threads(1)
SIZE = 64
Pictures = list[np.ndarray]


@cache
def parts() -> tuple[Scorer, Pictures, Pictures]:
    return held_out(SIZE)


def mixed(even: Pictures, odd: Pictures) -> Pictures:
    """The one on the drawings 0, 2, 4 …, the other on 1, 3, 5 …"""
    return [(even, odd)[number % 2][number] for number in range(len(even))]


def scored(change: Callable[[np.ndarray], np.ndarray], count: int = 24) -> Score:
    """Of the true colours, the first `count` of them changed."""
    scorer, _, truth = parts()
    return scorer.score([change(y) if number < count else y for number, y in enumerate(truth)])


def test_one_half_chooses_and_the_other_is_quoted() -> None:
    scorer, lineart, truth = parts()
    untouched, colour = grey(lineart), [drawn(seed, "B", SIZE) for seed in range(48)]
    for half, outputs in ((0, mixed(truth, untouched)), (1, mixed(untouched, truth))):
        score = scorer.score(outputs)
        alone = [Scorer(lineart[start::2], colour).score(outputs[start::2]).value for start in (0, 1)]
        assert alone[half] > 85 and alone[1 - half] == 0
        assert (score.selecting, score.reporting) == pytest.approx(tuple(alone))
        assert 10 < score.value < 80


def test_chance_is_measured_on_the_half_that_chooses() -> None:
    scorer, lineart, truth = parts()
    chosen, other = (scorer.score(mixed(*each)) for each in ((truth, grey(lineart)), (grey(lineart), truth)))
    assert len(chosen.resamples) == len(other.resamples) == 200
    assert min(chosen.resamples) > 50 and max(other.resamples) == 0
    assert np.mean(chosen.resamples) == pytest.approx(chosen.selecting, abs=5)
    assert np.std(chosen.resamples) > 0.1


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("b_col", lambda y: faded_colours(y, 0.3)),
        ("b_pal", lambda y: faded_colours(y, 0.3)),
        ("b_swd", lambda y: 255 - y),
        ("b_feat", lambda y: np.rint(y / 255 * 40 + 100).astype(np.uint8)),
        ("b_struct", lambda y: blurred_colours(y, 4)),
        ("b_art", lambda y: (y + np.where(np.indices((SIZE, SIZE)).sum(0) % 2, 0, 12)[..., None]).clip(0, 255)),
        ("b_line", lambda y: np.full_like(y, 200)),
    ],
)
def test_each_part_sees_its_fault(part: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    best, worse = scored(lambda y: y), scored(lambda y: change(y).astype(np.uint8))
    assert best.parts[part] < 0.1
    assert worse.parts[part] > 0.3
    assert worse.value < best.value


def test_measures_of_the_outputs_and_those_of_domain_b() -> None:
    _, lineart, truth = parts()
    best = scored(lambda y: y).measures
    assert best["line_recall"] > 0.9 and best["diversity"] == pytest.approx(best["diversity_b"], rel=0.2)
    changed = {
        "line_recall": scored(lambda y: np.full_like(y, 230), count=12),
        "noise": scored(lambda y: y // 2 + np.where(np.indices((SIZE, SIZE)).sum(0) % 2, 0, 12)[..., None]),
        "soft": scored(lambda y: blurred_colours(y, 4)),
        "diversity": parts()[0].score([truth[0]] * len(lineart)),
    }
    assert changed["line_recall"].measures["line_recall"] == pytest.approx(best["line_recall"] / 2, abs=0.15)
    assert changed["noise"].measures["noise"] > 3 * best["noise"]
    assert changed["soft"].measures["soft"] > 3 * best["soft"]
    assert changed["diversity"].measures["diversity"] == pytest.approx(0, abs=1e-6)
    for score in changed.values():
        own = {name: value for name, value in score.measures.items() if name.endswith("_b")}
        assert own == {name: best[name] for name in own} and len(own) == 5


def test_a_few_pictures_that_bleed_do_not_count_as_all() -> None:
    """The gate asks for the median, the score for the mean."""
    none, few, all_ = (scored(lambda y: blurred_colours(y, 6), count).measures for count in (0, 6, 24))
    share = {name: (few[name] - none[name]) / (all_[name] - none[name]) for name in ("soft", "soft_median")}
    assert share["soft"] == pytest.approx(6 / 24, abs=0.1)
    assert share["soft_median"] < 0.1


def test_faded_lines_are_less_and_less_of_a_drawing() -> None:
    scorer, lineart, truth = parts()
    recalls = [
        scorer.score([without_ink(y, a, share) for y, a in zip(truth, lineart, strict=True)]).measures["line_recall"]
        for share in (0.0, 0.7, 1.0)
    ]
    assert recalls == sorted(recalls, reverse=True) and recalls[0] > 0.9 > 0.6 > recalls[2]
