"""What a generator sees of a drawing, which palette it lays under it, and where the colours land."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from cyclegan.methods.augment import draw_places, translate
from cyclegan.methods.image_pool import ImagePool
from cyclegan.methods.method import Context
from cyclegan.painting.checkpoint import CheckpointError, export_painter
from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.guide import Guide
from cyclegan.painting.painter import Painter
from cyclegan.painting.palettes import palette_of
from imaging.lineart import Normalization
from tests.factories import give_palettes
from tests.handmade import (
    BLUE,
    CONFIG,
    ORANGE,
    RED,
    SIZE,
    VIOLET,
    coloured,
    ink_and_pencil,
    known_painter,
    put_all_in_region,
    save_known,
    times,
)

torch.set_num_threads(1)


def seeing(painter: Painter) -> tuple[Colorizer, list[Tensor]]:
    """A colorizer, and all that its generator will have been given."""
    seen: list[Tensor] = []
    painter.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    return Colorizer(painter, Normalization(), SIZE, "cpu"), seen


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((64, 64), (64, 64)),
        ((200, 200), (64, 64)),
        ((640, 320), (64, 128)),
        ((20, 30), (96, 64)),
    ],
)
def test_a_drawing_is_seen_at_the_size_of_the_training(size: tuple[int, int], shape: tuple[int, int]) -> None:
    colorizer, seen = seeing(known_painter({1: ORANGE}, 1))
    colorizer(Image.fromarray(ink_and_pencil(64, 64)).resize(size))
    assert [tuple(image.shape) for image in seen] == [(1, 3, *shape)]


@pytest.mark.parametrize("size", [(1000, 100), (9, 3000)])
def test_a_long_drawing_is_seen_in_pieces_none_more_than_three_times_as_long_as_wide(size: tuple[int, int]) -> None:
    colorizer, seen = seeing(known_painter({1: ORANGE}, 1))
    result = colorizer(Image.fromarray(ink_and_pencil(64, 64)).resize(size))
    assert result.size == size and sum(len(image) for image in seen) > 3
    assert all(max(image.shape[2:]) <= 3.1 * min(image.shape[2:]) for image in seen)


def test_what_is_added_to_a_side_is_mirrored_and_lies_behind_it() -> None:
    page = np.full((64, 70), 255, np.uint8)
    page[10], page[:, 66] = 190, 189  # as dark as the normalization wants them
    colorizer, seen = seeing(known_painter({1: ORANGE}, 1))
    colorizer(Image.fromarray(page))
    levels = ((seen[0][0] + 1) * 127.5).round().numpy().astype(int)
    assert (levels == np.pad(page, ((0, 0), (0, 2)), "symmetric")).all()


@pytest.mark.parametrize("size", [(64, 64), (67, 65), (70, 66)])
def test_colours_land_where_they_were_seen(size: tuple[int, int]) -> None:
    """By a generator that makes a black and white pattern of grain too light to be lines."""

    class Pattern(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.where(x > 0.99, 5.0, -5.0)

    painter = Painter(GeneratorConfig(blocks=1, ngf=4))
    painter.network = Pattern()
    page = np.random.default_rng(0).choice([252, 255], size[::-1]).astype(np.uint8)
    colorizer = Colorizer(painter, Normalization(), min(size), "cpu")
    result = np.asarray(colorizer(Image.fromarray(page), Guide(soft=True)))[..., 0].astype(float)
    inner, shifts = result[4:-4, 4:-4], [(down, right) for down in range(-4, 5) for right in range(-4, 5)]
    alike = {
        (down, right): np.corrcoef(np.roll(page, (down, right), (0, 1))[4:-4, 4:-4].ravel(), inner.ravel())[0, 1]
        for down, right in shifts
    }
    assert max(alike, key=alike.__getitem__) == (0, 0) and alike[0, 0] > 0.5


def test_sixteen_bits_are_read_as_eight(tmp_path: Path) -> None:
    colours = {1: ORANGE, 2: VIOLET}
    colorizer = Colorizer.load(
        save_known(tmp_path / "a.pt", known_painter(colours, 1), known_painter(colours, 2)), device="cpu"
    )
    grey = np.asarray(Image.fromarray(ink_and_pencil(70, 90)).convert("L"))
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    assert np.array_equal(np.asarray(colorizer(deep)), times(np.dstack([grey] * 3), ORANGE))


def test_an_exported_generator_is_the_one_that_serves(tmp_path: Path) -> None:
    colours = {1: ORANGE, 2: VIOLET}
    whole = save_known(tmp_path / "a.pt", known_painter(colours, 1), known_painter(colours, 2))
    for weights, colour in (("ema", ORANGE), ("raw", VIOLET)):
        size = export_painter(whole, weights, tmp_path / "small.pt", largest=10**6)  # type: ignore[arg-type]
        assert size == (tmp_path / "small.pt").stat().st_size < whole.stat().st_size
        painted = coloured(Colorizer.load(tmp_path / "small.pt", device="cpu"), np.full((64, 64, 3), 255, np.uint8))
        assert np.abs(painted[0, 0].astype(int) - colour).max() <= 1  # half the bits
    assert export_painter(whole, "ema", tmp_path / "small.pt", largest=size - 1) == size
    assert not (tmp_path / "small.pt").exists()


def test_an_exported_painter_is_not_asked_for_its_raw_weights(tmp_path: Path) -> None:
    """It is neither of another version nor damaged: it has only the weights that serve."""
    whole, small = save_known(tmp_path / "a.pt", known_painter({}), known_painter({})), tmp_path / "small.pt"
    export_painter(whole, "ema", small, largest=10**6)
    line = f"{small}: an exported painter, which has no raw weights; ask for its ema weights"
    with pytest.raises(CheckpointError) as error:
        Colorizer.load(small, device="cpu", weights="raw")
    assert str(error.value) == line
    with pytest.raises(CheckpointError) as error:
        export_painter(small, "raw", tmp_path / "smaller.pt", largest=10**6)
    assert str(error.value) == line


def remembering(colours: list[tuple[int, int, int]]) -> Colorizer:
    """Of all 64 palettes, in their order, the colour of the one region that there is."""
    painter = Painter(CONFIG)
    put_all_in_region(painter, 1)
    palettes = torch.ones(len(colours), CONFIG.palette, 3)
    palettes[:, 1] = torch.tensor(colours) / 255
    give_palettes(painter, palettes)
    return Colorizer(painter, Normalization(), SIZE, "cpu")


def test_a_drawing_gets_the_same_colours_alone_and_among_others() -> None:
    colorizer, pages = remembering([RED] * 40 + [BLUE] * 24), [ink_and_pencil(64, 64) for _ in range(5)]
    for number, page in enumerate(pages):
        page[60, 2 : 4 + number] = 0
    papers = [tuple(coloured(colorizer, page)[0, 0].tolist()) for page in pages]
    together = [layers.merged() for layers in colorizer.paint_batch([Image.fromarray(page) for page in pages[::-1]])]
    assert [tuple(np.asarray(image)[0, 0].tolist()) for image in together] == papers[::-1] == [RED] * 5


def test_variants_are_not_just_the_first_palettes() -> None:
    offered = remembering([RED] * 40 + [BLUE] * 24).palettes(2)
    assert sorted(tuple(np.rint(255 * palette[1]).astype(int).tolist()) for palette in offered) == sorted([RED, BLUE])


def test_a_picture_lighter_than_its_lines_has_no_colour_beyond_white() -> None:
    shares = torch.full((1, 2, 8, 8), 0.5)
    lines, picture = torch.full((1, 3, 8, 8), -0.5), torch.ones(1, 3, 8, 8)
    picture[:, 2] = -0.75
    assert palette_of(shares, lines, picture)[0].numpy() == pytest.approx(np.array([[1, 1, 1], [1, 1, 0.5]]), abs=1e-3)


def test_translation_goes_its_own_way_in_each_direction() -> None:
    image = torch.zeros(400, 1, 32, 64)
    image[:, 0, 16, 32] = 1.0
    draw = Context(torch.device("cpu"), torch.Generator().manual_seed(0)).draw
    places = translate(image, *draw_places(draw, 400, 32, 64)[:2]).nonzero()[:, 2:]
    assert sorted(places[:, 0].unique().tolist()) == list(range(12, 21))
    assert sorted(places[:, 1].unique().tolist()) == list(range(24, 41))
    assert len(places.unique(dim=0)) > 100  # of 9 × 17


def test_no_place_of_a_pool_keeps_its_image_for_ever() -> None:
    for size in (1, 2, 5):
        pool = ImagePool(size, torch.Generator().manual_seed(0))
        for number in range(200):
            pool.query(torch.full((1, 3, 2, 2), float(number)))
        held = pool.state_dict()["images"]
        assert held.shape == (size, 3, 2, 2) and held.min() > 100
