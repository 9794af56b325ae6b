"""One step, against each loss written out by itself: what it reports, what it does to the weights, who sees what."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cyclegan.methods.cyclegan import CycleGan
from cyclegan.methods.method import Batch
from tests.steps import assert_gradients_are, at, batch, config, gradients, model

torch.set_num_threads(1)
WEIGHTS = {"lambda_cycle_a": 7.0, "lambda_cycle_b": 3.0, "lambda_cycle_b_end": 3.0}
PALETTE = {"blocks": 1, "ngf": 4, "head": "line_keeping", "upsample": "nearest", "palette": 3}


def luma(images: Tensor) -> Tensor:
    red, green, blue = images.split(1, 1)
    return (0.299 * red + 0.587 * green + 0.114 * blue).repeat(1, 3, 1, 1)


def apart(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).abs().mean()


def far_from(target: float, logits: Tensor) -> Tensor:
    return (logits - target).square().mean()


def colours_of_regions(shares: Tensor, lines: Tensor, colour: Tensor) -> Tensor:
    """(N, k, 3): of each region all its ink over all its paper; white in the first."""
    ink, paper = ((image[:, None] + 1) / 2 * shares[:, :, None] for image in (colour, lines))
    found = (ink.sum((3, 4)) / (paper.sum((3, 4)) + 1e-3)).clamp(0, 1)
    return torch.cat([torch.ones_like(found[:, :1]), found[:, 1:]], 1)


def gan(*, palette: bool = False, augment: bool = False, pool: int = 50, **losses: Any) -> CycleGan:
    settings = config(losses=WEIGHTS | losses, augment=augment, pool=pool, **{"generator": PALETTE} if palette else {})
    return model(settings)


def reported(network: CycleGan, images: Batch, warm_up: int = 0) -> dict[str, float]:
    return {name: loss.item() for name, loss in network.step(images, at(0, warm_up)).items()}


def values(losses: dict[str, Tensor]) -> dict[str, float]:
    return {name: loss.item() for name, loss in losses.items()}


def plain_losses(network: CycleGan, images: Batch, grey: bool, identity: float, palette: bool) -> dict[str, Tensor]:
    """With lambda_pseudo 2, one image batch at a time."""
    a, b, pseudo = images.real_a, images.real_b, images.lines_b
    assert pseudo is not None
    own = colours_of_regions(network.g_ab.regions(pseudo), pseudo, b) if palette else None
    as_lines: Callable[[Tensor], Tensor] = luma if grey else nn.Identity()
    fake_a, fake_b = as_lines(network.g_ba(b)), network.g_ab(a, own)
    found = {
        "adversarial_a": far_from(1, network.d_a(fake_a)),
        "adversarial_b": far_from(1, network.d_b(fake_b)),
        "cycle_a": apart(as_lines(network.g_ba(fake_b)), a),
        "cycle_b": apart(network.g_ab(fake_a, own), b),
        "pseudo_a": apart(fake_a, pseudo),
        "pseudo_b": apart(network.g_ab(pseudo, own), b),
    }
    total = found["adversarial_a"] + found["adversarial_b"] + 7 * found["cycle_a"] + 3 * found["cycle_b"]
    if identity:
        found |= {"identity_a": apart(network.g_ba(a), a), "identity_b": apart(network.g_ab(b, own), b)}
        total = total + identity * (7 * found["identity_a"] + 3 * found["identity_b"])
    total = total + 2 * (found["pseudo_a"] + found["pseudo_b"])
    return found | {
        "generators": total,
        "d_a": (far_from(1, network.d_a(a)) + far_from(0, network.d_a(fake_a))) / 2,
        "d_b": (far_from(1, network.d_b(b)) + far_from(0, network.d_b(fake_b))) / 2,
    }


def assert_gradients(network: CycleGan, loss: Tensor, step: Callable[[], object], *names: str) -> None:
    """The step leaves the gradients of this loss in these networks."""
    for each in network.networks.values():
        each.zero_grad()
    loss.backward()
    expected = {name: gradients(network.networks[name]) for name in names}
    step()
    assert_gradients_are(network.networks, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("palette", [False, True])
def test_the_warm_up_learns_from_pictures_and_the_lines_in_them(grey: bool, palette: bool) -> None:
    network, images = gan(grey_lines=grey, lambda_pseudo=2, palette=palette), batch()
    pseudo = images.lines_b
    assert pseudo is not None
    own = colours_of_regions(network.g_ab.regions(pseudo), pseudo, images.real_b) if palette else None
    lines, coloured = network.g_ba(images.real_b), network.g_ab(pseudo, own)
    losses = {"pseudo_a": apart(luma(lines) if grey else lines, pseudo), "pseudo_b": apart(coloured, images.real_b)}
    assert apart(luma(lines), pseudo).item() != pytest.approx(apart(lines, pseudo).item(), rel=1e-3)
    expected = values(losses)
    loss = 2 * (losses["pseudo_a"] + losses["pseudo_b"])
    found: dict[str, float] = {}
    assert_gradients(network, loss, lambda: found.update(reported(network, images, warm_up=1)), "g_ab", "g_ba")
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("grey", "identity", "palette"), [(False, 0.5, False), (True, 0.5, False), (True, 0.0, True), (False, 0.5, True)]
)
def test_every_loss_is_of_the_images_that_it_is_about(grey: bool, identity: float, palette: bool) -> None:
    settings: dict[str, Any] = {"grey_lines": grey, "lambda_identity": identity, "lambda_pseudo": 2}
    network, images = gan(palette=palette, **settings), batch()
    losses = plain_losses(network, images, grey, identity, palette)
    expected, found = values(losses), dict[str, float]()
    assert len({round(value, 6) for value in expected.values()}) == len(expected)
    assert_gradients(network, losses["generators"], lambda: found.update(reported(network, images)), "g_ab", "g_ba")
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("augment", [False, True])
def test_with_augmentation_discriminators_see_nothing_whole(augment: bool) -> None:
    """Neither what is real nor what is fake, neither when they are trained nor when the generators are."""
    network, seen = gan(augment=augment), dict[str, list[Tensor]]()
    for name in ("d_a", "d_b"):
        network.networks[name].register_forward_pre_hook(
            lambda _, inputs, name=name: seen.setdefault(name, []).extend(inputs[0].detach())
        )
    for step in range(3):
        network.step(batch(), at(step))
    for images in seen.values():
        assert len(images) == 3 * (2 + 4)  # two fakes for the generators, then two real ones and two fakes
        holes = [(image == 0).all(0).double().mean().item() for image in images]
        assert all(1 / 16 <= hole < 1 / 2 for hole in holes) if augment else max(holes) == 0


@pytest.mark.parametrize("size", [0, 3])
def test_discriminators_learn_from_fakes_of_their_own_domain_and_past_ones(size: int) -> None:
    network, calls = gan(pool=size), dict[str, list[Tensor]]()
    for name in ("d_a", "d_b"):
        network.networks[name].register_forward_pre_hook(
            lambda _, inputs, name=name: calls.setdefault(name, []).append(inputs[0].detach())
        )
    past = {"d_a": 0, "d_b": 0}
    for step in range(12):
        network.step(batch(), at(step))
        for name, real in (("d_a", batch().real_a), ("d_b", batch().real_b)):
            *_, fakes, judged = calls[name]
            made = [fake for fakes in calls[name][::2] for fake in fakes]
            assert torch.equal(judged[:2], real)
            assert all(any(torch.equal(image, fake) for fake in made) for image in judged[2:])
            past[name] += sum(not any(torch.equal(image, fake) for fake in fakes) for image in judged[2:])
    assert all(4 <= number <= 18 for number in past.values()) if size else past == {"d_a": 0, "d_b": 0}
