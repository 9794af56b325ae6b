"""Tests that the format of a file is told by its content."""

import pytest

from imaging.formats import describe_foreign, is_foreign, promised_format, sniff
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


@pytest.mark.parametrize("data, words", [
    (b"CSFCHUNK" + bytes(16), "a Clip Studio document"), (b"8BPS\0\2" + bytes(16), "a Photoshop document"),
    (b"PK\3\4" + bytes(26) + b"mimetypeapplication/x-kritaPK", "a Krita document"),
    (b"PK\3\4" + bytes(26) + b"mimetypeimage/openrasterPK", "an OpenRaster document"),
    (b"PK\3\4" + bytes(60), "a ZIP archive"), (b"gimp xcf v011\0", "a GIMP document"), (b"mdipack\0", "a MediBang"),
    (b"\0\0\0\x18ftypheix" + bytes(16), "a HEIC picture"), (b"\0\0\0\x18ftypqt  " + bytes(16), "a QuickTime video"),
    (b"%!PS-Adobe-3.0", "a PostScript document"), (("覚え書き" * 200).encode(), "text"),
    (("x" + "覚え書き" * 200).encode(), "text"), (b"CLIP\0\1\2 of no known kind", "begins with the bytes 43"),
])  # fmt: skip
def test_other_files_are_called_what_they_are(data: bytes, words: str) -> None:
    assert words in describe_foreign(data)
    assert ("text" in describe_foreign(data)) == (words == "text")


def test_endings_of_other_files_are_not_ours() -> None:
    for name in ("o.psd", "o.PDF", "a/o.avif", "o.clip"):
        assert is_foreign(name) and promised_format(name) is None
    for name in ("o.png", "o.TIF", "volume 1.5", "o"):
        assert not is_foreign(name)
