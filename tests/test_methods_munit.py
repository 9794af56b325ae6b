"""MUNIT: the paper's gradients and sizes; styles by number, of a picture, and one for a whole folder."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from typer.testing import CliRunner

from cyclegan.methods.config import DiscriminatorConfig, MunitConfig
from cyclegan.methods.method import Batch
from cyclegan.methods.multiscale import MultiScaleDiscriminator
from cyclegan.methods.munit import Munit
from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.config import STYLE, GeneratorConfig
from cyclegan.painting.guide import Guide
from cyclegan.painting.painter import Painter
from cyclegan.painting.palettes import PaletteError
from cyclegan.painting.styled import StyledGenerator
from cyclegan.painting.styles import style_code
from cyclegan.training.schedule import Schedule
from irodori.cli.app import app
from tests.factories import drawing, filled_shapes, largest_difference, save
from tests.methods import in_float64, save_styled, tiny
from tests.steps import assert_gradients_are, at, batch, gradients

torch.set_num_threads(1)


def num_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def to(target: float, judged: list[Tensor]) -> Tensor:
    return torch.stack([(each - target).square().mean() for each in judged]).sum()


def plain_step(method: Munit, images: Batch, cycle: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the gradients of the generators and of the discriminators, each picture passed by itself."""
    a, b, l1 = images.real_a, images.real_b, nn.L1Loss()
    rng = torch.Generator()
    rng.set_state(method._context.rng.get_state())
    asked_a, asked_b = (torch.randn(len(a), STYLE, generator=rng).double() for _ in range(2))
    to_b, to_a = method.g_ab.network, method.g_ba
    assert isinstance(to_b, StyledGenerator)
    for network in method.networks.values():
        network.zero_grad()
    content_a, style_a, content_b, style_b = to_b.content(a), to_a.style(a), to_a.content(b), to_b.style(b)
    fake_b, fake_a = to_b.decode(content_a, asked_b).tanh(), to_a.decode(content_b, asked_a).tanh()
    loss = 10 * l1(to_a.decode(content_a, style_a).tanh(), a) + 10 * l1(to_b.decode(content_b, style_b).tanh(), b)
    loss = loss + l1(to_a.content(fake_b), content_a) + l1(to_b.content(fake_a), content_b)
    loss = loss + l1(to_a.style(fake_a), asked_a) + l1(to_b.style(fake_b), asked_b)
    loss = loss + to(1, method.d_a(fake_a)) + to(1, method.d_b(fake_b))
    if cycle:
        loss = loss + cycle * l1(to_a.decode(to_a.content(fake_b), style_a).tanh(), a)
        loss = loss + cycle * l1(to_b.decode(to_b.content(fake_a), style_b).tanh(), b)
    loss.backward()
    generators = {name: gradients(method.networks[name]) for name in ("g_ab", "g_ba")}
    for discriminator, real, fake in ((method.d_a, a, fake_a), (method.d_b, b, fake_b)):
        discriminator.zero_grad()
        (to(1, discriminator(real)) + to(0, discriminator(fake.detach()))).backward()
    return generators, {name: gradients(method.networks[name]) for name in ("d_a", "d_b")}


@pytest.mark.parametrize("cycle", [0.0, 3.0])
def test_a_step_has_the_papers_gradients(cycle: float) -> None:
    still = {"lr_discriminator": 1e-30}  # the discriminators are updated first, which would change the others' losses
    method: Munit = in_float64(tiny("munit", optimizer=still, losses={"lambda_cycle": cycle}))
    expected = plain_step(method, batch(), cycle)
    assert ("cycle_a" in method.step(batch(), at(0))) == bool(cycle)
    for found in expected:
        assert_gradients_are(method.networks, found, rtol=1e-8, atol=1e-10)


def test_networks_are_as_the_paper_lists_them() -> None:
    """c7s1-64, d128, d256, 4 R256; c7s1-64, d128, 3 d256, fc8; 8, 256, 256; 4 R256, u128, u64, c7s1-3; d64 … d512."""

    def conv(inputs: int, outputs: int, side: int) -> int:
        return inputs * outputs * side**2 + outputs

    blocks = 4 * 2 * conv(256, 256, 3)
    content = conv(3, 64, 7) + conv(64, 128, 4) + conv(128, 256, 4) + blocks
    style = conv(3, 64, 7) + conv(64, 128, 4) + conv(128, 256, 4) + 2 * conv(256, 256, 4) + conv(256, 8, 1)
    dense = conv(8, 256, 1) + conv(256, 256, 1) + conv(256, 4 * 2 * 2 * 256, 1)
    decoder = blocks + conv(256, 128, 5) + 2 * 128 + conv(128, 64, 5) + 2 * 64 + conv(64, 3, 7)
    judge = sum(conv(a, b, 4) for a, b in pairwise((3, 64, 128, 256, 512))) + conv(512, 1, 1)
    with torch.device("meta"):
        assert num_parameters(MultiScaleDiscriminator(DiscriminatorConfig(layers=4))) == 3 * judge
    assert num_parameters(Painter(MunitConfig().generator)) == content + style + dense + decoder


