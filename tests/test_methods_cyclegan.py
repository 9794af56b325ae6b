"""Tests one optimization step against a plain implementation of the paper's algorithm."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cyclegan.methods.augment import cutout, diff_augment, draw_places, translate
from cyclegan.methods.cyclegan import CycleGan
from cyclegan.methods.image_pool import ImagePool
from cyclegan.methods.losses import adversarial_loss, l1_loss, to_grey
from cyclegan.methods.method import Batch
from cyclegan.training.ema import Ema
from cyclegan.training.schedule import Schedule
from tests.factories import train_config
from tests.steps import CPU, assert_gradients_are, at, batch, config, drawn, gradients, model

torch.set_num_threads(1)


def plain_step(gan: CycleGan, images: Batch, lambda_a: float, lambda_b: float, share: float) -> dict[str, Any]:
    """Returns the gradients of the paper's losses for the four networks, with six generator calls an image pair."""
    a, b, mse, l1 = images.real_a, images.real_b, nn.MSELoss(), nn.L1Loss()
    for network in gan.networks.values():
        network.zero_grad()
    fake_b, fake_a = gan.g_ab(a), gan.g_ba(b)
    rec_a, rec_b = gan.g_ba(fake_b), gan.g_ab(fake_a)
    idt_b, idt_a = gan.g_ab(b), gan.g_ba(a)
    judged_b, judged_a = gan.d_b(fake_b), gan.d_a(fake_a)
    loss = mse(judged_b, torch.ones_like(judged_b)) + mse(judged_a, torch.ones_like(judged_a))
    loss = loss + lambda_a * l1(rec_a, a) + lambda_b * l1(rec_b, b)
    loss = loss + share * (lambda_a * l1(idt_a, a) + lambda_b * l1(idt_b, b))
    loss.backward()
    found = {name: gradients(gan.networks[name]) for name in ("g_ab", "g_ba")}
    for name, real, fake in (("d_a", a, fake_a), ("d_b", b, fake_b)):
        network = gan.networks[name]
        network.zero_grad()
        on_real, on_fake = network(real), network(fake.detach())
        (0.5 * (mse(on_real, torch.ones_like(on_real)) + mse(on_fake, torch.zeros_like(on_fake)))).backward()
        found[name] = gradients(network)
    return found


@pytest.mark.parametrize("share", [0.5, 0.0])
@pytest.mark.parametrize("lambda_b", [10.0, 2.0])
def test_a_step_has_the_papers_gradients(lambda_b: float, share: float) -> None:
    losses = {
        "lambda_cycle_a": 10,
        "lambda_cycle_b": lambda_b,
        "lambda_cycle_b_end": lambda_b,
        "lambda_identity": share,
    }
    gan = model(config(losses=losses))
    images = batch()
    images = Batch(images.real_a, images.real_b)
    expected = plain_step(gan, images, 10.0, lambda_b, share)
    gan.step(images, at(0))
    assert expected.keys() == gan.networks.keys()
    assert_gradients_are(gan.networks, expected, rtol=1e-9, atol=1e-11)


def test_a_step_moves_the_weights_as_one_adam_step_does() -> None:
    gan = model(config(losses={"lambda_identity": 0}))
    images = Batch(batch().real_a, batch().real_b)
    before = {name: [p.detach().clone() for p in network.parameters()] for name, network in gan.networks.items()}
    expected = plain_step(gan, images, 10.0, 10.0, 0.0)
    gan.step(images, at(15))  # six of ten decay steps are left
    for name, network in gan.networks.items():
        for (key, parameter), old in zip(network.named_parameters(), before[name], strict=True):
            gradient = expected[name][key]
            step = 2e-4 * 0.5 * gradient / (gradient.abs() + 1e-8)
            torch.testing.assert_close(parameter.detach(), old - step, rtol=1e-7, atol=1e-12)


