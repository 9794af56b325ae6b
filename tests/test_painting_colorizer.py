"""Tests that the colorizer keeps a drawing's size, lines and transparency and needs nothing but the checkpoint."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageChops

from cyclegan.painting.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.guide import Guide
from cyclegan.scoring.faithfulness import measure, read_lineart
from imaging.colour import to_lab
from imaging.ink import lineart_gray
from imaging.lineart import Normalization, normalize
from imaging.segments import find_lines
from tests.factories import drawing, largest_difference, save


@pytest.fixture
def colorizer(tmp_path: Path) -> Colorizer:
    return Colorizer.load(save(tmp_path / "step_000000007.pt"), device="cpu")


@pytest.mark.parametrize(("head", "palette"), [("line_keeping", 0), ("tanh", 0), ("line_keeping", 6)])
def test_every_line_is_kept_at_full_size(tmp_path: Path, head: str, palette: int) -> None:
    image = drawing(size=1000)
    result = Colorizer.load(save(tmp_path / "a.pt", head, palette=palette), device="cpu")(image)
    recall, *_ = measure(read_lineart(to_lab(np.asarray(image))), to_lab(np.asarray(result)))
    assert recall >= 0.995
    assert (np.asarray(result) <= np.asarray(image)).all()  # paint lies under the lines, never over them
    assert np.asarray(result).std(axis=(0, 1)).min() > 5
    assert np.ptp(np.asarray(result).astype(int), axis=2).max() > 30


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 300), (2, 2), (13, 17), (64, 64), (66, 65), (40, 30), (333, 97), (2000, 21), (9, 3000)]
)
def test_every_size_comes_back(colorizer: Colorizer, size: tuple[int, int]) -> None:
    image = drawing(size=64).resize(size)
    assert colorizer(image).size == size


@pytest.mark.parametrize(
    ("convert", "mode"),
    [
        (lambda image: image.convert("L"), "RGB"),
        (lambda image: image.convert("1"), "RGB"),
        (lambda image: image.convert("P"), "RGB"),
        (lambda image: image.convert("CMYK"), "RGB"),
        (lambda image: image.convert("RGBA"), "RGBA"),
        (lambda image: Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257), "RGB"),
    ],
)
def test_every_mode_is_read_alike(
    colorizer: Colorizer, convert: Callable[[Image.Image], Image.Image], mode: str
) -> None:
    binary = drawing().convert("L").point(lambda level: 255 * (level > 127)).convert("RGB")
    result = colorizer(convert(binary))
    assert result.mode == mode
    assert largest_difference(result.convert("RGB"), colorizer(binary)) <= 2


def test_a_cut_out_figure_stays_cut_out(colorizer: Colorizer) -> None:
    figure = drawing().convert("RGBA")
    alpha = Image.fromarray((np.indices((200, 200)).sum(axis=0) < 250).astype(np.uint8) * 200)
    figure.putalpha(alpha)
    result = colorizer(figure)
    assert result.mode == "RGBA"
    assert largest_difference(result.getchannel("A"), alpha) == 0


def test_lines_on_a_transparent_layer_get_paint_between_them(colorizer: Colorizer) -> None:
    page = drawing()
    layer = Image.new("RGBA", page.size, (0, 0, 0, 0))
    layer.putalpha(Image.fromarray(255 - np.asarray(page.convert("L"))))
    result = colorizer(layer)
    assert result.mode == "RGB"
    assert largest_difference(result, colorizer(page)) <= 8


@pytest.mark.parametrize("colour", ["black", "#c8c8c8", "#aad2fa", "white"])
def test_lines_of_any_colour_on_a_transparent_layer_get_paint_between_them(colorizer: Colorizer, colour: str) -> None:
    page = drawing()
    layer = Image.new("RGBA", page.size, colour)
    layer.putalpha(Image.fromarray(255 - np.asarray(page.convert("L"))))
    result = colorizer(layer)
    assert result.mode == "RGB"
    between = np.asarray(page.convert("L")) == 255
    apart = np.abs(np.asarray(result).astype(int) - np.asarray(colorizer(page)))
    assert np.percentile(apart[between], 90) <= 12


def test_white_lines_on_black_are_coloured_like_black_lines_on_white(colorizer: Colorizer) -> None:
    page = drawing()
    assert largest_difference(colorizer(ImageChops.invert(page)), colorizer(page)) <= 8


def test_blank_and_black_pages_pass_through(colorizer: Colorizer) -> None:
    assert colorizer(Image.new("RGB", (300, 200), "white")).size == (300, 200)
    assert np.asarray(colorizer(Image.new("RGB", (300, 200), "black"))).max() == 0


def test_a_batch_is_the_same_as_one_by_one(colorizer: Colorizer) -> None:
    images = [drawing(seed, size) for seed, size in [(2000, 200), (2001, 90), (2002, 200), (2003, 64)]]
    images.insert(2, drawing(2004, 200).resize((300, 150)))
    together = [layered.merged() for layered in colorizer.paint_batch(images)]
    assert [image.size for image in together] == [image.size for image in images]
    assert all(largest_difference(colorizer(i), result) <= 1 for i, result in zip(images, together, strict=True))
    assert colorizer.paint_batch([]) == []


def test_the_checkpoint_s_own_normalization_is_applied(tmp_path: Path) -> None:
    image = drawing()
    usual = Colorizer.load(save(tmp_path / "a.pt"), device="cpu")(image)
    lighter = save(tmp_path / "b.pt", normalization=Normalization(low=235, high=240))
    assert largest_difference(Colorizer.load(lighter, device="cpu")(image), usual) > 10


def test_averaged_weights_unless_raw_are_asked_for(tmp_path: Path) -> None:
    image, path = drawing(), save(tmp_path / "a.pt", seed=3)
    as_averaged = Colorizer.load(save(tmp_path / "b.pt", seed=4), device="cpu")(image)
    assert largest_difference(Colorizer.load(path, device="cpu", weights="raw")(image), as_averaged) == 0
    assert largest_difference(Colorizer.load(path, device="cpu")(image), as_averaged) > 10


def test_the_same_drawing_is_coloured_alike_at_any_size(colorizer: Colorizer) -> None:
    small, large = (
        np.asarray(colorizer(drawing(size=size)).resize((64, 64), Image.Resampling.BOX)) for size in (256, 1024)
    )
    assert np.abs(small.astype(int) - large).mean() < 4


def test_a_grey_scan_is_coloured_like_its_clean_copy(colorizer: Colorizer) -> None:
    clean = drawing(size=400)
    scan = Image.fromarray((np.asarray(clean).astype(np.float32) * 0.86).astype(np.uint8))
    ratio = np.asarray(colorizer(scan)).astype(float) / np.maximum(np.asarray(colorizer(clean)).astype(float), 1)
    assert np.median(ratio) == pytest.approx(0.86, abs=0.03)


def test_drawings_are_shown_at_the_size_that_training_drawings_had(tmp_path: Path) -> None:
    """Training crops of 64 px come from images of 80 px, so their lines are as thick as those of an image of 80 px."""
    seen: list[torch.Size] = []
    for name, lineart in (("a.pt", {}), ("b.pt", {"lineart": {"size": 80, "examples": None}})):
        path = save(tmp_path / name)
        save_checkpoint(path, load_checkpoint(path) | lineart)
        colorizer = Colorizer.load(path, device="cpu")
        colorizer._painter.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[2:]))
        assert colorizer(drawing(size=200)).size == (200, 200)
    assert seen == [(64, 64), (80, 80)]


def test_in_uneven_light_paint_keeps_to_the_lines(tmp_path: Path) -> None:
    """The colours are those of the clean drawing, apart from the light: a shadow on the paper is not a line."""
    colorizer = Colorizer.load(save(tmp_path / "b.pt", palette=6), device="cpu")
    clean, palette = drawing(size=600), colorizer.palettes(2)[1]
    across, down = np.linspace(1, 0.55, 600)[None, :, None], np.linspace(1, 0.8, 600)[:, None, None]
    photo = Image.fromarray((np.asarray(clean) * across * down).astype(np.uint8))
    guide = Guide(palette, soft=True)
    apart = np.asarray(colorizer(clean, guide)) - np.asarray(colorizer(photo, guide)) / across / down
    assert (np.abs(apart).max(axis=2) > 30).mean() < 0.02
    lines = [find_lines(normalize(lineart_gray(page)).image) for page in (clean, photo)]
    assert (lines[0] != lines[1]).mean() < 0.01


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.unlink(), "no such checkpoint"),
        (lambda path: path.write_bytes(b"\x89PNG and so on"), "not a whole checkpoint"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "not a whole checkpoint"),
        (lambda path: torch.save({"weights": torch.zeros(3)}, path), "not a checkpoint of this program"),
        (lambda path: save_checkpoint(path, {"step": 1, "config": {"colour": 3}}), "another version of this program"),
    ],
)
def test_what_is_no_checkpoint_is_refused_in_one_line(
    tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    path = save(tmp_path / "step_000000007.pt")
    damage(path)
    with pytest.raises(CheckpointError, match=words) as raised:
        Colorizer.load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_paint_follows_lines_thinner_than_the_generator_can_see(colorizer: Colorizer) -> None:
    """A 2 px line at 1200 px is a tenth of a pixel where the generator works."""
    page = np.full((1200, 1200), 255, np.uint8)
    cv2.circle(page, (600, 600), 400, 0, 2)
    result = np.asarray(colorizer(Image.fromarray(page))).astype(int)
    assert result.shape == (1200, 1200, 3)
    assert (result[page == 0] == 0).all()


@pytest.mark.parametrize("tones", [(0x30FF, 0xFF00), (0x0110, 0xFEF0), (0x7F80, 0xC001)])
def test_a_page_of_16_bits_is_seen_in_its_own_tones(colorizer: Colorizer, tones: tuple[int, int]) -> None:
    """Ink and paper whose low bytes are nothing like their high ones."""
    ink, paper = tones
    is_ink = np.asarray(drawing().convert("L")) < 128
    deep = Image.fromarray(np.where(is_ink, ink, paper).astype(np.uint16))
    shallow = Image.fromarray(np.where(is_ink, round(ink / 257), round(paper / 257)).astype(np.uint8))
    assert deep.mode == "I;16"
    assert largest_difference(colorizer(deep), colorizer(shallow)) <= 2
