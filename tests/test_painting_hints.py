"""Tests that a hinted place has its colour exactly, and that nothing else changes than the hint's scope says."""

import cv2
import numpy as np
import pytest

from cyclegan.painting.drawing import ReadDrawing
from cyclegan.painting.guide import Guide
from cyclegan.painting.hints import Hint, HintError, Scope
from tests.two_figures import (
    CLOTHES,
    COAT,
    FACE,
    HAIR,
    HEIGHT,
    OTHER_STRAND,
    PAPER,
    SECOND_STRAND,
    SKIN,
    STRAND,
    WIDTH,
    boxes,
    read,
    read_without_palettes,
)  # fmt: skip

RED, BLUE, GREEN = (192, 48, 32), (10, 60, 220), (40, 160, 60)
SCOPES: tuple[Scope, ...] = ("area", "part", "everywhere")
Place = tuple[float, float]


@pytest.fixture(scope="module")
def drawn() -> ReadDrawing:
    return read()


def flats(drawn: ReadDrawing, *hints: Hint) -> np.ndarray:
    return drawn.layered(Guide(hints=hints)).flats


def at(flats: np.ndarray, place: Place) -> tuple[int, ...]:
    height, width = flats.shape[:2]
    return tuple(flats[min(height - 1, int(place[1] * height)), min(width - 1, int(place[0] * width))].tolist())


def changed(drawn: ReadDrawing, *hints: Hint) -> set[int]:
    """The segments (before hints cut them) in which any pixel changes."""
    different = (flats(drawn, *hints) != flats(drawn)).any(2)
    return set(np.unique(drawn.segments.labels[different]).tolist())


def segment(drawn: ReadDrawing, place: Place) -> int:
    return int(drawn.segments.labels[int(place[1] * HEIGHT), int(place[0] * WIDTH)])


def of_class(drawn: ReadDrawing, *names: int) -> set[int]:
    return {number for number in np.unique(drawn.segments.labels).tolist() if drawn.division.classes[number] in names}


def test_every_colour_is_exact_wherever_a_hint_is_put_and_whatever_its_scope(drawn: ReadDrawing) -> None:
    rng = np.random.default_rng(0)
    for number in range(60):
        place = (float(rng.uniform()), float(rng.uniform()))
        colour = tuple(rng.integers(0, 256, 3).tolist())
        assert at(flats(drawn, Hint((place,), colour, SCOPES[number % 3])), place) == colour


@pytest.mark.parametrize("number", range(6))
def test_of_many_hints_each_is_exact_although_they_share_areas_and_parts(drawn: ReadDrawing, number: int) -> None:
    rng = np.random.default_rng(number)
    hints = [
        Hint(
            tuple((float(x), float(y)) for x, y in rng.uniform(0, 1, (rng.integers(1, 4), 2))),
            tuple(rng.integers(0, 256, 3).tolist()),
            SCOPES[rng.integers(3)],
        )
        for _ in range(12)
    ]
    asked = np.full((HEIGHT, WIDTH, 3), -1, np.int32)
    for hint in hints:
        pixels = [(min(WIDTH - 1, int(x * WIDTH)), min(HEIGHT - 1, int(y * HEIGHT))) for x, y in hint.points]
        cv2.polylines(asked, [np.array([*pixels, pixels[-1]])], isClosed=False, color=hint.colour)
    under = asked[..., 0] >= 0
    assert np.array_equal(flats(drawn, *hints)[under], asked[under])


def test_an_area_changes_no_other_segment(drawn: ReadDrawing) -> None:
    for place in (STRAND, FACE, CLOTHES, PAPER):
        assert changed(drawn, Hint((place,), RED, "area")) == {segment(drawn, place)}


def test_a_part_is_all_strands_of_this_hair_and_not_the_hair_of_the_other_figure(drawn: ReadDrawing) -> None:
    both = {segment(drawn, STRAND), segment(drawn, OTHER_STRAND)}
    assert len(both) == 2
    assert changed(drawn, Hint((STRAND,), RED)) == both
    assert changed(drawn, Hint((PAPER,), RED)) == {segment(drawn, PAPER)}


def test_everywhere_is_the_class_in_both_figures_and_the_coats_follow(drawn: ReadDrawing) -> None:
    hint = Hint((STRAND,), RED, "everywhere")
    result = flats(drawn, hint)
    assert at(result, STRAND) == at(result, OTHER_STRAND) == at(result, SECOND_STRAND) == RED
    palette = drawn.palettes(Guide())[0]
    assert drawn.memory is not None
    followed = drawn.memory.followed(palette, {HAIR: np.array(RED, np.float32) / np.float32(255)})
    assert at(result, CLOTHES) == tuple(np.rint(followed[COAT] * 255).astype(int).tolist())
    expected = 255 - np.array(RED)  # as in all palettes that are remembered
    assert np.abs(np.array(at(result, CLOTHES)) - expected).max() < 40
    assert changed(drawn, hint) >= of_class(drawn, HAIR, COAT) - of_class(drawn, SKIN, 0)
    assert not changed(drawn, hint) & of_class(drawn, 0)


def test_everywhere_holds_for_a_painter_without_palettes(drawn: ReadDrawing) -> None:
    plain = read_without_palettes()
    assert changed(plain, Hint((STRAND,), RED, "everywhere")) == of_class(drawn, HAIR)
    assert changed(plain, Hint((STRAND,), RED)) == {segment(drawn, STRAND), segment(drawn, OTHER_STRAND)}