def test_the_discriminators_learn_nothing_from_the_generators_loss() -> None:
    gan = model(config())
    losses, _, _ = gan._generator_losses(Batch(batch().real_a, batch().real_b))
    gan.d_a.requires_grad_(False), gan.d_b.requires_grad_(False)
    losses, fake_a, _ = gan._generator_losses(Batch(batch().real_a, batch().real_b))
    losses["generators"].backward()
    assert not gradients(gan.d_a) and not gradients(gan.d_b)
    for generator in (gan.g_ab, gan.g_ba):
        generator.zero_grad()
    gan.d_a.requires_grad_(True)
    gan._discriminator_loss(gan.d_a, batch().real_a, gan.pools["a"].query(fake_a)).backward()
    assert not gradients(gan.g_ba)


def test_losses_stay_on_the_device_and_carry_no_graph() -> None:
    losses = model(config()).step(Batch(batch().real_a, batch().real_b), at(0))
    assert all(isinstance(loss, Tensor) and loss.grad_fn is None and loss.shape == () for loss in losses.values())


def test_warm_up_trains_generators_on_pseudo_pairs_only() -> None:
    gan = model(config(losses={"lambda_pseudo": 10}))
    before = [p.detach().clone() for p in gan.d_b.parameters()]
    assert set(gan.step(batch(), at(0, warm_up=1))) == {"pseudo_a", "pseudo_b"}
    assert all(torch.equal(old, new) for old, new in zip(before, gan.d_b.parameters(), strict=True))
    assert {"pseudo_a", "pseudo_b", "cycle_a", "d_b"} <= set(gan.step(batch(), at(1, warm_up=1)))


def test_fake_lineart_carries_no_colour_into_the_cycle() -> None:
    gan = model(config(losses={"grey_lines": True}))
    _, fake_a, fake_b = gan._generator_losses(Batch(batch().real_a, batch().real_b))
    assert fake_a.std(1).max() < 1e-12
    assert fake_b.std(1).max() > 1e-3


def test_a_palette_colours_lineart_as_the_pictures_of_the_batch_are() -> None:
    generator = {"blocks": 1, "ngf": 4, "head": "line_keeping", "palette": 4}
    gan = model(config(generator=generator, losses={"lambda_pseudo": 1, "lambda_identity": 0}))
    images = batch()
    red = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64).view(1, 3, 1, 1).expand_as(images.real_b)
    assert images.lines_b is not None
    only_red = Batch(images.real_a, (red + 1) * (images.lines_b + 1) / 2 - 1, images.lines_b)
    _, fake_a, fake_b = gan._generator_losses(only_red)
    ratio = (fake_b + 1) / (images.real_a + 1)
    assert ratio[:, 0].min() > 0.99  # what is not white is red
    assert ratio[:, 1:].max() < 0.99
    assert fake_a.min() < -0.5 and not hasattr(gan.g_ba, "remembered")  # lines are extracted without a palette


def test_to_grey_is_luma() -> None:
    grey = to_grey(torch.tensor([1.0, -1.0, 0.5]).view(1, 3, 1, 1))
    assert grey.flatten().tolist() == pytest.approx([0.299 - 0.587 + 0.057] * 3)


def test_losses_of_half_precision_images_are_float32() -> None:
    half = torch.full((1, 3, 2, 2), 0.5, dtype=torch.bfloat16)
    assert l1_loss(half, half).dtype is adversarial_loss(half, real=True).dtype is torch.float32
    assert adversarial_loss(half, real=True).item() == adversarial_loss(half, real=False).item() == 0.25


def test_learning_rate_is_constant_then_falls_to_zero() -> None:
    schedule = Schedule(warm_up=2, constant=3, decay=4)
    assert [schedule.rate(step) for step in range(10)] == [1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0]
    assert [schedule.warming_up(step) for step in range(3)] == [True, True, False]
    assert schedule.total == 9
    assert Schedule(0, 3, 0).rate(2) == 1


