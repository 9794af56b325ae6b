"""What a step reports, against each loss written out by itself."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cyclegan.dataset import Batch
from cyclegan.model import CycleGan
from tests.test_cyclegan_model import batch, config, model

torch.set_num_threads(1)
WEIGHTS = {"lambda_cycle_a": 7.0, "lambda_cycle_b": 3.0, "lambda_cycle_b_end": 3.0}


def luma(images: Tensor) -> Tensor:
    red, green, blue = images.split(1, 1)
    return (0.299 * red + 0.587 * green + 0.114 * blue).repeat(1, 3, 1, 1)


def apart(one: Tensor, other: Tensor) -> float:
    return (one - other).abs().mean().item()


def far_from(target: float, logits: Tensor) -> float:
    return (logits - target).square().mean().item()


def gan(warm_up: int = 0, **losses: Any) -> CycleGan:
    return model(config(losses=WEIGHTS | losses), warm_up)


def reported(gan: CycleGan, images: Batch) -> dict[str, float]:
    return {name: loss.item() for name, loss in gan.step(images, 0).items()}


@pytest.mark.parametrize("grey", [False, True])
def test_the_warm_up_compares_lines_that_are_grey_where_lines_are_to_be(grey: bool) -> None:
    network, images = gan(warm_up=1, grey_lines=grey, lambda_pseudo=2), batch()
    assert images.lines_b is not None
    with torch.no_grad():
        lines, coloured = network.g_ba(images.real_b), network.g_ab(images.lines_b)
    expected = {
        "pseudo_a": apart(luma(lines) if grey else lines, images.lines_b),
        "pseudo_b": apart(coloured, images.real_b),
    }
    assert reported(network, images) == pytest.approx(expected)
    assert apart(luma(lines), images.lines_b) != pytest.approx(apart(lines, images.lines_b), rel=1e-3)


@pytest.mark.parametrize("grey", [False, True])
def test_every_loss_is_of_the_images_that_it_is_about(grey: bool) -> None:
    network, images = gan(grey_lines=grey, lambda_identity=0.5, lambda_pseudo=2), batch()
    a, b, pseudo = images.real_a, images.real_b, images.lines_b
    assert pseudo is not None
    with torch.no_grad():
        as_lines: Callable[[Tensor], Tensor] = luma if grey else nn.Identity()
        fake_a, fake_b = as_lines(network.g_ba(b)), network.g_ab(a)
        expected = {
            "adversarial_a": far_from(1, network.d_a(fake_a)),
            "adversarial_b": far_from(1, network.d_b(fake_b)),
            "cycle_a": apart(as_lines(network.g_ba(fake_b)), a),
            "cycle_b": apart(network.g_ab(fake_a), b),
            "identity_a": apart(network.g_ba(a), a),
            "identity_b": apart(network.g_ab(b), b),
            "pseudo_a": apart(fake_a, pseudo),
            "pseudo_b": apart(network.g_ab(pseudo), b),
            "d_a": (far_from(1, network.d_a(a)) + far_from(0, network.d_a(fake_a))) / 2,
            "d_b": (far_from(1, network.d_b(b)) + far_from(0, network.d_b(fake_b))) / 2,
        }
    e = expected
    expected["generators"] = (
        e["adversarial_a"]
        + e["adversarial_b"]
        + 7 * e["cycle_a"]
        + 3 * e["cycle_b"]
        + 0.5 * (7 * e["identity_a"] + 3 * e["identity_b"])
        + 2 * (e["pseudo_a"] + e["pseudo_b"])
    )
    assert reported(network, images) == pytest.approx(expected)
    assert len({round(value, 6) for value in expected.values()}) == len(expected)
