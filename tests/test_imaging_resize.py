"""Tests resizing: exact sizes, antialiasing, no enlargement."""

import numpy as np
import pytest
from PIL import Image

from imaging.errors import ImageError
from imaging.resize import check_shape, resize_shortest


@pytest.mark.parametrize(
    "size, target",
    [
        ((600, 800), (256, 341)),
        ((800, 600), (341, 256)),
        ((512, 512), (256, 256)),
        ((256, 900), (256, 900)),
        ((257, 300), (256, 299)),
        ((1024, 256), (1024, 256)),
        ((2048, 512), (1024, 256)),
    ],
)
def test_the_shortest_side_gets_the_size(size: tuple[int, int], target: tuple[int, int]) -> None:
    resized = resize_shortest(Image.new("RGB", size), 256)
    assert resized.size == target
    assert resized.mode == "RGB"


@pytest.mark.parametrize("size", [(255, 900), (900, 255), (1, 1)])
def test_smaller_pictures_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match=rf"^{size[0]} × {size[1]} pixels: the shortest side is under 256$"):
        resize_shortest(Image.new("RGB", size), 256)


def test_strips_are_refused() -> None:
    with pytest.raises(ImageError, match=r"^800 × 3,201 pixels: longer than 4 times its shortest side$"):
        resize_shortest(Image.new("RGB", (800, 3201)), 256)
    assert resize_shortest(Image.new("RGB", (800, 3201)), 256, max_aspect=5).size == (256, 1024)


def test_a_shape_is_judged_as_it_is_before_decoding_at_a_part_of_the_size() -> None:
    """A picture that passes at full size also passes when decoded at an eighth, whose sides are rounded up."""
    for height in range(3190, 3201):
        check_shape(800, height, 80)
        draft = Image.new("RGB", (-(-800 // 8), -(-height // 8)))
        assert min(resize_shortest(draft, 80).size) == 80


def test_fine_lines_turn_grey_instead_of_vanishing() -> None:
    """Stripes finer than a pixel of the result average out; a resize that skips pixels would keep black or white."""
    stripes = np.full((1024, 1024), 255, np.uint8)
    stripes[:, ::4] = 0
    resized = np.asarray(resize_shortest(Image.fromarray(stripes), 256))
    assert np.abs(resized[:, 4:-4].astype(int) - 191).max() <= 3


def test_a_picture_of_the_size_is_left_alone() -> None:
    image = Image.new("RGB", (256, 300), "red")
    assert resize_shortest(image, 256) is image
