"""Tests how training images become batches and generators' outputs become pictures."""

from collections import Counter

import cv2
import numpy as np
import pytest
import torch

from cyclegan.errors import TrainingError
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.painter import Painter
from cyclegan.painting.tensors import to_range, to_uint8
from cyclegan.scoring.samples import sample_sheet, translate
from cyclegan.training.config import TrainConfig
from cyclegan.training.dataset import Batches, TrainingData
from cyclegan.training.pixels import keep
from imaging.line_style import LineStyle, measure_lines
from imaging.lines import extract_lines
from tests.factories import filled_shapes, train_config

torch.set_num_threads(1)
CPU = torch.device("cpu")


def settings(batch: int = 1, crop: int = 16, flip: bool = False, pseudo: float = 0.0) -> TrainConfig:
    return train_config(batch=batch, data={"crop": crop, "flip": flip}, losses={"lambda_pseudo": pseudo})


def flat(levels: range, *shape: int) -> list[np.ndarray]:
    return [np.full(shape, level, np.uint8) for level in levels]


def batches(data: TrainingData, config: TrainConfig) -> Batches:
    return Batches(data, config, CPU, torch.Generator().manual_seed(0), lambda gray: gray)


def test_each_domain_is_shuffled_anew_and_seen_whole_before_any_image_comes_again() -> None:
    source = batches(TrainingData(flat(range(8), 16, 16), flat(range(100, 105), 16, 16, 3)), settings())
    drawn = [source.next() for _ in range(40)]
    for images, count in (([d.real_a for d in drawn], 8), ([d.real_b for d in drawn], 5)):
        seen = [int(to_uint8(image)[0, 0, 0, 0]) for image in images]
        passes = [seen[start : start + count] for start in range(0, 40, count)]
        assert all(len(set(one)) == count for one in passes)
        assert len({tuple(one) for one in passes}) > len(passes) // 2


def test_a_batch_is_three_channels_in_range() -> None:
    batch = batches(TrainingData(flat(range(3), 20, 30), flat(range(253, 256), 40, 20, 3)), settings(2)).next()
    assert batch.real_a.shape == batch.real_b.shape == (2, 3, 16, 16)
    assert batch.real_a.max() <= -0.98 and batch.real_b.min() >= 0.98
    assert batch.lines_b is None


def test_crops_reach_every_place_and_half_are_mirrored() -> None:
    ramp = np.tile(np.arange(20, dtype=np.uint8), (16, 1))
    source = batches(TrainingData([ramp], flat(range(1), 16, 16, 3)), settings(flip=True))
    rows = [tuple(to_uint8(source.next().real_a)[0, 0, 0].tolist()) for _ in range(300)]
    mirrored = [row[0] > row[-1] for row in rows]
    assert np.mean(mirrored) == pytest.approx(0.5, abs=0.1)
    assert Counter(min(row) for row in rows).keys() == {0, 1, 2, 3, 4}


def test_extracted_lines_are_cropped_and_mirrored_with_their_picture() -> None:
    image = filled_shapes()
    source = batches(TrainingData(flat(range(1), 64, 64), [image]), settings(crop=32, flip=True, pseudo=1.0))
    for _ in range(20):
        batch = source.next()
        assert batch.lines_b is not None
        crop, lines = to_uint8(batch.real_b)[0], to_uint8(batch.lines_b)[0, 0]
        assert torch.equal(lines < 64, (crop == 0).all(0))


def test_batches_resume_where_they_were() -> None:
    data = TrainingData(flat(range(5), 20, 20), flat(range(7), 20, 20, 3))
    rng = torch.Generator().manual_seed(0)
    source = Batches(data, settings(3, flip=True), CPU, rng, lambda gray: gray)
    source.next()
    state, position = source.state_dict(), rng.get_state()
    expected = [source.next() for _ in range(5)]
    rng.set_state(position)
    other = Batches(data, settings(3, flip=True), CPU, rng, lambda gray: gray)
    other.load_state_dict(state)
    for batch in expected:
        again = other.next()
        assert torch.equal(batch.real_a, again.real_a) and torch.equal(batch.real_b, again.real_b)


def test_an_empty_domain_and_small_images_are_named_in_one_line() -> None:
    a, b = flat(range(2), 32, 32), flat(range(2), 32, 32, 3)
    with pytest.raises(TrainingError, match=r"^domain A \(lineart\) has no training images; .*$"):
        TrainingData([], b).check(32)
    with pytest.raises(TrainingError, match=r"^domain B \(colour\) has no training images; .*$"):
        TrainingData(a, []).check(32)
    small = [*b, np.zeros((40, 20, 3), np.uint8)]
    with pytest.raises(TrainingError, match=r"^1 of 3 images of domain B .* smaller than the crop of 32 px .*20×40"):
        TrainingData(a, small).check(32)
    TrainingData(a, b).check(32)


