"""U-GAT-IT: the paper's gradients, sizes and norms; any size of picture, of the full network, too."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cyclegan.methods.attentive import AttentiveDiscriminator, BothDiscriminators
from cyclegan.methods.config import DiscriminatorConfig, UgatitConfig
from cyclegan.methods.method import Batch
from cyclegan.methods.spectral import spectral_norm
from cyclegan.methods.ugatit import Ugatit
from cyclegan.painting.attention import AdaLin, AttentionGenerator, Lin, Mixed
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.painter import Painter
from cyclegan.scoring.samples import looked_at, sample_sheet
from cyclegan.training.config import preset
from tests.methods import in_float64, tiny
from tests.steps import assert_gradients_are, at, batch, gradients

torch.set_num_threads(1)


def num_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def to(target: float, *judged: Tensor) -> Tensor:
    mse = nn.MSELoss()
    return torch.stack([mse(each, torch.full_like(each, target)) for each in judged]).sum()


def plain_step(method: Ugatit, images: Batch) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the gradients of the generators and of the discriminators, each picture passed by itself."""
    a, b, bce, l1 = images.real_a, images.real_b, nn.BCEWithLogitsLoss(), nn.L1Loss()
    one = lambda logits: bce(logits, torch.ones_like(logits))  # noqa: E731
    zero = lambda logits: bce(logits, torch.zeros_like(logits))  # noqa: E731

    def made(generator: Painter, image: Tensor) -> tuple[Tensor, Tensor]:
        found, cam, _ = generator.network.attend(image)  # type: ignore[operator]
        layer = found.tanh()
        return (layer if generator.config.head == "tanh" else (layer + 1) / 2 * (image + 1) - 1), cam

    for network in method.networks.values():
        network.zero_grad()
    fake_b, cam_a2b = made(method.g_ab, a)
    fake_a, cam_b2a = made(method.g_ba, b)
    rec_a, rec_b = made(method.g_ba, fake_b)[0], made(method.g_ab, fake_a)[0]
    same_a, cam_a2a = made(method.g_ba, a)
    same_b, cam_b2b = made(method.g_ab, b)
    loss = to(1, *method.d_a(fake_a)) + to(1, *method.d_b(fake_b)) + 10 * (l1(rec_a, a) + l1(rec_b, b))
    loss = loss + 10 * (l1(same_a, a) + l1(same_b, b))
    (loss + 1000 * (one(cam_b2a) + zero(cam_a2a) + one(cam_a2b) + zero(cam_b2b))).backward()
    generators = {name: gradients(method.networks[name]) for name in ("g_ab", "g_ba")}
    for name, real, fake in (("d_a", a, fake_a), ("d_b", b, fake_b)):
        method.networks[name].zero_grad()
        (to(1, *method.networks[name](real)) + to(0, *method.networks[name](fake.detach()))).backward()
    return generators, {name: gradients(method.networks[name]) for name in ("d_a", "d_b")}


@pytest.mark.parametrize("full", [0, 32])
def test_a_step_has_the_papers_gradients(full: int) -> None:
    still = {"lr_discriminator": 1e-30}  # the discriminators are updated first, which would change the others' losses
    generator = {"network": "ugatit", "blocks": 1, "ngf": 4, "head": "line_keeping", "full": full}
    settings = tiny("ugatit", optimizer=still, generator={**generator, "full": 0})
    settings = settings.model_copy(
        update={"method": settings.method.model_copy(update={"generator": GeneratorConfig.model_validate(generator)})}
    )
    method: Ugatit = in_float64(settings)
    for discriminators in (method.d_a, method.d_b):
        discriminators.eval()  # no step of the power method in between
    expected = plain_step(method, batch())
    method.step(batch(), at(0))
    for found in expected:
        assert_gradients_are(method.networks, found, rtol=1e-8, atol=1e-9)


def test_networks_have_the_published_sizes() -> None:
    with torch.device("meta"):
        light = num_parameters(Painter(UgatitConfig().generator))
        assert 2 * light / 1e6 == pytest.approx(21.2, abs=0.05)
        # the dense layer sees all 64 × 64 × 256 features of 256 px, instead of 256 means
        assert num_parameters(Painter(preset("paper", "ugatit").method.generator)) - light == (64 * 64 - 1) * 256 * 256
    assert 2 * num_parameters(BothDiscriminators(DiscriminatorConfig())) / 1e6 == pytest.approx(112.8, abs=0.05)


def test_norms_mix_instance_and_layer_norm() -> None:
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gamma, beta = torch.full((2, 3), 2.0), torch.full((2, 3), 5.0)
    ada = AdaLin(3)
    assert (ada.rho == 0.9).all()
    nn.init.ones_(ada.rho)
    torch.testing.assert_close(ada(x, gamma, beta), 2 * nn.InstanceNorm2d(3)(x) + 5, rtol=0.01, atol=0.01)
    own = Lin(3)
    assert (own.rho == 0).all()
    torch.testing.assert_close(own(x), nn.functional.layer_norm(x, x.shape[1:]), rtol=0.01, atol=0.01)
    assert own(x.bfloat16()).dtype is torch.bfloat16


def test_shares_of_norms_stay_between_0_and_1() -> None:
    method: Ugatit = in_float64(tiny("ugatit"))  # whose shares are of any size
    method.step(batch(), at(0))
    shares = [module.rho for module in method.g_ab.modules() if isinstance(module, Mixed)]
    assert len(shares) == 4 and all(0 <= share.min() and share.max() <= 1 for share in shares)


def test_spectral_norm_makes_the_largest_singular_value_1() -> None:
    layer = spectral_norm(nn.Conv2d(3, 8, 4))
    for _ in range(200):
        layer(torch.zeros(1, 3, 8, 8))
    assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("full", [0, 32])
def test_the_full_network_takes_any_size_too(full: int) -> None:
    painter = Painter(GeneratorConfig(network="ugatit", blocks=1, ngf=4, full=full))
    assert painter(torch.zeros(1, 3, 24, 44)).shape == (1, 3, 24, 44)


def test_discriminators_take_the_least_crop_and_no_less() -> None:
    least = UgatitConfig().smallest_crop
    assert least == 96
    discriminator = AttentiveDiscriminator(4, 5)
    assert discriminator(torch.zeros(1, 3, least, least))[0].shape == (1, 1, 1, 1)
    with pytest.raises(RuntimeError):
        discriminator(torch.zeros(1, 3, least - 4, least - 4))
    with pytest.raises(ValueError, match=r"data.crop 64 is too small for method ugatit; 96 or more"):
        preset("demo", "ugatit").changed({"data": {"crop": 64}})
    with pytest.raises(ValueError, match=r"generator.full 128 must be data.crop \(256\), or 0"):
        preset("paper", "ugatit").changed({"method": {"generator": {"full": 128}}})


def test_the_sheet_shows_what_is_looked_at() -> None:
    painter = Painter(GeneratorConfig(network="ugatit", blocks=1, ngf=4)).eval()
    assert isinstance(painter.network, AttentionGenerator)
    drawing = np.full((40, 30), 255, np.uint8)
    drawing[10:20] = 0
    (heat,) = looked_at(painter, [drawing])
    assert heat.shape == (40, 30, 3) and heat.std() > 0
    one = sample_sheet([drawing], [heat], [heat])
    assert sample_sheet([drawing], [heat], [heat], [heat]).width > one.width
    assert looked_at(Painter(GeneratorConfig(blocks=1, ngf=4)), [drawing]) == []
