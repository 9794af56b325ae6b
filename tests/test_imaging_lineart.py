"""Tests the tone of lineart: invariants of the closed form, and its agreement with the loop that it replaces."""

import dataclasses
import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imaging.lineart import Normalization, is_lines, normalize
from tests.linework import Gray, draw

ONE_TARGET = Normalization(low=200, high=200)


def ink_mean(image: Gray, threshold: int = 250) -> float:
    return float(image[image < threshold].mean())


def original_loop(gray: Gray, target: float, threshold: int) -> npt.NDArray[np.float64]:
    """Lightens or darkens what is not white in small steps until its mean reaches the target, as the original did.

    It computes in floats, without the original's wrap-around at 0 and NaN on blank pages.
    """
    image = gray.astype(np.float64)
    mean = image[image < threshold].mean()
    brighten = mean < target
    for _ in range(50):
        ink = image < threshold
        mean = image[ink].mean()
        if (mean < target) != brighten:
            break
        share = abs(target - mean) / 255 + 0.005
        image[ink] = image[ink] * (1 - share) + 255 * share if brighten else image[ink] * 0.995 - 1.275
    return image


def table_of(gray: Gray, image: Gray) -> dict[int, int]:
    """Returns the output level of each input level; fails if one level became two."""
    pairs = set(zip(gray.ravel().tolist(), image.ravel().tolist(), strict=True))
    table = dict(pairs)
    assert len(table) == len(pairs)
    return table


# any grey levels, on a page that is white enough not to count as a scan
levels = arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 255))
bands = st.tuples(st.integers(60, 248), st.integers(0, 60)).map(
    lambda pair: Normalization(low=max(1, pair[0] - pair[1]), high=pair[0], min_ink=0.0, max_ink=1.0)
)


def on_white(content: Gray) -> Gray:
    page = np.full((content.shape[0] + 2, content.shape[1] * 3), 255, np.uint8)
    page[1:-1, : content.shape[1]] = content
    return page


@settings(max_examples=400, deadline=None)
@given(levels, bands)
def test_invariants(content: Gray, band: Normalization) -> None:
    gray = on_white(content)
    before = gray.copy()
    result = normalize(gray, band)
    image = result.image
    assert (gray == before).all()
    assert image.dtype == np.uint8
    assert image.shape == gray.shape
    assert image.flags.c_contiguous
    assert result.paper == 255
    table = table_of(gray, image)
    assert table[255] == 255
    for low, high in itertools.pairwise(sorted(table)):
        assert table[low] <= table[high]
        assert table[high] - table[low] <= np.ceil(result.scale) * (high - low)
    if result.scale <= 1:
        assert (image >= gray).all()
        assert (image[gray >= band.threshold] >= band.threshold).all()
    if result.scale >= 1:
        assert (image <= gray).all()
    assert result.scale <= band.max_scale
    if result.status in ("ok", "in_band"):
        assert band.low - 0.5 <= ink_mean(image) <= band.high + 0.5
    if result.status in ("ok", "in_band", "blank"):
        assert (normalize(image, band).image == image).all()


@settings(max_examples=300, deadline=None)
@given(levels, bands)
def test_reports_what_it_did(content: Gray, band: Normalization) -> None:
    gray = on_white(content)
    result = normalize(gray, band)
    num_ink = (gray < band.threshold).sum()
    assert result.ink_fraction == pytest.approx(num_ink / gray.size)
    assert result.mean_in == pytest.approx(ink_mean(gray) if num_ink else 255.0)
    num_left = (result.image < band.threshold).sum()
    assert result.mean_out == pytest.approx(ink_mean(result.image) if num_left else 255.0)
    assert (result.status == "blank") == (num_ink == 0)
    assert (result.status in ("blank", "in_band")) <= (result.image is gray)


@settings(max_examples=300, deadline=None)
@given(levels, bands)
def test_brightening_always_converges(content: Gray, band: Normalization) -> None:
    result = normalize(on_white(content), band)
    if result.mean_in < band.low:
        assert result.status in ("ok", "in_band")


@settings(max_examples=300, deadline=None)
@given(levels, bands)
def test_no_scale_nearer_to_one_would_do(content: Gray, band: Normalization) -> None:
    """Compares with an exhaustive search over every table that any scale can give."""
    gray = on_white(content)
    result = normalize(gray, band)
    if result.status != "ok":
        return
    present = np.unique(255 - gray[gray < 255].astype(int))
    steps = np.unique(np.concatenate([(np.arange(0, 256) + 0.5) / d for d in present]) * (1 + 1e-12))
    inside = steps[(steps > min(result.scale, 1) * 1.0001) & (steps < max(result.scale, 1) * 0.9999)]
    target = min(max(result.mean_in, band.low), band.high)
    crossed = 0
    for scale in inside:
        darkness = np.minimum(255, np.floor(scale * (255 - gray.astype(int)) + 0.5))
        ink = darkness > 255 - band.threshold
        crossed += ink.any() and abs(255 - darkness[ink].mean() - target) < 1e-9
    assert crossed == 0 or abs(result.mean_out - target) <= 0.5