def test_two_figures_get_two_colours_of_hair_by_two_clicks(drawn: ReadDrawing) -> None:
    result = flats(drawn, Hint((STRAND,), RED), Hint((SECOND_STRAND,), BLUE))
    for left, top, right, bottom, name in [*boxes(20), *boxes(230)]:
        inside = result[top + 3 : bottom - 2, left + 3 : right - 2].reshape(-1, 3)
        if name == HAIR:
            assert (inside == (RED if left < 200 else BLUE)).all()
    assert at(result, FACE) == at(flats(drawn), FACE)


@pytest.mark.parametrize("scope", SCOPES)
def test_two_colours_in_one_area_split_it_and_each_pixel_goes_to_the_nearer(drawn: ReadDrawing, scope: Scope) -> None:
    left, right = (0.1, 0.45), (0.35, 0.45)  # of one face
    result = flats(drawn, Hint((left,), RED, scope), Hint((right,), BLUE, scope))
    assert at(result, left) == RED and at(result, right) == BLUE
    face = result[84:147, 24:157]
    assert (face[:, :50] == RED).all() and (face[:, -50:] == BLUE).all()
    assert ((face == RED).all(2) | (face == BLUE).all(2)).all()


def test_hints_at_the_edge_of_the_drawing_split_its_paper(drawn: ReadDrawing) -> None:
    """The outermost pixels are those that OpenCV's watershed clears."""
    result = flats(drawn, Hint(((0.0, 0.0),), RED), Hint(((1.0, 1.0),), BLUE), Hint(((1.0, 0.0),), GREEN))
    assert at(result, (0, 0)) == RED and at(result, (1, 1)) == BLUE and at(result, (1, 0)) == GREEN


def test_two_strands_with_two_colours_each_keep_their_own(drawn: ReadDrawing) -> None:
    result = flats(drawn, Hint((STRAND,), RED), Hint((OTHER_STRAND,), BLUE))
    assert at(result, STRAND) == RED and at(result, OTHER_STRAND) == BLUE


def test_a_stroke_colours_every_area_that_it_crosses_and_their_parts(drawn: ReadDrawing) -> None:
    stroke = Hint((STRAND, CLOTHES), RED, "area")
    crossed = {segment(drawn, place) for place in (STRAND, (0.17, 0.45), CLOTHES)}
    assert changed(drawn, stroke) == crossed
    assert changed(drawn, Hint((STRAND, CLOTHES), RED)) == {*crossed, segment(drawn, OTHER_STRAND)}


def test_where_strokes_cross_the_later_wins(drawn: ReadDrawing) -> None:
    across, down = ((0.1, 0.45), (0.35, 0.45)), ((0.22, 0.36), (0.22, 0.58))
    first = flats(drawn, Hint(across, RED), Hint(down, BLUE))
    assert at(first, (0.22, 0.45)) == BLUE and at(first, across[0]) == at(first, across[1]) == RED
    again = flats(drawn, Hint(across, RED), Hint(down, BLUE), Hint(across, RED))
    assert at(again, (0.22, 0.45)) == RED and at(again, down[0]) == BLUE


def test_a_place_that_is_hinted_three_times_has_the_last_colour(drawn: ReadDrawing) -> None:
    hints = [Hint((FACE,), colour, "area") for colour in (RED, GREEN, BLUE)]
    result = flats(drawn, Hint(((0.1, 0.45),), (1, 2, 3), "area"), *hints)
    assert at(result, FACE) == BLUE and at(result, (0.1, 0.45)) == (1, 2, 3)


def test_a_later_hint_for_everywhere_takes_back_what_a_part_got(drawn: ReadDrawing) -> None:
    result = flats(drawn, Hint((STRAND,), RED), Hint((SECOND_STRAND,), BLUE, "everywhere"))
    assert at(result, STRAND) == RED and at(result, OTHER_STRAND) == at(result, SECOND_STRAND) == BLUE


def test_a_hint_on_a_line_colours_the_nearer_side(drawn: ReadDrawing) -> None:
    place = ((20 + 1.5) / WIDTH, 0.45)  # the face's left outline
    assert changed(drawn, Hint((place,), RED, "area")) == {segment(drawn, FACE)}
    assert at(flats(drawn, Hint((place,), RED)), place) == RED


def test_without_hints_nothing_changes_and_the_same_hints_give_the_same(drawn: ReadDrawing) -> None:
    hints = (Hint((STRAND,), RED), Hint((FACE, CLOTHES), BLUE, "everywhere"))
    assert np.array_equal(flats(drawn, *hints), flats(read(), *hints))
    assert not changed(drawn)


@pytest.mark.parametrize(
    ("points", "colour", "scope", "line"),
    [
        (((0.5, 1.2),), RED, "part", r"a hint at \(\(0\.5, 1\.2\),\): give x and y as shares .* from 0 to 1"),
        (((0.5, float("nan")),), RED, "part", "give x and y"),
        (((0.5,),), RED, "part", "give x and y"),
        ((("0", "1"),), RED, "part", "give x and y"),
        ((), RED, "part", "give x and y"),
        (((0.5, 0.5),), (1, 2, 256), "part", r"the colour \(1, 2, 256\): give red, green and blue from 0 to 255"),
        (((0.5, 0.5),), (1, 2), "part", "give red"),
        (((0.5, 0.5),), (0.5, 0.5, 0.5), "part", "give red"),
        (((0.5, 0.5),), (1, 2, 3), "segment", "a hint for segment: give one of area, part, everywhere"),
        (((0.5, 2.0),) * 900, RED, "part", "…: give x and y"),
    ],
)
def test_a_wrong_hint_is_told_in_one_line(points: object, colour: object, scope: object, line: str) -> None:
    with pytest.raises(HintError, match=line) as caught:
        Hint(points, colour, scope)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_soft_colours_with_hints_are_refused() -> None:
    with pytest.raises(HintError, match="leave out one"):
        Guide(hints=(Hint((FACE,), RED),), soft=True)
