"""Tests hints from files: JSON, and dots and strokes on transparency as drawing programs save them."""

import io
import json
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cyclegan.painting.hint_files import parse_point, read_hints
from cyclegan.painting.hints import Hint, HintError

RED, BLUE = (192, 48, 32), (10, 60, 220)
SIZE = (400, 300)


def layer(size: tuple[int, int] = SIZE) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGBA", size)
    return image, ImageDraw.Draw(image)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def smooth(image: Image.Image, by: int = 4) -> Image.Image:
    """Anti-aliased, with colours that are not mixed with what is transparent, as drawing programs keep them."""
    size = (image.width // by, image.height // by)
    pixels = np.asarray(image.convert("RGBa").resize(size, Image.Resampling.BOX)).astype(float)
    alpha = pixels[..., 3:]
    colours = np.where(alpha > 0, pixels[..., :3] * 255 / np.maximum(alpha, 1), 0)
    return Image.fromarray(np.concatenate([colours.clip(0, 255), alpha], 2).round().astype(np.uint8))


def written(*hints: dict[str, Any]) -> bytes:
    return json.dumps({"hints": hints}).encode()


def test_json_has_points_strokes_and_scopes() -> None:
    found = read_hints(
        written(
            {"x": 0.41, "y": 0.62, "colour": "#c03020", "scope": "everywhere"},
            {"points": [[0.1, 0.2], [0.3, 0.4]], "colour": "#0A3CDC"},
        )
    )
    assert found == (Hint(((0.41, 0.62),), RED, "everywhere"), Hint(((0.1, 0.2), (0.3, 0.4)), BLUE, "part"))
    assert read_hints(b'\xef\xbb\xbf{"hints": []}') == ()  # with the mark of Windows' editor


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (written({"x": 0.1, "y": 0.1, "colour": "#c03020"}, {"x": 0.5, "y": 0.5, "colour": "reddish"}),
         r"^hints\[1\]\.colour: 'reddish' is no colour: give one like #c03020$"),
        (written({"x": 0.1, "y": 1.1, "colour": "#c03020"}), r"^hints\[0\]: a hint at .*: give x and y as shares"),
        (written({"x": 0.1, "colour": "#c03020"}), r"^hints\[0\]: give x and y, or points$"),
        (written({"x": 0.1, "y": 0.1, "points": [[0, 0]], "colour": "red"}), r"^hints\[0\]: give x and y, or points$"),
        (written({"points": [[0, 0], [1]], "colour": "#c03020"}), r"^hints\[0\]\.points\[1\]\[1\]: is missing$"),
        (written({"points": [], "colour": "#c03020"}), r"^hints\[0\]: a hint at"),
        (written({"x": 0.1, "y": 0.1}), r"^hints\[0\]\.colour: is missing$"),
        (written({"x": 0.1, "y": 0.1, "colour": 12}), r"^hints\[0\]\.colour: give a colour like #c03020$"),
        (written({"x": 0.1, "y": 0.1, "colour": "#c0302080"}), r"^hints\[0\]\.colour: '#c0302080' is no colour"),
        (written({"x": 0.1, "y": 0.1, "color": "red", "colour": "red"}), r"^hints\[0\]\.color: no such entry$"),
        (written({"x": 0.1, "y": 0.1, "colour": "red", "scope": "all"}),
         r"^hints\[0\]\.scope: give one of area, part, everywhere$"),
        (b'{"hints": [{"x": NaN, "y": 0, "colour": "red"}]}', r"^hints\[0\]: a hint at"),
        (b"{}", "^hints: is missing$"),
        (b"[]", "Input should be an object"),
        (b"", r"^neither a picture nor JSON \("),
        (b"PSD nonsense", r"^neither a picture nor JSON \("),
        (b"\xff\xfe\x00", r"^neither a picture nor JSON \("),
        (b"[" * 100_000, r"^neither a picture nor JSON \("),
    ],
)  # fmt: skip
def test_wrong_json_is_told_in_one_line_with_its_place(data: bytes, line: str) -> None:
    with pytest.raises(HintError, match=line) as caught:
        read_hints(data)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def pixel(point: tuple[float, float], size: tuple[int, int] = SIZE) -> tuple[int, int]:
    return int(point[0] * size[0]), int(point[1] * size[1])


def test_dots_become_their_middles_and_the_last_pixel_is_itself() -> None:
    image, pen = layer()
    pen.ellipse((100, 60, 120, 80), fill=RED)
    image.putpixel((399, 299), (*BLUE, 255))
    pen.rectangle((300, 40, 307, 47), fill=BLUE)
    found = read_hints(png(image))
    places = {(pixel(hint.points[0]), hint.colour) for hint in found}
    assert ((110, 70), RED) in places and ((399, 299), BLUE) in places
    assert [len(hint.points) for hint in found] == [1, 1, 1] and {hint.scope for hint in found} == {"part"}