@settings(max_examples=100, deadline=None)
@given(levels, bands, st.randoms(use_true_random=False))
def test_only_the_histogram_counts(content: Gray, band: Normalization, random: object) -> None:
    gray = on_white(content)
    image = normalize(gray, band).image
    assert (normalize(gray[:, ::-1], band).image == image[:, ::-1]).all()
    assert (normalize(gray.T, band).image == image.T).all()
    shuffled = np.array(gray.ravel().tolist(), np.uint8)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert table_of(shuffled[None], normalize(shuffled[None], band).image) == table_of(gray, image)


@pytest.mark.parametrize("border", [1, 7, 40])
def test_a_white_border_changes_nothing(border: int) -> None:
    gray = draw()
    framed = np.pad(gray, border, constant_values=255)
    assert (normalize(framed).image[border:-border, border:-border] == normalize(gray).image).all()


@pytest.mark.parametrize("darkness", [120, 160, 200, 235, 255])
@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("target, threshold", [(200, 254), (185, 250)])
def test_agrees_with_the_original_loop(darkness: int, width: int, target: int, threshold: int) -> None:
    """They agree where no faint pixel becomes paper on the way; otherwise the loop steps over some solutions."""
    gray = draw(darkness, seed=darkness, width=width)
    gray = np.where(gray > 195, 255, gray).astype(np.uint8)
    result = normalize(gray, Normalization(low=target, high=target, threshold=threshold, max_ink=1.0))
    assert result.scale < 1
    assert np.abs(result.image - original_loop(gray, target, threshold)).max() <= 2


def test_dark_lines_are_brightened_into_the_band() -> None:
    result = normalize(draw(235))
    assert result.status == "ok"
    assert result.mean_in < 180
    assert result.mean_out == pytest.approx(180, abs=0.5)
    assert result.scale < 1


def test_faint_lines_are_darkened_into_the_band() -> None:
    result = normalize(draw(45))
    assert result.status == "ok"
    assert result.mean_in > 200
    assert result.mean_out == pytest.approx(200, abs=0.5)
    assert 1 < result.scale <= 3


def test_lines_too_faint_to_reach_the_band_are_darkened_as_far_as_allowed() -> None:
    result = normalize(draw(12))
    assert result.status == "unconverged"
    assert result.scale == pytest.approx(3, abs=0.02)
    assert 200 < result.mean_out < result.mean_in


def test_black_lines_beside_a_faint_wash_stay_black() -> None:
    """In this case the original's darkening wrapped around and turned black lines white."""
    gray = draw(255, width=1).copy()
    gray[:100] = np.minimum(gray[:100], 235)
    result = normalize(gray, dataclasses.replace(ONE_TARGET, max_ink=1.0))
    assert result.scale > 1
    assert result.image[gray == 0].max() == 0


@pytest.mark.parametrize(
    "page", [np.full((9, 9), 255, np.uint8), np.full((9, 9), 251, np.uint8), np.full((1, 1), 255, np.uint8)]
)
def test_a_blank_page_stays_as_it_is(page: Gray) -> None:
    result = normalize(page)
    assert result.status == "blank"
    assert (result.image == page).all()
    assert (result.mean_in, result.mean_out, result.scale, result.ink_fraction) == (255, 255, 1, 0)


def test_a_speck_is_no_drawing() -> None:
    page = np.full((200, 200), 255, np.uint8)
    page[5, 5] = 0
    assert normalize(page).status == "blank"
    assert normalize(page, Normalization(min_ink=0)).image[5, 5] == 180


@pytest.mark.parametrize("level", [0, 1, 128])
def test_a_dark_page_is_too_dense(level: int) -> None:
    result = normalize(np.full((30, 30), level, np.uint8))
    assert result.status == "too_dense"
    assert set(result.image.ravel().tolist()) == {180}


def test_nothing_but_black_and_white() -> None:
    gray = np.full((60, 60), 255, np.uint8)
    gray[20:30] = 0
    assert set(normalize(gray).image.ravel().tolist()) == {180, 255}


def test_a_drawing_in_the_band_is_not_touched() -> None:
    gray = normalize(draw()).image
    result = normalize(gray)
    assert result.status == "in_band"
    assert result.image is gray
    assert result.scale == 1


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.float32), np.zeros((0, 4), np.uint8)]
)
def test_wrong_arrays_are_refused(bad: Gray) -> None:
    with pytest.raises(ValueError, match=r"lineart must be \(H, W\) uint8"):
        normalize(bad)


def test_lines_are_told_from_tone() -> None:
    lines = draw(width=3)
    assert is_lines(lines)
    assert is_lines(np.rint(lines * 0.86).astype(np.uint8))  # on the grey paper of a scan
    painting = lines.copy()
    painting[64:192, 64:192] //= 2
    assert not is_lines(painting)
    assert is_lines(np.full((300, 200), 255, np.uint8))
