"""Tests which lines are found in colour pictures, and that they are drawn like those of drawings."""

import cv2
import numpy as np
import pytest

from imaging.line_style import LineStyle, measure_lines
from imaging.lines import extract_lines, trace_lines

SIZE = 256  # px
STYLE = LineStyle(width=2 / SIZE)
SKIN, HAIR, DRESS = (250, 215, 190), (120, 60, 40), (60, 90, 200)
Picture = np.ndarray


def discs(outline: tuple[int, int, int] | None = None, width: int = 3, ground: Picture | None = None) -> Picture:
    """Draws three discs that overlap, with or without outlines, on white or on a ground."""
    picture = np.full((SIZE, SIZE, 3), 255, np.uint8) if ground is None else ground.copy()
    for centre, radius, colour in (((110, 90), 60, HAIR), ((120, 110), 45, SKIN), ((150, 190), 50, DRESS)):
        cv2.circle(picture, centre, radius, colour, -1, cv2.LINE_AA)
        if outline:
            cv2.circle(picture, centre, radius, outline, width, cv2.LINE_AA)
    return picture


def on_dress(lines: Picture) -> Picture:
    """Returns the lines around the foremost disc, one row for each direction, from 40 to 60 px from its middle."""
    angles, radii = np.linspace(0, 2 * np.pi, 180)[:, None], np.arange(40, 61)
    x, y = 150 + radii * np.cos(angles), 190 + radii * np.sin(angles)
    return np.asarray(cv2.remap(lines, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR))


def count_strokes(rows: Picture) -> Picture:
    """Counts strokes along each row."""
    dark = (rows < 128).astype(int)
    return np.asarray((np.diff(dark, axis=1, prepend=0) == 1).sum(axis=1))


@pytest.mark.parametrize("outline", [(0, 0, 0), (90, 30, 30), (30, 20, 70), None])
def test_an_outline_of_any_colour_and_a_border_without_one_give_one_line_where_it_is(
    outline: tuple[int, int, int] | None,
) -> None:
    rows = on_dress(extract_lines(discs(outline), STYLE))
    strokes = count_strokes(rows)
    assert (strokes == 1).mean() > 0.93 and strokes.max() <= 2
    middle = ((255 - rows.astype(float)) * np.arange(40, 61)).sum(1) / (255 - rows.astype(float)).sum(1)
    assert np.quantile(np.abs(middle - 50), 0.9) < 1  # elsewhere, the lines of the other discs are near


@pytest.mark.parametrize("outline", [(0, 0, 0), (110, 30, 60)])
def test_a_thick_outline_is_no_double_line(outline: tuple[int, int, int]) -> None:
    rows = on_dress(extract_lines(discs(outline, width=5), STYLE))
    assert (count_strokes(rows) == 1).mean() > 0.9


def test_ink_is_drawn_as_it_is() -> None:
    """Black outlines on white paper, of every grey between, come out as they were drawn."""
    drawn = np.full((SIZE, SIZE), 255, np.uint8)
    for radius in (20, 45, 80, 110):
        cv2.circle(drawn, (128, 128), radius, 0, 2, cv2.LINE_AA)
    found = extract_lines(np.dstack([drawn] * 3), STYLE)
    assert np.corrcoef(found.ravel(), drawn.ravel())[0, 1] > 0.97
    assert np.abs(found.astype(int) - drawn).mean() < 2


def test_dark_hair_is_outlined_and_not_blackened() -> None:
    dark = np.full((SIZE, SIZE, 3), 255, np.uint8)
    cv2.circle(dark, (128, 128), 70, (25, 20, 22), -1, cv2.LINE_AA)
    hair = extract_lines(dark, STYLE)
    assert hair[90:166, 90:166].min() == 255
    assert (hair[120:136, 50:66] < 128).any(axis=1).all()
    brown = extract_lines(discs(), STYLE)
    assert brown[40:60, 90:110].min() > 200 and (brown[20:45, 108:112] < 128).any(axis=0).all()


def test_texture_gives_far_less_than_an_outline_before_it() -> None:
    noise = np.random.default_rng(0).standard_normal((SIZE, SIZE, 1)).astype(np.float32)
    rough = cv2.GaussianBlur(noise, (0, 0), 1.5)
    ground = np.clip(150 + 18 * rough / rough.std(), 0, 255)[..., None].astype(np.uint8).repeat(3, axis=2)
    lines = extract_lines(discs((0, 0, 0), ground=ground), STYLE)
    assert (count_strokes(on_dress(lines)) >= 1).mean() > 0.95
    assert (lines[:, :30] < 128).mean() < 0.02
    plain = extract_lines(ground, STYLE)
    assert (plain < 128).mean() < 0.03


@pytest.mark.parametrize("side", [96, 256, 512])
@pytest.mark.parametrize("width", [1.5, 3.0])
def test_borders_are_drawn_as_wide_as_the_lines_of_the_drawings(side: int, width: float) -> None:
    style = LineStyle(width=width / SIZE, faint=1.0)
    picture = cv2.resize(discs(), (side, side), interpolation=cv2.INTER_AREA)
    lines = extract_lines(np.asarray(picture, dtype=np.uint8), style)
    found = measure_lines([lines]).width * SIZE
    # of lines narrower than a pixel, the width that can be seen is the pixel's
    assert found == pytest.approx(max(width, 1.1 * SIZE / side), rel=0.25)


