"""The page's own colouring, in JavaScript, is that of Python, to the last bit."""

import gzip
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cyclegan.painting.drawing import ReadDrawing
from irodori.web.edits import Edits
from irodori.web.exporting import guide_of
from irodori.web.preparing import view
from tests import two_figures
from tests.chromium import chromium
from tests.web_page import service

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Tab"]:
    with service(tmp_path_factory.mktemp("page")) as (address, _), chromium() as browser:
        tab = browser.new_page()
        tab.goto(address)
        yield tab


def plans(rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
    """Clicks at random on the two figures: segments by number, as the page sees them."""
    found = []
    for _ in range(count):
        hints = [
            {
                "segment": int(rng.integers(0, 9)),
                "scope": str(rng.choice(["area", "part", "everywhere"])),
                "colour": rng.integers(0, 256, 3).tolist(),
            }
            for _ in range(int(rng.integers(0, 7)))
        ]
        found.append({"variant": int(rng.integers(1, 9)), "palette": None, "hints": hints})
    return found


@pytest.mark.parametrize("read", [two_figures.read, two_figures.read_without_palettes])
def test_javascript_and_python_colour_alike(tab: "Tab", read: Callable[[], ReadDrawing]) -> None:
    """Random clicks, each replacing what it covers, come out alike: what is exported is what was seen."""
    drawing = read()
    legend = json.loads(gzip.decompress(view(drawing, "x")["legend"]))
    count = drawing.segments.count
    chosen = [
        plan | {"hints": [hint | {"segment": hint["segment"] % count} for hint in plan["hints"]]}
        for plan in plans(np.random.default_rng(7), 60)
    ]
    script = """async ([legend, plans]) => {
        const {added, coloursOf, index, saved} = await import("/page/colours.js"), own = index(legend);
        return plans.map(({hints, ...plan}) => {
            const edits = {...plan, hints: hints.reduce((all, hint) => added(own, all, hint), [])};
            return [Array.from(coloursOf(own, edits)), saved(own, edits)];
        });
    }"""
    for colours, edits in tab.evaluate(script, [legend, chosen]):
        asked = Edits.model_validate(edits)
        if not legend["variants"]:
            asked = asked.model_copy(update={"variant": 1})
        flats = drawing.layered(guide_of(asked)).flats
        expected = np.array(colours, np.uint8).reshape(-1, 3)[drawing.segments.labels]
        assert np.array_equal(flats, expected), edits