def test_an_epoch_is_one_pass_over_the_larger_domain() -> None:
    epochs = {"warm_up_epochs": 0.5, "constant_epochs": 2, "decay_epochs": 1}
    settings = train_config(batch=4, schedule=epochs, losses={"lambda_pseudo": 1})
    assert Schedule.of(settings, 10, 37) == Schedule(5, 20, 10)


def test_the_weight_of_the_colour_cycle_goes_from_first_to_last_value() -> None:
    gan, schedule = model(config(losses={"lambda_cycle_b": 10, "lambda_cycle_b_end": 1})), Schedule(0, 5, 6)
    assert [gan._lambda_cycle_b(schedule.at(step)) for step in (0, 5, 10)] == [10.0, 5.5, 1.0]


def test_a_full_pool_answers_half_of_the_queries_with_an_earlier_image() -> None:
    pool = ImagePool(50, torch.Generator().manual_seed(0))
    images = torch.arange(4000.0).view(-1, 1, 1, 1)
    answers = torch.cat([pool.query(image[None]) for image in images]).flatten()
    assert torch.equal(answers[:50], images[:50].flatten())  # while the pool fills, it returns its inputs
    past = answers[50:] != images[50:].flatten()
    assert past.float().mean().item() == pytest.approx(0.5, abs=0.03)
    age = (images.flatten() - answers)[50:][past]
    assert (age > 0).all()
    assert age.mean().item() == pytest.approx(100, rel=0.1)  # 50 slots, one replaced every other query
    assert len(answers[50:][past].unique()) == past.sum()  # an image that was returned has left the pool


def test_a_pool_of_no_images_passes_fakes_on_and_drops_their_gradient() -> None:
    fakes = torch.ones(2, 3, 4, 4, requires_grad=True)
    answer = ImagePool(0, torch.Generator()).query(fakes)
    assert torch.equal(answer, fakes) and not answer.requires_grad


def test_pool_resumes_where_it_was() -> None:
    rng = torch.Generator().manual_seed(3)
    pool = ImagePool(4, rng)
    pool.query(torch.arange(9.0).view(-1, 1, 1, 1))
    state, position = pool.state_dict(), rng.get_state()
    expected = pool.query(torch.arange(9.0, 20).view(-1, 1, 1, 1))
    rng.set_state(position)
    other = ImagePool(4, rng)
    other.load_state_dict(state, CPU)
    assert torch.equal(other.query(torch.arange(9.0, 20).view(-1, 1, 1, 1)), expected)


def test_average_follows_quickly_at_first_and_by_its_decay_later() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    ema = Ema(network, 0.9)
    nn.init.ones_(network.weight)
    ema.update(network, 0)
    assert ema.network.weight.item() == pytest.approx(0.9)  # 1 - (1 + 0) / (10 + 0)
    assert ema.decay_at(10**6) == 0.9
    assert not ema.network.weight.requires_grad


def test_translation_moves_pixels_by_at_most_an_eighth() -> None:
    image = torch.zeros(200, 1, 32, 32)
    image[:, 0, 16, 16] = 1.0
    places = translate(image, *draw_places(drawn(0), 200, 32, 32)[:2]).nonzero()
    assert len(places) == 200
    assert sorted(places[:, 2].unique().tolist()) == list(range(12, 21))
    assert sorted(places[:, 3].unique().tolist()) == list(range(12, 21))


def test_cutout_clears_at_most_a_quarter() -> None:
    cleared = (cutout(torch.ones(300, 1, 32, 32), *draw_places(drawn(0), 300, 32, 32)[2:]) == 0).float().mean((1, 2, 3))
    assert cleared.max().item() == pytest.approx(0.25, abs=0.03)
    assert cleared.min() < 0.1


def test_augmentation_is_repeatable_and_has_gradients() -> None:
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)).requires_grad_()
    first, second = (diff_augment(images, draw_places(drawn(4), 2, 16, 16)) for _ in range(2))
    assert torch.equal(first, second)
    first.sum().backward()
    assert images.grad is not None and 0 < images.grad.sum() < images.numel()