def test_a_style_is_a_mean_and_a_variance_of_each_feature() -> None:
    network = StyledGenerator(GeneratorConfig(network="munit", blocks=1, ngf=4), 3)
    content = torch.rand(1, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    shift, scale = torch.full((16,), 3.0), torch.full((16,), 2.0)
    for parameter in network.blocks.parameters():  # convolutions that change nothing
        nn.init.dirac_(parameter) if parameter.ndim == 4 else nn.init.zeros_(parameter)
    (block,) = network.blocks
    found = block(content, torch.stack([shift, scale, shift, scale])[None])
    inner = F.instance_norm((2 * F.instance_norm(content) + 3).relu())
    torch.testing.assert_close(found, content + 2 * inner + 3)


def test_the_rate_is_halved_as_in_the_paper() -> None:
    schedule = Schedule(warm_up=0, constant=10, decay=0, halving=4)
    assert [schedule.rate(step) for step in (0, 3, 4, 7, 8)] == [1, 1, 0.5, 0.5, 0.25]


def test_a_variant_is_a_style_and_all_drawings_get_the_same(tmp_path: Path) -> None:
    colorizer = Colorizer.load(save_styled(tmp_path / "m.pt"), device="cpu")
    page = drawing(size=64)
    plain, first, second = (np.asarray(colorizer(page, Guide(variant=number))) for number in (0, 1, 2))
    assert np.array_equal(plain, first) and not np.array_equal(first, second)
    read = colorizer.read(page)  # in one style, and then in others
    assert np.array_equal(np.asarray(read.layered(Guide(variant=2)).merged()), second)
    assert np.array_equal(np.asarray(read.layered(Guide()).merged()), first)
    codes = colorizer.palettes(3)
    assert all(np.array_equal(code, style_code(number)) for number, code in enumerate(codes, start=1))
    both = colorizer.paint_batch([page, page], Guide(variant=2))
    assert max(largest_difference(each.merged(), Image.fromarray(second)) for each in both) <= 1


def test_a_picture_gives_its_style_and_what_a_model_lacks_is_a_line(tmp_path: Path) -> None:
    colorizer = Colorizer.load(save_styled(tmp_path / "m.pt"), device="cpu")
    style = colorizer.palette_of(Image.fromarray(filled_shapes()))
    assert style.shape == (STYLE,)
    page = drawing(size=64)
    assert not np.array_equal(np.asarray(colorizer(page, Guide(palette=style))), np.asarray(colorizer(page)))
    with pytest.raises(PaletteError, match="of another model: take them from a picture with this one"):
        colorizer(page, Guide(palette=np.ones((5, 3), np.float32)))
    with pytest.raises(PaletteError, match="of another model"):
        Colorizer.load(save(tmp_path / "p.pt", palette=3), device="cpu")(page, Guide(palette=style))
    for guide in (Guide(palette=style), Guide(variant=2)):
        with pytest.raises(PaletteError, match="this model paints without palettes"):
            Colorizer.load(save(tmp_path / "t.pt", head="tanh"), device="cpu")(page, guide)


def test_the_command_gives_a_folder_in_styles_and_in_that_of_a_picture(tmp_path: Path) -> None:
    inputs = tmp_path / "in"
    inputs.mkdir()
    for number in range(2):
        drawing(2003 + number, 64).save(inputs / f"{number}.png")
    Image.fromarray(filled_shapes()).save(tmp_path / "like.png")
    words = ["colorize", str(inputs), str(tmp_path / "out"), "--model", str(save_styled(tmp_path / "m.pt"))]
    done = CliRunner().invoke(app, [*words, "--variants", "2", "--like", str(tmp_path / "like.png")])
    assert done.exit_code == 0, done.output
    pictures = {path.parent.name: path.read_bytes() for path in (tmp_path / "out").rglob("0.png")}
    assert len(pictures) == len(set(pictures.values())) == 3 and "like" in pictures
