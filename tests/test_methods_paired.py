"""pix2pix on pseudo-pairs: the paper's gradients and sizes, the U-Net, and its dropout."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cyclegan.methods.config import DiscriminatorConfig, PairedConfig
from cyclegan.methods.discriminator import Discriminator
from cyclegan.methods.method import Batch
from cyclegan.methods.paired import Paired
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.painter import Painter
from cyclegan.painting.unet import Dropout, UNet, continued, dropping
from tests.methods import in_float64, tiny
from tests.steps import assert_gradients_are, at, batch, gradients

torch.set_num_threads(1)
RESNET = {"blocks": 1, "ngf": 4, "head": "line_keeping", "palette": 3}


def num_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def plain_step(method: Paired, images: Batch, colour: Tensor) -> dict[str, Any]:
    """Returns the gradients of pix2pix's losses: of the generator as the discriminator is, then of that."""
    lines, real, bce = images.lines_b, images.real_b, nn.BCEWithLogitsLoss()
    assert lines is not None
    for network in method.networks.values():
        network.zero_grad()
    d_b = method.networks["d_b"]
    judged = d_b(torch.cat([lines, colour], 1))
    (bce(judged, torch.ones_like(judged)) + 100 * nn.L1Loss()(colour, real)).backward()
    found = {"g_ab": gradients(method.g_ab)}
    d_b.zero_grad()
    on_real, on_fake = (d_b(torch.cat([lines, each], 1)) for each in (real, colour.detach()))
    (0.5 * (bce(on_real, torch.ones_like(on_real)) + bce(on_fake, torch.zeros_like(on_fake)))).backward()
    return found | {"d_b": gradients(d_b)}


@pytest.mark.parametrize("generator", [RESNET | {"palette": 0}, RESNET], ids=["free", "palette"])
def test_a_step_has_the_papers_gradients(generator: dict[str, Any]) -> None:
    # without learning of the discriminator, which is updated first
    method: Paired = in_float64(
        tiny("paired", generator=generator, augment=False, optimizer={"lr_discriminator": 1e-30})
    )
    images = batch()
    assert images.lines_b is not None
    palette = None
    if method.config.generator.palette:
        regions, paper = method.g_ab.regions(images.lines_b), (images.lines_b + 1) / 2
        inks = torch.einsum("nkhw,nchw->nkc", regions, (images.real_b + 1) / 2)
        palette = (inks / (torch.einsum("nkhw,nchw->nkc", regions, paper) + 1e-3)).clamp(0, 1)
        palette = torch.cat([torch.ones_like(palette[:, :1]), palette[:, 1:]], 1)
    expected = plain_step(method, images, method.g_ab(images.lines_b, palette))
    method.step(images, at(0))
    assert expected.keys() == method.networks.keys()
    assert_gradients_are(method.networks, expected, rtol=1e-9, atol=1e-11)


def test_lineart_teaches_nothing_and_the_warm_up_has_no_discriminator() -> None:
    weights = []
    for lineart in (batch().real_a, -batch().real_a):
        method: Paired = in_float64(tiny("paired"))
        before = [parameter.clone() for parameter in method.networks["d_b"].parameters()]
        images = Batch(lineart, batch().real_b, batch().lines_b)
        assert set(method.step(images, at(0, warm_up=1))) == {"pseudo_b"}
        assert all(torch.equal(old, new) for old, new in zip(before, method.networks["d_b"].parameters(), strict=True))
        assert set(method.step(images, at(1, warm_up=1))) == set(method.losses)
        weights.append([parameter.detach().clone() for parameter in method.g_ab.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))


def test_without_an_adversarial_loss_there_is_no_discriminator() -> None:
    method: Paired = in_float64(tiny("paired", losses={"lambda_adversarial": 0}))
    assert set(method.networks) == {"g_ab"} and set(method.optimizers) == {"generators"}
    assert set(method.step(batch(), at(0))) == set(method.losses) == {"pseudo_b"}


def test_networks_have_the_published_sizes() -> None:
    with torch.device("meta"):
        assert num_parameters(Painter(PairedConfig().generator)) == 54_413_955  # 54.414 million
        # 2,768,705 as published, whose norms have scales and shifts where ours have biases before them
        assert num_parameters(Discriminator(DiscriminatorConfig(), channels=6)) == 2_767_809


@pytest.mark.parametrize("side", [16, 24, 44])
def test_a_u_net_takes_any_size(side: int) -> None:
    painter = Painter(GeneratorConfig(network="unet", blocks=4, ngf=4))
    picture = torch.rand(1, 3, side, 20, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert painter(picture).shape == picture.shape
    assert torch.equal(painter(picture), painter(picture))  # it drops nothing where it serves


def test_sides_are_continued_by_reflection() -> None:
    row = continued(torch.arange(3.0).view(1, 1, 1, 3), 8)
    assert row.shape == (1, 1, 8, 8) and row[0, 0, 5].tolist() == [0, 1, 2, 2, 1, 0, 0, 1]


@pytest.mark.parametrize("side", [32, 40])
def test_dropout_drops_what_it_is_told_to(side: int) -> None:
    network = UNet(GeneratorConfig(network="unet", blocks=5, ngf=4), 3)
    picture = torch.rand(1, 3, side, 32, generator=torch.Generator().manual_seed(1))
    shapes = network.dropped(side, 32)
    assert [shape[0] for shape in shapes] == [32, 16, 8]  # the three innermost layers, as published
    kept = [torch.zeros(1, *shape, dtype=torch.uint8) for shape in shapes]
    seen: list[Tensor] = []
    for module in network.modules():
        if isinstance(module, Dropout):
            module.register_forward_hook(lambda *given: seen.append(given[2]))
    with dropping(network, kept):
        network(picture)
    assert all(not each.any() and each.shape[1:] == shape for each, shape in zip(seen, shapes, strict=True))
    with dropping(network, [torch.ones_like(each) for each in kept]):
        doubled = network(picture)
    assert not torch.equal(network(picture), doubled)


def test_dropout_differs_from_step_to_step_and_is_half() -> None:
    method: Paired = in_float64(tiny("paired", augment=False))
    one, other = (method._drawn(batch()) for _ in range(2))
    assert len(one) == 2 and not torch.equal(one[0], other[0])
    assert torch.cat([each.float().flatten() for each in (*one, *other)]).mean().item() == pytest.approx(0.5, abs=0.1)
