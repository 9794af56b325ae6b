"""What best.json names is what serves: its checkpoint, its weights, and the palettes that these see in a picture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imaging.codec import encode_png
from irodori.looks import load_colorizer, load_palette, looks, trained
from irodori.models import Served, Untrained
from storage import Storage, open_storage
from tests.handmade import BLUE, ORANGE, RED, VIOLET, coloured, ink_and_pencil, known_painter, save_known, times


@pytest.fixture
def stored(tmp_path: Path) -> Storage:
    """Two checkpoints, with averaged weights in region 1 and raw ones in region 2, and a picture on red paper."""
    storage = open_storage((tmp_path / "storage").as_uri())
    for name, colours in (("one", {1: ORANGE, 2: VIOLET}), ("two", {1: BLUE, 2: RED})):
        path = save_known(tmp_path / f"{name}.pt", known_painter(colours, 1), known_painter(colours, 2))
        storage.write(f"models/m/{name}.pt", path.read_bytes())
    storage.write("inbox/red.png", encode_png(Image.fromarray(times(ink_and_pencil(64, 64), RED))))
    return storage


def best(name: str, weights: Any) -> Served:
    return Served(f"models/m/{name}.pt", weights=weights)


@pytest.mark.parametrize(
    ("name", "weights", "colour", "region"),
    [("one", "ema", ORANGE, 1), ("one", "raw", VIOLET, 2), ("two", "ema", BLUE, 1), ("two", "raw", RED, 2)],
)
def test_the_weights_that_were_chosen_serve(
    stored: Storage, name: str, weights: str, colour: tuple[int, int, int], region: int
) -> None:
    lines = ink_and_pencil(64, 64)
    assert np.array_equal(coloured(load_colorizer(stored.url, best(name, weights)), lines), times(lines, colour))
    (picture,) = stored.list("inbox/")
    palette = load_palette(stored.url, best(name, weights), picture)
    assert palette[region] * 255 == pytest.approx(np.array(RED), abs=25)
    assert (np.delete(palette, [0, region], axis=0) < 1e-6).all()  # nothing is in the other regions


def test_a_damaged_best_json_keeps_no_other_model_from_serving(stored: Storage) -> None:
    """Nor does a model that was never trained."""
    stored.write("models/good/best.json", best("one", "ema").to_json())
    stored.write("models/cut/best.json", best("two", "ema").to_json()[:30])
    found, missing = trained(looks(stored.url, "", ["cut", "good", "later"], 1))
    assert found == {"good": best("one", "ema")}
    damaged, untrained = missing
    assert str(damaged).startswith("models/cut/best.json does not say what the model serves (")
    assert isinstance(untrained, Untrained) and "\n" not in f"{damaged}{untrained}"
