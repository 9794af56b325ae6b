"""Tests how a drawing's file is read and the formats in which coloured drawings are written."""

import io

import numpy as np
import pytest
from PIL import Image

from imaging.codec import decode_drawing, encode, encode_png
from imaging.errors import ImageError
from imaging.formats import sniff
from tests.colour_profiles import SWAPPED
from tests.picture_files import RGBA_IMAGE

NAMES = {"a.png": "png", "b.JPG": "jpg", "c.jpeg": "jpg", "d.webp": "webp", "e.tif": "tiff", "f.bmp": "bmp",
         "g.gif": "gif", "no ending": "png", "drawing.psd": "png"}  # fmt: skip


def picture(mode: str = "RGB") -> Image.Image:
    """Makes a picture of flat quarters; as RGBA its left half is transparent."""
    rgb = np.empty((48, 64, 3), np.uint8)
    rgb[:24, :32], rgb[:24, 32:], rgb[24:, :32], rgb[24:, 32:] = (200, 40, 40), (40, 160, 60), (30, 60, 200), (9, 9, 9)
    image = Image.fromarray(rgb)
    if mode == "RGBA":
        image.putalpha(Image.fromarray(np.repeat(np.array([[0] * 32 + [255] * 32], np.uint8), 48, axis=0)))
    return image


@pytest.mark.parametrize("name", NAMES)
def test_a_name_s_ending_is_kept_as_promised(name: str) -> None:
    data = encode(picture(), name)
    assert sniff(data) == NAMES[name]
    back = np.asarray(decode_drawing(data)).astype(int)
    assert np.abs(back - np.asarray(picture())).max() <= (6 if NAMES[name] == "jpg" else 0)


@pytest.mark.parametrize(
    ("name", "clear"), [("a.png", 0), ("a.webp", 0), ("a.tiff", 0), ("a.gif", 0), ("a.jpg", 255), ("a.bmp", 255)]
)
def test_transparency_is_kept_or_laid_on_white(name: str, clear: int) -> None:
    back = decode_drawing(encode(picture("RGBA"), name)).convert("RGBA")
    alpha = np.asarray(back.getchannel("A"))
    assert (alpha[:, :32] == clear).all()
    assert (alpha[:, 32:] == 255).all()
    assert np.abs(np.asarray(back)[:, 40:, :3].astype(int) - np.asarray(picture())[:, 40:]).max() <= 6
    if clear:
        assert np.asarray(back)[:, :24, :3].min() >= 249


def test_soft_edges_of_alpha_survive() -> None:
    image = picture("RGBA")
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None] * 4, 48, axis=0)
    image.putalpha(Image.fromarray(ramp))
    for name in ("a.png", "a.webp", "a.tiff"):
        assert (np.asarray(decode_drawing(encode(image, name))) == np.asarray(image)).all()


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tiff", "a.bmp"])
def test_resolution_is_kept(name: str) -> None:
    image = picture()
    image.info["dpi"] = (600.0, 600.0)
    assert decode_drawing(encode(image, name)).info["dpi"] == pytest.approx((600, 600), abs=0.1)
    assert "dpi" not in decode_drawing(encode(picture(), "a.webp")).info


def test_jpeg_is_not_subsampled() -> None:
    stripes = Image.fromarray(np.tile(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8), (32, 16, 1)))
    back = np.asarray(decode_drawing(encode(stripes, "a.jpg"))).astype(int)
    assert np.abs(back - np.asarray(stripes)).mean() < 8


def test_a_gif_of_many_colours_stays_near() -> None:
    ramp = np.indices((128, 128)).transpose(1, 2, 0).astype(np.uint8)
    image = Image.fromarray(np.dstack([ramp[..., 0] * 2, ramp[..., 1] * 2, np.full((128, 128), 90, np.uint8)]))
    error = np.asarray(decode_drawing(encode(image, "a.gif"))).astype(float) - np.asarray(image)
    assert 10 * np.log10(255**2 / (error**2).mean()) > 32


def test_sides_that_a_format_cannot_hold_are_refused() -> None:
    long = Image.new("RGB", (16_384, 1))
    with pytest.raises(ImageError, match=r"16,384 × 1 pixels: a WebP holds at most 16,383 a side.*\.png"):
        encode(long, "a.webp")
    assert decode_drawing(encode(long, "a.png")).size == long.size
    with pytest.raises(ImageError, match="JPEG"):
        encode(Image.new("RGB", (1, 65_501)), "a.jpg")


def test_bytes_are_the_same_each_time() -> None:
    for name in NAMES:
        assert encode(picture("RGBA"), name) == encode(picture("RGBA"), name)


def test_decoding_keeps_alpha_and_nothing_hidden() -> None:
    buffer = io.BytesIO()
    picture("RGBA").save(buffer, "PNG", dpi=(300, 300), pnginfo=None)
    image = decode_drawing(buffer.getvalue())
    assert image.mode == "RGBA"
    assert list(image.info) == ["dpi"]


@pytest.mark.parametrize(("dots", "kept"), [(300.0, True), (1.1, True), (0.5, False)])
def test_a_resolution_that_means_nothing_is_not_passed_on(dots: float, kept: bool) -> None:
    buffer = io.BytesIO()
    Image.new("L", (9, 9)).save(buffer, "TIFF", dpi=(dots, dots))
    found = decode_drawing(buffer.getvalue()).info
    assert found == ({"dpi": pytest.approx((dots, dots), rel=0.01)} if kept else {})


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "1"])
def test_encode_png_is_exact_and_repeats(mode: str) -> None:
    image = RGBA_IMAGE.convert(mode)
    image.info = {"icc_profile": SWAPPED, "dpi": (72, 72), "Comment": "x"}
    data = encode_png(image)
    again = Image.open(io.BytesIO(data))
    assert (again.mode, again.tobytes()) == (mode, image.tobytes())
    assert encode_png(again) == data
    assert set(again.info) == set()
    assert image.info["dpi"] == (72, 72)
