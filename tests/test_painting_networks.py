"""Tests the published architecture of the networks and what was added to it."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from cyclegan.methods.config import CycleGanConfig, DiscriminatorConfig
from cyclegan.methods.discriminator import Discriminator
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.layers import compose, in_colours
from cyclegan.painting.networks import init_weights
from cyclegan.painting.painter import Painter
from cyclegan.painting.palettes import palette_of
from cyclegan.training.config import ScheduleConfig, TrainConfig, preset

torch.set_num_threads(1)
SMALL = GeneratorConfig(blocks=1, ngf=4)


def num_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def seeded(config: GeneratorConfig, seed: int = 0) -> Painter:
    generator = Painter(config)
    init_weights(generator, torch.Generator().manual_seed(seed))
    return generator


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(5)) * 2 - 1


def receptive_field(network: nn.Module, side: int) -> int:
    """Counts the pixels of a row that one central output pixel depends on, by its gradient."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.InstanceNorm2d):
                setattr(module, name, nn.Identity())  # a norm depends on the whole image
            elif isinstance(child, nn.ReLU | nn.LeakyReLU | nn.Tanh):
                setattr(module, name, nn.Identity())
    for parameter in network.parameters():
        nn.init.constant_(parameter, 1e-3)
    image = torch.zeros(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    output = network.double()(image)
    output[0, 0, output.shape[2] // 2, output.shape[3] // 2].backward()
    assert image.grad is not None
    return int((image.grad[0, 0].abs().sum(0) > 0).sum())


@pytest.mark.parametrize(("blocks", "millions"), [(6, 7.84), (9, 11.38), (12, 14.92), (15, 18.46)])
def test_generator_has_the_published_size(blocks: int, millions: float) -> None:
    with torch.device("meta"):
        assert num_parameters(Painter(GeneratorConfig(blocks=blocks, ngf=64))) / 1e6 == pytest.approx(
            millions, abs=0.005
        )


def test_discriminator_has_the_published_size() -> None:
    with torch.device("meta"):
        assert num_parameters(Discriminator(DiscriminatorConfig())) / 1e6 == pytest.approx(2.765, abs=0.0005)


@pytest.mark.parametrize(("blocks", "pixels"), [(6, 121), (9, 169), (12, 217), (15, 265)])
def test_generator_sees_as_far_as_published(blocks: int, pixels: int) -> None:
    # always odd: the largest field among the four phases of an up-sampled pixel
    network = Painter(GeneratorConfig(blocks=blocks, ngf=4))
    assert abs(receptive_field(network, 288) - pixels) <= 4


@pytest.mark.parametrize(("layers", "pixels"), [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_patch_gan_sees_70_pixels(layers: int, pixels: int) -> None:
    assert receptive_field(Discriminator(DiscriminatorConfig(ndf=4, layers=layers)), 256) == pixels


def test_discriminator_judges_30_by_30_patches_of_256_pixels() -> None:
    assert Discriminator(DiscriminatorConfig(ndf=4))(torch.zeros(2, 3, 256, 256)).shape == (2, 1, 30, 30)


@pytest.mark.parametrize("upsample", ["transposed", "nearest"])
@pytest.mark.parametrize("head", ["tanh", "line_keeping"])
def test_generator_keeps_shape_and_range(head: str, upsample: str) -> None:
    generator = seeded(GeneratorConfig.model_validate({**SMALL.model_dump(), "head": head, "upsample": upsample}))
    y = generator(noise(2, 3, 20, 24))
    assert y.shape == (2, 3, 20, 24)
    assert y.abs().max() <= 1


def test_line_keeping_head_never_brightens_and_keeps_black_black() -> None:
    generator = seeded(SMALL.model_copy(update={"head": "line_keeping"}))
    x = noise(1, 3, 32, 32)
    x[..., 10:12] = -1.0
    y = generator(x)
    assert (y[..., 10:12] == -1.0).all()
    assert (y <= x + 1e-6).all()


def test_an_image_is_translated_alike_alone_and_in_a_batch_in_train_and_eval() -> None:
    generator = seeded(SMALL).double()
    images = noise(3, 3, 16, 16).double()
    together = generator.train()(images)
    alone = torch.cat([generator.eval()(image[None]) for image in images])
    torch.testing.assert_close(together, alone)


def test_weights_are_drawn_from_the_given_generator_only() -> None:
    before = torch.get_rng_state()
    generator = Painter(SMALL)
    torch.set_rng_state(before)
    init_weights(generator, torch.Generator().manual_seed(1))
    assert torch.equal(before, torch.get_rng_state())
    again = seeded(SMALL, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(generator.parameters(), again.parameters(), strict=True))
    weight = Painter(GeneratorConfig(blocks=2, ngf=16))
    init_weights(weight, torch.Generator().manual_seed(0))
    values = torch.cat([p.flatten() for name, p in weight.named_parameters() if name.endswith("weight")])
    assert values.std().item() == pytest.approx(0.02, rel=0.02)


def with_palettes() -> Painter:
    return seeded(SMALL.model_copy(update={"head": "line_keeping", "palette": 5}))


def test_a_palette_is_the_mean_colour_beside_the_lines() -> None:
    regions = torch.zeros(1, 3, 4, 4)
    regions[:, 1, :2], regions[:, 2, 2:] = 1.0, 1.0
    layer = (
        torch.tensor([[1.0, 0.5, 0.0], [0.2, 0.4, 0.6]])[:, :, None].expand(2, 3, 8).transpose(0, 1).reshape(1, 3, 4, 4)
    )
    lines = torch.tensor([1.0, 0.0, 0.5, 1.0]).expand(1, 3, 4, 4)
    palette = palette_of(regions, lines * 2 - 1, layer * lines * 2 - 1)
    expected = torch.tensor([[[1.0, 1.0, 1.0], [1.0, 0.5, 0.0], [0.2, 0.4, 0.6]]])
    torch.testing.assert_close(palette, expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(compose(in_colours(regions, expected), lines * 2 - 1), layer * lines * 2 - 1)


def test_a_region_that_is_nowhere_has_some_colour_in_range() -> None:
    palette = palette_of(torch.zeros(1, 2, 4, 4), noise(1, 3, 4, 4), noise(1, 3, 4, 4))
    assert palette.isfinite().all() and 0 <= palette.min() and palette.max() <= 1


def test_the_palette_says_the_colours_and_the_drawing_the_regions() -> None:
    generator, lineart = with_palettes(), noise(1, 3, 32, 32)
    torch.testing.assert_close(generator.regions(lineart).sum(1), torch.ones(1, 32, 32))
    blue = torch.tensor([0.0, 0.0, 1.0]).expand(1, 5, 3)
    painted = (generator(lineart, blue) + 1) / 2
    assert painted[:, :2].max() < 1e-6
    torch.testing.assert_close(painted[:, 2], (lineart[:, 2] + 1) / 2)


def test_without_a_palette_a_drawing_gets_a_remembered_one_and_always_the_same() -> None:
    generator, lineart = with_palettes(), noise(2, 3, 32, 32)
    generator.remember((noise(3, 32, 32), noise(3, 32, 32) * level) for level in (0.2, 0.5, 0.9))
    assert generator.remembered.shape == (3, 5, 3)
    assert len(torch.unique(generator.remembered, dim=0)) == 3
    assert (generator.remembered[:, 0] == 1).all()
    both = generator(lineart)
    torch.testing.assert_close(both[1:], generator(lineart[1:]))
    distances = [(both[:1] - generator(lineart[:1], one[None])).abs().max() for one in generator.remembered]
    assert min(distances) < 1e-6 < max(distances)


def test_remembered_palettes_travel_with_the_weights() -> None:
    generator = with_palettes()
    generator.remember([(noise(3, 32, 32), noise(3, 32, 32))])
    other = Painter(generator.config)
    other.load_state_dict(generator.state_dict())
    assert torch.equal(other(noise(1, 3, 16, 16)), generator(noise(1, 3, 16, 16)))


def test_presets_are_known_by_name() -> None:
    paper = preset("paper")
    assert isinstance(paper.method, CycleGanConfig)
    generator, losses = paper.method.generator, paper.method.losses
    assert (generator.blocks, generator.head, generator.palette) == (9, "tanh", 0)
    assert (losses.lambda_cycle_a, losses.lambda_cycle_b, losses.lambda_identity) == (10, 10, 0.5)
    assert (paper.batch, paper.method.pool, paper.data.crop, paper.method.augment) == (1, 50, 256, False)
    assert (paper.schedule.constant_epochs, paper.schedule.decay_epochs) == (100, 100)
    assert preset("demo").data.crop <= 96
    with pytest.raises(ValueError, match="no preset 'fast'; choose one of paper, default, small, demo"):
        preset("fast")  # type: ignore[arg-type]


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="ngff"):
        GeneratorConfig.model_validate({"ngff": 64})


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match='palette needs head="line_keeping"'):
        GeneratorConfig(palette=4)
    with pytest.raises(ValidationError, match="lambda_pseudo above 0"):
        CycleGanConfig(generator=GeneratorConfig(head="line_keeping", palette=4))
    with pytest.raises(ValidationError, match="lambda_pseudo above 0"):
        TrainConfig(schedule=ScheduleConfig(warm_up_epochs=1))
    with pytest.raises(ValidationError, match="0 epochs trains nothing"):
        ScheduleConfig(constant_epochs=0, decay_epochs=0)
