"""Tests that a character keeps its colours: sheets of figures, which figure takes which, and sheets that do not fit."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.guide import Guide
from cyclegan.painting.hints import Hint
from cyclegan.painting.memory import key_length
from cyclegan.painting.palettes import PaletteError
from cyclegan.painting.sheets import Sheet, SheetError, assign, check_sheets, read_sheet
from tests.factories import drawing, save
from tests.two_figures import COAT, FIGURES, HAIR, SKIN, STRAND, memory, page, read, regions

AIKO = {HAIR: (200, 30, 60), SKIN: (240, 200, 180), COAT: (20, 30, 120)}
REN = {HAIR: (30, 30, 40), SKIN: (180, 130, 100), COAT: (230, 220, 60)}


def coloured(figure: int, colours: dict[int, tuple[int, int, int]]) -> np.ndarray:
    classes = regions([figure]).argmax(0).repeat(4, 0).repeat(4, 1)
    flat = np.array([(255, 255, 255), *(colours[name] for name in (SKIN, HAIR, COAT))])[classes]
    return (page([figure]).astype(int) * flat // 255).astype(np.uint8)


def sheet(figure: int, colours: dict[int, tuple[int, int, int]]) -> Sheet:
    return read([figure]).sheet(coloured(figure, colours))


def levels(palette: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(row) for row in np.rint(palette * 255).astype(int).tolist()]


def wears(palette: np.ndarray, colours: dict[int, tuple[int, int, int]]) -> bool:
    return all(levels(palette)[name] == colour for name, colour in colours.items())


LEFT, RIGHT = FIGURES


def palettes(*sheets: Sheet) -> dict[int, np.ndarray]:
    """The palettes of the left and the right figure."""
    drawn = read()
    found = drawn.palettes(Guide(sheets=sheets))
    assert len(found) == 2
    return {figure: found[drawn.division.figures[drawn.segments.labels[50, figure + 30]]] for figure in FIGURES}


def test_a_sheet_has_the_colours_of_the_figure_exactly() -> None:
    assert wears(sheet(LEFT, AIKO).palette, AIKO)


def test_a_sheet_is_the_same_after_it_was_written_and_people_can_change_a_colour() -> None:
    one = sheet(LEFT, AIKO)
    other = read_sheet(one.to_json())
    assert levels(one.palette) == levels(other.palette) and one.model == other.model
    assert one.key == pytest.approx(other.key, abs=1e-3)
    changed = json.loads(one.to_json())
    assert changed["palette"][HAIR] == "#c81e3c"
    changed["palette"][HAIR] = "#00ff00"
    assert levels(read_sheet(json.dumps(changed).encode()).palette)[HAIR] == (0, 255, 0)


@pytest.mark.parametrize("figure", FIGURES)
def test_the_figure_that_resembles_the_sheet_takes_it_and_the_other_keeps_its_palette(figure: int) -> None:
    found, alone = palettes(sheet(figure, AIKO)), palettes()
    (other,) = set(FIGURES) - {figure}
    assert wears(found[figure], AIKO) and np.array_equal(found[other], alone[other])


@pytest.mark.parametrize("turned", [False, True])
def test_two_characters_beside_each_other_each_take_their_own(turned: bool) -> None:
    sheets = [sheet(LEFT, AIKO), sheet(RIGHT, REN)]
    found = palettes(*(reversed(sheets) if turned else sheets))
    assert wears(found[LEFT], AIKO) and wears(found[RIGHT], REN)


def test_a_character_alone_takes_the_sheet_that_is_hers_of_several() -> None:
    assert wears(read([RIGHT]).palettes(Guide(sheets=(sheet(LEFT, AIKO), sheet(RIGHT, REN))))[0], REN)


def test_sheets_go_before_a_palette_and_hints_correct_them() -> None:
    guide = Guide(np.zeros((4, 3), np.float32), sheets=(sheet(LEFT, AIKO),))
    drawn = read()
    assert sorted(wears(each, AIKO) for each in drawn.palettes(guide)) == [False, True]
    flats = drawn.layered(replace(guide, hints=(Hint((STRAND,), (1, 2, 3)),))).flats
    assert flats[43, 48].tolist() == [1, 2, 3]
    assert tuple(flats[180, 60].tolist()) == AIKO[COAT]


def test_classes_that_the_figure_lacks_follow_those_that_it_has() -> None:
    bald = read([LEFT])
    division = bald.division
    division.classes[division.classes == COAT] = HAIR
    found = bald.sheet(coloured(LEFT, AIKO | {COAT: AIKO[HAIR]})).palette
    assert levels(found)[HAIR] == AIKO[HAIR]
    assert np.abs(found[COAT] - (1 - found[HAIR])).max() < 0.2  # as in all palettes that are remembered


def test_several_are_assigned_with_the_least_total_distance() -> None:
    rng = np.random.default_rng(0)
    for figures, count in itertools.product((1, 2, 3, 5), (1, 2, 4)):
        keys = rng.uniform(size=(figures, 4)).astype(np.float32)
        sheets = [Sheet("m", np.ones((4, 3), np.float32), rng.uniform(size=4).astype(np.float32)) for _ in range(count)]

        def total(taken: list[Sheet | None], keys: np.ndarray = keys) -> float:
            pairs = zip(keys, taken, strict=True)
            return sum(float(np.linalg.norm(key - each.key)) for key, each in pairs if each is not None)

        padded = [*sheets, *[None] * max(0, figures - count)]
        least = min(total(list(each)) for each in itertools.permutations(padded, figures))
        found = assign(keys, sheets)
        assert total(found) == pytest.approx(least)
        assert sum(each is not None for each in found) == min(figures, count)


def test_many_figures_and_many_sheets_take_no_time() -> None:
    keys = np.random.default_rng(0).uniform(size=(100, 4)).astype(np.float32)
    assert (
        sum(
            each is not None
            for each in assign(keys, [Sheet("m", np.ones((4, 3), np.float32), key) for key in keys[:8]])
        )
        == 8
    )


def test_a_sheet_of_another_model_is_refused_in_one_line() -> None:
    for other in (
        replace(sheet(LEFT, AIKO), model="another"),
        replace(sheet(LEFT, AIKO), palette=np.ones((5, 3), np.float32)),
        replace(sheet(LEFT, AIKO), key=np.ones(3, np.float32)),
    ):
        with pytest.raises(SheetError, match=r"of another model: make it again with this one, by irodori sheet$"):
            read().layered(Guide(sheets=(other,)))
    with pytest.raises(SheetError, match="9 colour sheets: give at most 8"):
        check_sheets([sheet(LEFT, AIKO)] * 9, memory())


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", r"^no colour sheet: not JSON \("),
        (b'{"model": "m", "palette": ["#ffffff", "nope"], "key": []}',
         r"^no colour sheet: palette\[1\]: 'nope' is no colour"),
        (b'{"palette": ["#ffffff"], "key": []}', "^no colour sheet: model: is missing$"),
        (b'{"model": "m", "palette": ["#ffffff"], "key": ["x"]}', r"key\[0\]: Input should be a valid number"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_sheet_is_told_in_one_line(data: bytes, line: str) -> None:
    with pytest.raises(SheetError, match=line) as caught:
        read_sheet(data)
    assert "\n" not in str(caught.value)


def test_a_model_makes_sheets_of_coloured_pictures_and_of_hinted_drawings(tmp_path: Path) -> None:
    colorizer = Colorizer.load(save(tmp_path / "a.pt", palette=6), device="cpu")
    red = Image.fromarray((np.asarray(drawing(size=150)) / 255 * (200, 40, 90)).round().astype(np.uint8))
    made = colorizer.sheet(red)
    assert made.palette.shape == (6, 3) and len(made.key) == key_length(6)
    assert any(abs(np.array(row) - (200, 40, 90)).max() <= 8 for row in levels(made.palette)[1:])
    hinted = colorizer.sheet(drawing(), [Hint(((0.5, 0.5),), (200, 40, 90), "everywhere")])
    assert (200, 40, 90) in levels(hinted.palette)
    colorizer(drawing(), Guide(sheets=(made, hinted)))
    with pytest.raises(SheetError, match="nothing in it is in colour"):
        colorizer.sheet(drawing())
    with pytest.raises(SheetError, match="of another model"):
        colorizer.check(Guide(sheets=(replace(made, model="another"),)))
    plain = Colorizer.load(save(tmp_path / "c.pt"), device="cpu")
    for refused in (lambda: plain.sheet(red), lambda: plain.check(Guide(sheets=(made,)))):
        with pytest.raises(PaletteError, match="without palettes"):
            refused()