@pytest.mark.parametrize("width", [1, 2, 5, 12])
def test_a_stroke_becomes_the_points_along_its_middle(width: int) -> None:
    image, pen = layer()
    pen.line([(40, 40), (200, 60), (350, 250)], fill=RED, width=width, joint="curve")
    (hint,) = read_hints(png(image))
    places = np.array([pixel(point) for point in hint.points])
    assert np.abs(np.diff(places, axis=0)).max() <= 1
    drawn = np.asarray(image)[..., 3] > 0
    assert drawn[places[:, 1], places[:, 0]].all()
    assert len(places) > 320
    assert min(places[:, 0]) < 40 + width and max(places[:, 0]) > 350 - width


def test_a_fork_is_walked_to_all_its_ends_without_leaving_it() -> None:
    image, pen = layer()
    for end in ((30, 30), (370, 60), (200, 280)):
        pen.line([(200, 150), end], fill=RED, width=7)
    (hint,) = read_hints(png(image))
    places = np.array([pixel(point) for point in hint.points])
    assert np.abs(np.diff(places, axis=0)).max() <= 1
    for end in ((30, 30), (370, 60), (200, 280)):
        assert np.abs(places - end).max(1).min() < 8


def test_a_ring_and_a_large_filled_shape_stay_inside() -> None:
    image, pen = layer((900, 900))
    pen.ellipse((20, 20, 420, 420), outline=RED, width=9)
    pen.polygon([(500, 500), (880, 520), (880, 880), (820, 600), (500, 580)], fill=BLUE)
    drawn = np.asarray(image)
    for hint in read_hints(png(image)):
        places = np.array([pixel(point, image.size) for point in hint.points])
        assert (drawn[places[:, 1], places[:, 0], :3] == hint.colour).all()


def test_anti_aliased_edges_and_colours_mixed_at_them_are_ignored() -> None:
    image, pen = layer((1600, 1200))
    pen.ellipse((401, 241, 483, 321), fill=RED)
    pen.line([(100, 803), (1500, 1101)], fill=BLUE, width=26)
    pen.ellipse((1002, 903, 1102, 1009), fill=RED)  # over the stroke
    found = read_hints(png(smooth(image)))
    assert {hint.colour for hint in found} == {RED, BLUE}
    assert sum(hint.colour == RED for hint in found) == 2


def test_a_thin_anti_aliased_stroke_and_a_translucent_pen() -> None:
    image, pen = layer((1600, 1200))
    pen.line([(100, 103), (1500, 1101)], fill=(*RED, 255), width=5)
    assert {hint.colour for hint in read_hints(png(smooth(image)))} == {RED}
    image, pen = layer()
    pen.line([(100, 103), (300, 200)], fill=(*RED, 90), width=5)
    assert [hint.colour for hint in read_hints(png(image))] == [RED]


def test_a_picture_of_another_size_means_the_same_places() -> None:
    large, small = layer((1600, 1200)), layer((400, 300))
    large[1].ellipse((400, 240, 480, 320), fill=RED)
    small[1].ellipse((100, 60, 120, 80), fill=RED)
    one, other = (read_hints(png(image))[0].points[0] for image, _ in (large, small))
    assert np.abs(np.array(one) - other).max() < 0.003


def test_an_empty_layer_asks_for_nothing() -> None:
    assert read_hints(png(layer()[0])) == ()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "1"])
def test_dots_on_the_drawing_itself_are_refused(mode: str) -> None:
    with pytest.raises(HintError, match="nothing in it is transparent: put dots on a layer of their own"):
        read_hints(png(Image.new(mode, (40, 40), "white")))


def test_a_photo_and_a_truncated_picture_are_refused_at_once() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1600, 4)).astype(np.uint8)
    noise[..., 3] = 255
    noise[0, 0, 3] = 0
    started = time.monotonic()
    with pytest.raises(HintError, match="more than 2,000 dots and strokes"):
        read_hints(png(Image.fromarray(noise)))
    assert time.monotonic() - started < 30
    with pytest.raises(HintError, match="truncated PNG"):
        read_hints(png(layer()[0])[:60])


def test_a_point_in_words() -> None:
    assert parse_point("0.41,0.62=#c03020") == Hint(((0.41, 0.62),), RED)
    assert parse_point(" 0,1=red@everywhere") == Hint(((0, 1),), (255, 0, 0), "everywhere")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("0.41=#c03020", r"^'0\.41=#c03020': give a point like 0\.41,0\.62=#c03020 or .*@area$"),
        ("0.41,0.62", "give a point like"),
        ("a,0.62=#c03020", r"^'a,0\.62=#c03020': x: Input should be a valid number"),
        ("41,62=#c03020", "give x and y as shares"),
        ("0.41,0.62=#c0302", "colour: '#c0302' is no colour"),
        ("0.41,0.62=#c03020@hair", "scope: give one of area, part, everywhere$"),
    ],
)
def test_a_wrong_point_is_told_in_one_line(words: str, line: str) -> None:
    with pytest.raises(HintError, match=line) as caught:
        parse_point(words)
    assert "\n" not in str(caught.value)
