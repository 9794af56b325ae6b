"""Tests that the format of a file is told by its content."""

import pytest

from imaging.formats import sniff
from tests.bad_pictures import BAD
from tests.good_pictures import GOOD


@pytest.mark.parametrize("kind, names", [
    ("png", ["png rgb", "apng"]), ("jpg", ["jpeg", "jpeg pair (mpo)"]), ("gif", ["gif", "gif animated"]),
    ("webp", ["webp"]), ("bmp", ["bmp", "bmp alpha"]), ("tiff", ["tiff", "tiff 16 bits big endian"]),
])  # fmt: skip
def test_sniff_goes_by_content(kind: str, names: list[str]) -> None:
    assert [sniff(GOOD[name][0]) for name in names] == [kind] * len(names)


@pytest.mark.parametrize("name", ["empty", "html", "text that begins like a bmp", "avif", "mp4"])
def test_sniff_knows_no_others(name: str) -> None:
    assert sniff(BAD[name][0]) is None