@pytest.mark.parametrize("width", [2, 4, 6])
def test_measured_lines_have_the_width_and_length_that_was_drawn(width: int) -> None:
    fine = np.full((1024, 1024), 255, np.uint8)
    for number in range(5):
        cv2.line(fine, (100, 100 + 200 * number), (900, 100 + 150 * number), 0, 4 * width)
    style = measure_lines([np.asarray(cv2.resize(fine, (SIZE, SIZE), interpolation=cv2.INTER_AREA), dtype=np.uint8)])
    assert style.width * SIZE == pytest.approx(width, rel=0.1)
    length = sum(np.hypot(800, 50 * number) for number in range(5)) / 1024
    assert style.length == pytest.approx(length, rel=0.1)


def test_darkness_of_the_drawings_does_not_change_their_measured_lines() -> None:
    drawn = extract_lines(discs((0, 0, 0)), STYLE)
    pale = (255 - (255 - drawn.astype(int)) * 0.5).astype(np.uint8)
    strong, weak = measure_lines([drawn]), measure_lines([pale])
    assert weak.width == pytest.approx(strong.width, rel=0.02)
    assert weak.length == pytest.approx(strong.length, rel=0.05)


def test_drawings_that_fill_areas_keep_black_areas_and_others_outline_them() -> None:
    picture = np.full((SIZE, SIZE, 3), 255, np.uint8)
    cv2.rectangle(picture, (110, 60), (134, 200), (8, 8, 8), -1)
    filled = extract_lines(picture, LineStyle(solid=1 / 6))
    outlined = extract_lines(picture, LineStyle(solid=1 / 24))
    assert filled[80:180, 115:130].max() == 0
    assert outlined[80:180, 116:129].min() > 200 and (outlined[80:180, 106:140] < 128).any(axis=1).all()


@pytest.mark.parametrize("share", [1 / 8, 1 / 4, 2 / 5])
def test_the_widest_area_that_drawings_fill_is_measured(share: float) -> None:
    drawing = np.full((SIZE, SIZE), 255, np.uint8)
    cv2.rectangle(drawing, (20, 20), (235, 235), 0, 2)
    cv2.circle(drawing, (128, 128), round(share * SIZE / 2), 0, -1, cv2.LINE_AA)
    assert 0.8 * share < measure_lines([drawing]).solid < 1.6 * share


def test_dark_skin_beside_black_hair_that_is_filled_stays_paper() -> None:
    picture = np.full((SIZE, SIZE, 3), 255, np.uint8)
    cv2.circle(picture, (128, 110), 70, (0, 0, 0), -1, cv2.LINE_AA)
    cv2.circle(picture, (128, 150), 55, (105, 77, 61), -1, cv2.LINE_AA)
    lines = extract_lines(picture, LineStyle(solid=0.5))
    assert lines[55, 128] < 64  # hair
    angles = np.linspace(0, 2 * np.pi, 90)
    x, y = (128 + 50 * np.cos(angles)).astype(int), (150 + 50 * np.sin(angles)).astype(int)
    assert (lines[y, x] > 200).mean() > 0.95  # skin, 5 px from its border


def test_variants_differ_and_are_the_same_each_time() -> None:
    traced = trace_lines(discs(), STYLE)
    drawn = [traced.draw(variant) for variant in range(4)]
    again = [extract_lines(discs(), STYLE, variant) for variant in range(4)]
    assert all(np.array_equal(one, other) for one, other in zip(drawn, again, strict=True))
    for number, one in enumerate(drawn):
        for other in drawn[number + 1 :]:
            assert 0 < np.abs(one.astype(int) - other).mean() < 10
    other_picture = discs()[::-1].copy()
    assert not np.array_equal(extract_lines(other_picture, STYLE, 1), extract_lines(discs(), STYLE, 1)[::-1])


def test_a_mirrored_picture_has_mirrored_lines() -> None:
    one, other = extract_lines(discs(), STYLE), extract_lines(discs()[:, ::-1].copy(), STYLE)[:, ::-1]
    assert np.abs(one.astype(int) - other).mean() < 3


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (40, 7), (257, 64), (500, 1200)])
def test_pictures_of_any_shape_and_without_anything_give_white(shape: tuple[int, int]) -> None:
    for level in (0, 90, 255):
        lines = extract_lines(np.full((*shape, 3), level, np.uint8))
        assert lines.shape == shape and lines.dtype == np.uint8 and lines.min() == 255


def test_blank_drawings_give_the_usual_style() -> None:
    assert measure_lines([np.full((64, 64), 255, np.uint8)]) == measure_lines([]) == LineStyle()


def test_a_style_survives_a_checkpoint_and_wrong_ones_are_refused() -> None:
    style = LineStyle(0.01, 0.5, 12.0, 0.05)
    assert LineStyle.from_dict(style.to_dict()) == style
    with pytest.raises(ValueError, match="width must be a positive number, not 0"):
        LineStyle(width=0)
    with pytest.raises(ValueError, match="are needed, not"):
        LineStyle.from_dict({"width": 0.01})
