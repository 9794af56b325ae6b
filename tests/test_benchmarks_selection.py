"""Tests that the rejected variants do what their names say and that the benchmark tells selection policies apart."""

import copy
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import recipes, selection, variants
from benchmarks.colourings import Colourings
from benchmarks.styles import colours_of, draw, drawn_with
from cyclegan.methods.config import CycleGanConfig
from cyclegan.methods.cyclegan import CycleGan
from cyclegan.methods.method import Batch, Context, Moment
from cyclegan.scoring.score import Score

pytestmark = pytest.mark.slow

TINY = CycleGanConfig.model_validate({"generator": {"blocks": 1, "ngf": 4}, "discriminator": {"ndf": 4, "layers": 2}})
FIRST = Moment(0, 10, 1.0, warming_up=False)


def model_of(kind: type[CycleGan]) -> CycleGan:
    return kind(TINY, Context(torch.device("cpu"), torch.Generator().manual_seed(0)))


def batch() -> Batch:
    rng = torch.Generator().manual_seed(1)
    a, b = (torch.rand(1, 3, 64, 64, generator=rng) * 2 - 1 for _ in range(2))
    return Batch(a, b)


def discriminator_loss(kind: type[CycleGan]) -> float:
    return float(model_of(kind).step(batch(), FIRST)["d_b"])


@pytest.mark.parametrize(
    "kind", list(dict.fromkeys(recipe.method for recipe in recipes.RECIPES if recipe.start == "ours"))
)
def test_every_variant_trains_all_four_networks(kind: type[CycleGan]) -> None:
    model = model_of(kind)
    before = {name: copy.deepcopy(list(network.parameters())) for name, network in model.networks.items()}
    losses = model.step(batch(), FIRST)
    assert all(torch.isfinite(loss) for loss in losses.values())
    for name, network in model.networks.items():
        assert any((old != new).any() for old, new in zip(before[name], network.parameters(), strict=True)), name


def test_soft_labels_ask_for_nine_tenths() -> None:
    # an untrained discriminator answers about 0: (1² + 0²) / 2 against (0.9² + 0²) / 2
    assert discriminator_loss(CycleGan) - discriminator_loss(variants.SoftLabels) == pytest.approx(0.095, abs=0.03)


def test_r1_adds_to_the_loss() -> None:
    assert discriminator_loss(variants.R1) > discriminator_loss(CycleGan)


def test_loss_balancing_leaves_a_discriminator_that_knows_enough() -> None:
    model = model_of(variants.LossBalancing)
    before = copy.deepcopy(list(model.d_a.parameters()))
    judged = model.d_a(batch().real_a).square().mean() + model.d_b(batch().real_b).square().mean()
    model.optimizers["discriminators"].update(0.01 * judged / judged.detach())
    assert all(torch.equal(old, new) for old, new in zip(before, model.d_a.parameters(), strict=True))


def test_recipes_have_names_of_their_own_and_settings_that_are_valid() -> None:
    assert len({recipe.name for recipe in recipes.RECIPES}) == len(recipes.RECIPES)
    assert len({recipe.digest(seed, "adventurer") for recipe in recipes.RECIPES for seed in recipes.SEEDS}) == 3 * len(
        recipes.RECIPES
    )


def outcome(step: int, weights: str, distance: float, value: float, **figures: Any) -> dict[str, Any]:
    measures = {"line_recall": 1.0, "diversity": 1.0, "diversity_b": 1.0, "soft_median": 0.0, "soft_b": 0.0}
    noise = 0.1 * np.random.default_rng(step).standard_normal(200)
    return {
        "step": step,
        "weights": weights,
        "distance": distance,
        "cycle": figures.get("cycle", np.nan),
        "kid": figures.get("kid", 1.0),
        "score": Score(value, {}, measures, value, value, list(value + noise)),
    }


FOUND = [
    outcome(20, "ema", 5.0, 60),
    outcome(20, "raw", 6.0, 50, kid=0.5),
    outcome(40, "ema", 3.0, 90, cycle=0.3),
    outcome(40, "raw", 4.0, 70, cycle=0.3),
    outcome(60, "ema", 3.5, 80, cycle=0.2, kid=0.1),
    outcome(60, "raw", 7.0, 40, cycle=0.2),
]


def test_regret_is_the_distance_lost_by_each_way_to_pick() -> None:
    assert selection.regrets(FOUND) == {
        "ours": 0.0,
        "last": 4.0,
        "last EMA": 0.5,
        "lowest cycle loss": 4.0,
        "lowest KID": 3.0,
        "lowest KID, EMA": 0.5,
    }


def test_correlation_is_one_where_the_score_orders_like_the_truth() -> None:
    assert selection.correlation(FOUND) == pytest.approx(1.0)
    reversed_ = [each | {"distance": -each["distance"]} for each in FOUND]
    assert selection.correlation(reversed_) == pytest.approx(-1.0)


def test_a_portrait_s_own_colours_are_among_its_colourings() -> None:
    for style in ("micah", "open-peeps"):
        lines, colour = draw(style, 7, 72)
        known = Colourings.of(style, 7, 72)
        assert known.distance(colour) < 0.1 < 3 < known.distance(np.repeat(lines[..., None], 3, axis=2))


def test_other_colours_of_the_palette_are_as_right() -> None:
    known = Colourings.of("open-peeps", 7, 72)
    own = {name: colours[0] for name, colours in colours_of("open-peeps").items()}
    for clothing in ("#78e185", "#e279c7"):
        assert known.distance(drawn_with("open-peeps", 7, own | {"clothing": clothing}, 72)) < 0.5
    assert known.distance(drawn_with("open-peeps", 7, own | {"clothing": "#2000ff"}, 72)) > 3


def test_what_a_style_forbids_is_not_right() -> None:
    """Skin and hair of one colour could not be told apart."""
    apart = {"base": "#77311d", "hair": "#d2eff3", "shirt": "#9287ff"}
    alike = apart | {"hair": "#77311d"}
    known = Colourings.of("micah", 7, 72)
    assert known.distance(drawn_with("micah", 7, apart, 72)) + 1 < known.distance(drawn_with("micah", 7, alike, 72))
