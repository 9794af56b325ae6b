"""Tests that the score ranks known faults of colouring as a person would, at every training size."""

import json
from functools import partial

import cv2
import numpy as np
import pytest
import torch

from cyclegan.scoring.score import Score, ScoreError, Scorer
from tests.score_pictures import (
    NUM_HELD_OUT,
    blurred_colours,
    drawn,
    faded_colours,
    grey,
    held_out,
    with_chroma,
    without_ink,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("size", [64, 128])
def test_untouched_lineart_scores_nothing_and_the_truth_nearly_all(size: int) -> None:
    scorer, lineart, truth = held_out(size)
    assert scorer.score(grey(lineart)).value == 0.0
    score = scorer.score(truth)
    assert score.value > 90


@pytest.mark.parametrize("size", [64, 128])
def test_good_pictures_of_other_drawings_score_next_to_nothing(size: int) -> None:
    scorer, _, truth = held_out(size)
    assert scorer.score(truth[5:] + truth[:5]).value < 10


@pytest.mark.parametrize("size", [64, 128])
def test_score_falls_with_each_fault(size: int) -> None:
    scorer, lineart, truth = held_out(size)
    ladders = {
        "desaturated": [[faded_colours(y, k) for y in truth] for k in (0.75, 0.5, 0.25)],
        "bleeding": [[blurred_colours(y, s * size / 256) for y in truth] for s in (4, 8, 16)],
        "faded lines": [[without_ink(y, a, k) for y, a in zip(truth, lineart, strict=True)] for k in (0.4, 0.7, 1.0)],
    }
    best = scorer.score(truth).value
    for fault, steps in ladders.items():
        values = [best, *(scorer.score(outputs).value for outputs in steps)]
        assert values == sorted(values, reverse=True), fault
        assert values[-1] < 0.55 * best, fault


def test_one_tint_over_everything_is_not_colouring() -> None:
    scorer, lineart, _ = held_out(64)
    for tint in [(230, 190, 170), (120, 220, 120), (90, 90, 200)]:
        tinted = [(image * (np.array(tint) / 255)).astype(np.uint8) for image in grey(lineart)]
        assert scorer.score(tinted).value < 30


def test_a_checkerboard_in_flat_paint_is_seen() -> None:
    scorer, _, truth = held_out(64)
    board = np.where(np.indices((64, 64)).sum(axis=0) % 2, 8, -8)[..., None]
    score = scorer.score([(y.astype(int) + board).clip(0, 255).astype(np.uint8) for y in truth])
    assert score.parts["b_art"] > 0.3
    assert score.value < 80


def test_colours_of_another_drawing_break_the_regions() -> None:
    scorer, _, truth = held_out(128)
    other = [cv2.cvtColor(y.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 1:] for y in truth[5:] + truth[:5]]
    moved = [with_chroma(y, partial(lambda ab, _: ab, ab)) for y, ab in zip(truth, other, strict=True)]
    assert scorer.score(moved).parts["b_struct"] > 0.5


def test_scoring_repeats_exactly_and_leaves_the_random_state_alone() -> None:
    _, lineart, truth = held_out(64)
    colour = [drawn(seed, "B", 64) for seed in range(48)]
    torch.manual_seed(7)
    np.random.seed(7)
    expected = torch.rand(3), np.random.rand(3)
    torch.manual_seed(7)
    np.random.seed(7)
    first = Scorer(lineart, colour).score(truth)
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.rand(3), expected[1])
    assert Scorer(lineart, colour).score(truth) == first


def test_drawings_need_not_share_one_size() -> None:
    _, lineart, truth = held_out(64)
    tall = [np.pad(image, ((0, 8 * (i % 2)), (0, 0)), constant_values=255) for i, image in enumerate(lineart)]
    coloured = [np.pad(y, ((0, 8 * (i % 2)), (0, 0), (0, 0)), constant_values=255) for i, y in enumerate(truth)]
    scorer = Scorer(tall, [drawn(seed, "B", 64) for seed in range(48)])
    assert scorer.score(grey(tall)).value == 0.0
    assert scorer.score(coloured).value > 90


def test_a_score_survives_storage() -> None:
    scorer, _, truth = held_out(64)
    score = scorer.score(truth)
    assert Score.from_dict(json.loads(json.dumps(score.to_dict()))) == score


def test_parts_add_up_to_the_value() -> None:
    scorer, _, truth = held_out(64)
    score = scorer.score([faded_colours(y, 0.5) for y in truth])
    b = score.parts
    realism = 1 - (0.30 * b["b_swd"] + 0.30 * b["b_feat"] + 0.25 * b["b_pal"] + 0.15 * b["b_col"])
    faithfulness = (1 - 0.9 * b["b_line"]) * (1 - 0.6 * b["b_struct"]) * (1 - 0.4 * b["b_art"])
    assert score.value == pytest.approx(100 * realism * faithfulness)
    assert all(0 <= part <= 1 for part in b.values())


def test_what_cannot_be_scored_is_named() -> None:
    scorer, lineart, truth = held_out(64)
    with pytest.raises(ScoreError, match="needs 4 held-out drawings and 4 colour pictures, not 3 and 24"):
        Scorer(lineart[:3], truth)
    with pytest.raises(ScoreError, match="in number and in size"):
        scorer.score(truth[:-1])
    with pytest.raises(ScoreError, match="in number and in size"):
        scorer.score([y[:-4] for y in truth])


def test_blank_paper_and_blank_outputs_have_a_score() -> None:
    _, lineart, truth = held_out(64)
    blank = [np.full_like(lineart[0], 255), *lineart[1:]]
    scorer = Scorer(blank, [drawn(seed, "B", 64) for seed in range(48)])
    for outputs in ([np.full_like(truth[0], 255)] * NUM_HELD_OUT, [np.zeros_like(truth[0])] * NUM_HELD_OUT):
        assert 0 <= scorer.score(outputs).value < 30
