"""Tests that what is no whole picture, or too large a one, is refused with a reason, and never decoded by half."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.codec import decode
from imaging.errors import ImageError
from tests.bad_pictures import BAD
from tests.good_pictures import GOOD
from tests.picture_files import HEIGHT, WIDTH


@pytest.mark.parametrize("name", BAD)
def test_refuses_with_a_reason(name: str) -> None:
    data, reason = BAD[name]
    with pytest.raises(ImageError) as caught:
        decode(data)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "object at 0x" not in str(caught.value)


def test_cuts_never_give_half_a_picture() -> None:
    for name in ("png rgb", "jpeg", "jpeg progressive", "gif", "webp", "webp lossless", "bmp", "tiff lzw"):
        whole = len(GOOD[name][0])
        # the last 20 bytes of a PNG are only checksums
        for length in range(0, whole - 21, max(1, whole // 40)):
            with pytest.raises(ImageError):
                decode(GOOD[name][0][:length])


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted(GOOD)),
    at=st.floats(0, 1),
    noise=st.binary(min_size=1, max_size=12),
    end=st.floats(0.3, 1.2),
)
def test_damage_gives_a_picture_or_a_reason(name: str, at: float, noise: bytes, end: float) -> None:
    data = bytearray(GOOD[name][0])
    data[int(at * len(data)) : int(at * len(data)) + len(noise)] = noise
    try:
        image = decode(bytes(data[: int(end * len(data))]), max_pixels=4_000_000)
    except ImageError as error:
        assert str(error)
        assert "\n" not in str(error)
    else:
        assert image.mode == "RGB"


def test_size_limits_hold_at_their_edges() -> None:
    data = GOOD["png rgb"][0]
    assert decode(data, max_pixels=WIDTH * HEIGHT, min_side=HEIGHT).size == (WIDTH, HEIGHT)
    with pytest.raises(ImageError, match="32 × 24 pixels are more than the 767 allowed"):
        decode(data, max_pixels=WIDTH * HEIGHT - 1)
    with pytest.raises(ImageError, match="32 × 24 pixels: the shortest side is under 25"):
        decode(data, min_side=HEIGHT + 1)
