"""Tests that unusual files that boards serve are decoded to the right picture, at any size and in any thread."""

import threading
import warnings

import numpy as np
import pytest
from PIL import Image

from imaging.codec import decode
from tests.bad_pictures import BAD
from tests.good_pictures import GOOD
from tests.picture_files import exif, save


def test_corpus_is_large_enough() -> None:
    assert len(GOOD) + len(BAD) >= 130


@pytest.mark.parametrize("name", GOOD)
def test_decodes_to_the_right_picture(name: str) -> None:
    data, right, tolerance = GOOD[name]
    image = decode(data)
    assert (image.mode, image.size, image.info) == ("RGB", right.shape[1::-1], {})
    error = np.abs(np.asarray(image).astype(int) - right)
    assert np.percentile(error, 90) <= tolerance  # lossy codecs blur the borders of the quarters
    if tolerance == 0:
        assert error.max() == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_draft_size_leaves_a_quarter_more(kind: str) -> None:
    data = save(Image.new("RGB", (640, 410), "teal"), kind)
    shrinks = kind == "JPEG"
    assert decode(data).size == (640, 410)
    assert decode(data, draft_size=165).size == (640, 410)
    assert decode(data, draft_size=164).size == ((320, 205) if shrinks else (640, 410))
    assert decode(data, draft_size=81).size == ((160, 103) if shrinks else (640, 410))


def test_draft_keeps_pictures_upright_and_inverted_cmyk() -> None:
    turned_on_side = save(Image.new("RGB", (640, 400), "teal"), "JPEG", exif=exif(6))
    assert decode(turned_on_side, draft_size=160).size == (200, 320)
    ink = save(Image.new("CMYK", (400, 400), (0, 255, 255, 0)), "JPEG")
    assert decode(ink, draft_size=100).getpixel((50, 50)) == (255, 0, 0)


def test_no_warning_leaks_even_when_warnings_are_reset() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for data, _, _ in GOOD.values():
            decode(data)
        decode(save(Image.new("1", (9500, 9500)), "PNG"))  # above Pillow's warning limit, below ours
    assert [str(w.message) for w in caught] == []


def test_threads_decode_alike() -> None:
    names = list(GOOD)[:20] * 4
    results: dict[int, bytes] = {}

    def work(start: int) -> None:
        for i in range(start, len(names), 4):
            results[i] = decode(GOOD[names[i]][0]).tobytes()

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(results[i] == decode(GOOD[name][0]).tobytes() for i, name in enumerate(names))