def test_the_fingerprint_sees_every_pixel_and_the_order_of_the_images() -> None:
    a, b = flat(range(2), 4, 4), flat(range(2), 4, 4, 3)
    changed = [b[0], b[1].copy()]
    changed[1][3, 3, 2] = 77
    prints = {TrainingData(*each).fingerprint() for each in ((a, b), (a, changed), (a[::-1], b))}
    assert len(prints) == 3
    assert TrainingData(a, b).fingerprint() == TrainingData(list(a), list(b), a, b).fingerprint()


def test_every_grey_level_survives_the_way_to_a_tensor_and_back() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(to_range(levels)), levels)
    assert to_uint8(torch.tensor([-1.5, -1.0, 0.0, 1.0, 1.5])).tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 19), (33, 16)])
def test_translation_keeps_size_orientation_and_tone(height: int, width: int) -> None:
    lineart = np.arange(height * width, dtype=np.uint8).reshape(height, width)
    painter = Painter(GeneratorConfig(blocks=1, ngf=4, head="line_keeping", palette=3))
    coloured = translate(painter, lineart)  # the first palettes are white
    assert coloured.dtype == np.uint8
    assert (coloured == lineart[..., None]).all() and coloured.shape == (height, width, 3)


def test_the_sheet_shows_any_number_of_drawings() -> None:
    for count in (1, 3, 30):
        colour = flat(range(count), 20, 20, 3)
        sheet = sample_sheet(flat(range(count), 20, 20), colour, colour)
        assert len(sheet.getcolors(maxcolors=100_000) or []) > count


def test_lines_are_taken_from_a_colour_picture() -> None:
    lines = extract_lines(filled_shapes())
    true = filled_shapes()[..., 0] == 0
    assert lines.shape == (64, 64) and lines.dtype == np.uint8
    assert (lines[true] < 64).all()
    assert (lines[~true] > 192).mean() > 0.98


def test_a_picture_without_lines_gives_blank_paper() -> None:
    assert extract_lines(np.full((48, 40, 3), 90, np.uint8)).min() == 255
    assert extract_lines(np.zeros((48, 40, 3), np.uint8)).min() == 255


def test_the_lineart_is_described_for_those_who_serve_the_model() -> None:
    drawings = [np.full((30, 40), 10, np.uint8), np.full((36, 30), 20, np.uint8), np.full((50, 34), 30, np.uint8)]
    held_out = [np.arange(26, dtype=np.uint8)[:, None].repeat(12, axis=1)]
    seen = TrainingData(drawings, [], held_out).describe_lineart(crop=20)
    assert seen["size"] == 30
    assert LineStyle.from_dict(seen["style"]) == measure_lines(drawings)
    assert seen["examples"].shape == (1, 20, 20)  # a higher image is cropped to its middle, a narrower one is kept
    assert seen["examples"][0, :, 0].tolist() == list(range(3, 23))
    assert TrainingData(drawings, []).describe_lineart(crop=20)["examples"][:, 0, 0].tolist() == [10, 20, 30]


def test_pictures_beyond_the_budget_are_mapped_and_come_out_the_same() -> None:
    images, small = TrainingData(flat(range(8), 20, 24), [filled_shapes() for _ in range(5)]), settings(3, pseudo=1.0)
    in_memory, mapped = (
        Batches(images, small.model_copy(update={"memory_gb": gb}), CPU, torch.Generator().manual_seed(0), lambda g: g)
        for gb in (1.0, 1e-6)
    )
    assert isinstance(keep(images.b, 1e9)[0], np.ndarray) and not isinstance(keep(images.b, 1e9)[0], np.memmap)
    assert all(isinstance(image, np.memmap) for image in keep(images.b, 100))
    assert all(np.array_equal(one, other) for one, other in zip(keep(images.b, 100), images.b, strict=True))
    for _ in range(10):
        one, other = in_memory.next(), mapped.next()
        assert torch.equal(one.real_a, other.real_a) and torch.equal(one.real_b, other.real_b)
        assert one.lines_b is not None and other.lines_b is not None and torch.equal(one.lines_b, other.lines_b)
    pairs = zip(in_memory.pseudo_pairs(4), mapped.pseudo_pairs(4), strict=True)
    assert all(torch.equal(one[0], other[0]) and torch.equal(one[1], other[1]) for one, other in pairs)


