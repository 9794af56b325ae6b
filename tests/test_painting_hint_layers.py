"""Tests that what a hint colours is on a layer of its own, to go on with."""

import numpy as np
import pytest

from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.drawing import ReadDrawing
from cyclegan.painting.guide import AS_IT_COMES, Guide
from cyclegan.painting.hints import Hint
from imaging.flats import find_flat_layers
from imaging.layers import Layered
from tests.factories import drawing, save

GREEN = (1, 200, 3)


@pytest.fixture(scope="module", params=[0, 6], ids=["without palettes", "with palettes"])
def read(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ReadDrawing:
    path = save(tmp_path_factory.mktemp("models") / "m.pt", palette=request.param)
    return Colorizer.load(path, device="cpu").read(drawing(size=96))


def with_a_hint(read: ReadDrawing, on_paper: bool) -> tuple[Layered, np.ndarray]:
    """Colours the largest segment that is paper, or is not, by a hint; also tells which pixels it has."""
    plain = read.layered(AS_IT_COMES)
    assert plain.labels is not None and plain.paper is not None
    sizes = np.bincount(plain.labels.ravel(), minlength=len(plain.paper)) * (plain.paper == on_paper)
    if not sizes.any():
        pytest.skip("this painter sees no paper")
    inside = plain.labels == sizes.argmax()
    row, column = np.argwhere(inside)[0]
    point = (float(column + 0.5) / inside.shape[1], float(row + 0.5) / inside.shape[0])
    return read.layered(Guide(hints=(Hint((point,), GREEN, "area"),))), inside


def test_an_area_that_a_hint_coloured_has_its_own_layer(read: ReadDrawing) -> None:
    layered, inside = with_a_hint(read, on_paper=False)
    found = find_flat_layers(layered)
    numbers = found.numbers(layered)
    number = numbers[inside][0]
    assert np.array_equal(numbers == number, inside) and found.names[number - 1] == "green 1"
    assert (layered.flats[inside] == GREEN).all()


def test_a_background_that_a_hint_coloured_is_the_paper(read: ReadDrawing) -> None:
    layered, inside = with_a_hint(read, on_paper=True)
    found = find_flat_layers(layered)
    assert found.paper == GREEN and np.array_equal(found.numbers(layered) == 0, inside)