def test_lines_are_those_that_were_extracted_and_toned_whole() -> None:
    """Cropped from what `normalize` made of the whole picture's lines, and repeated in three channels."""
    image = filled_shapes("navy")
    source = Batches(
        TrainingData(flat(range(1), 64, 64), [image]),
        settings(crop=64, pseudo=1.0),
        CPU,
        torch.Generator().manual_seed(0),
        lambda gray: gray // 2 + 7,
    )
    batch = source.next()
    assert batch.lines_b is not None
    style = measure_lines(flat(range(1), 64, 64))
    renderings = [extract_lines(image, style, variant) // 2 + 7 for variant in range(3)]
    found = to_uint8(batch.lines_b)[0].numpy()
    assert any((found == each).all() for each in renderings) and batch.lines_b.shape == (1, 3, 64, 64)
    assert (to_uint8(batch.real_b)[0].permute(1, 2, 0).numpy() == image).all()
    ((lines, picture),) = source.pseudo_pairs(5)
    assert (to_uint8(lines).numpy() == renderings[0]).all()
    assert (to_uint8(picture).permute(1, 2, 0).numpy() == image).all()


@pytest.mark.parametrize("pseudo", [0.0, 1.0])
def test_grounds_are_as_blank_as_those_of_the_drawings(pseudo: float) -> None:
    """An image with lines all over the drawings' grounds keeps its own."""
    disc = np.full((96, 96, 3), (40, 160, 90), np.uint8)
    cv2.circle(disc, (48, 48), 24, (230, 60, 60), -1)
    plain = np.full((96, 96), 255, np.uint8)
    cv2.circle(plain, (48, 48), 24, 0, 2)
    hatched = np.where(np.indices(plain.shape).min(0) % 8, plain, 0).astype(np.uint8)
    shown = {}
    for name, drawing in (("plain", plain), ("hatched", hatched)):
        images = TrainingData([drawing], [disc])
        (shown[name],) = batches(images, settings(crop=96, pseudo=pseudo)).next().real_b
    green = to_uint8(shown["hatched"]).permute(1, 2, 0).numpy()
    white = to_uint8(shown["plain"]).permute(1, 2, 0).numpy()
    assert (green[:10] == (40, 160, 90)).all() and (white[:10] == 255).all()
    assert (green[40:56, 40:56] == white[40:56, 40:56]).all()


def test_a_run_goes_on_whose_grounds_were_not_white() -> None:
    """What the pictures are says whether a run may go on, not what is made of them."""
    images = TrainingData(flat(range(3), 40, 40), [filled_shapes() for _ in range(3)])
    before = images.fingerprint()
    batches(images, settings(crop=20, pseudo=1.0)).next()
    assert images.fingerprint() == before == TrainingData(images.a, images.b).fingerprint()


def test_a_picture_comes_with_each_rendering_of_its_lines() -> None:
    image = cv2.resize(filled_shapes(), (96, 96), interpolation=cv2.INTER_NEAREST)
    cv2.circle(image, (48, 48), 30, (200, 120, 40), -1)  # no outline: renderings of a border differ
    data = TrainingData(flat(range(1), 96, 96), [np.asarray(image, dtype=np.uint8)])
    source = batches(data, settings(crop=96, pseudo=1.0))
    counted = Counter(
        batch.lines_b.numpy().tobytes() for batch in (source.next() for _ in range(60)) if batch.lines_b is not None
    )
    assert len(counted) == 3 and min(counted.values()) >= 10


def test_nothing_is_mirrored_unless_it_is_wanted() -> None:
    ramp = np.tile(np.arange(20, dtype=np.uint8), (16, 1))
    source = batches(TrainingData([ramp], [np.dstack([ramp] * 3)]), settings(flip=False))
    for _ in range(30):
        batch = source.next()
        assert all((image[..., 0] < image[..., -1]).all() for image in (batch.real_a, batch.real_b))


def test_the_fingerprint_sees_the_shape() -> None:
    pixels = np.arange(32, dtype=np.uint8)
    shapes = [pixels.reshape(shape) for shape in ((4, 8), (8, 4), (2, 16))]
    assert len({TrainingData([page], []).fingerprint() for page in shapes}) == 3


def test_the_domains_are_not_mixed_up() -> None:
    data = TrainingData(flat(range(10, 13), 16, 16), flat(range(200, 203), 16, 16, 3))
    for batch in (batches(data, settings(2)).next() for _ in range(5)):
        assert to_uint8(batch.real_a).max() <= 12 and to_uint8(batch.real_b).min() >= 200


def test_a_typical_drawing_is_one_of_the_training() -> None:
    """As high as half of them are; held-out ones are shown to those who serve, but do not count here."""
    drawings = [np.full((side, 90), 10, np.uint8) for side in (30, 31, 40, 80, 80)]
    described = TrainingData(drawings, [], [np.full((64, 64), number, np.uint8) for number in range(20)])
    lineart = described.describe_lineart(crop=16)
    assert lineart["size"] == 40
    assert lineart["examples"][:, 0, 0].tolist() == list(range(16))


def test_pairs_are_of_the_first_pictures_cut_to_sides_that_generators_accept() -> None:
    pictures = flat(range(100, 105), 19, 22, 3)
    source = batches(TrainingData(flat(range(1), 16, 16), pictures), settings(pseudo=1.0))
    pairs = list(source.pseudo_pairs(2))
    assert [int(to_uint8(picture).unique()) for _, picture in pairs] == [100, 101]
    assert all(lines.shape == picture.shape == (3, 16, 20) for lines, picture in pairs)
    assert not list(batches(TrainingData(flat(range(1), 16, 16), pictures), settings()).pseudo_pairs(2))
