"""The page's own colouring, in JavaScript, is that of Python, to the last bit."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.drawing import ReadDrawing
from cyclegan.painting.sheets import Sheet
from irodori.web.edits import Edits
from irodori.web.exporting import guide_of
from irodori.web.preparing import view
from tests import two_figures
from tests.chromium import chromium
from tests.factories import drawing
from tests.shaded_pictures import save_shading
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


def kept(figures: ReadDrawing, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Three colour sheets, one more than there are figures."""
    if figures.memory is None:
        return []
    palettes = rng.random((3, 4, 3), np.float32)
    keys = [figures.key(1), figures.key(0), np.zeros_like(figures.key(0))]
    made = [Sheet(figures.memory.id, palette, key) for palette, key in zip(palettes, keys, strict=True)]
    return [json.loads(sheet.to_json()) for sheet in made]


@pytest.mark.parametrize("read", [two_figures.read, two_figures.read_without_palettes])
def test_javascript_and_python_colour_alike(tab: "Tab", read: Callable[[], ReadDrawing]) -> None:
    """Random clicks, each replacing what it covers, come out alike: what is exported is what was seen."""
    figures = read()
    legend = json.loads(gzip.decompress(view(figures, "x")["legend"]))
    count, sheets = figures.segments.count, kept(figures, np.random.default_rng(8))
    chosen = [
        plan
        | {"hints": [hint | {"segment": hint["segment"] % count} for hint in plan["hints"]], "sheets": sheets[: at % 4]}
        for at, plan in enumerate(plans(np.random.default_rng(7), 60))
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
        flats = figures.layered(guide_of(asked)).flats
        expected = np.array(colours, np.uint8).reshape(-1, 3)[figures.segments.labels]
        assert np.array_equal(flats, expected), edits


def test_shadows_are_those_of_python(tab: "Tab", tmp_path: Path) -> None:
    read = Colorizer.load(save_shading(tmp_path / "m.pt")).read(drawing(size=200))
    files = {name: gzip.decompress(data) for name, data in view(read, "x").items()}
    legend = json.loads(files["legend"])
    assert legend["shadows"] | {"tints": []} == {"tints": [], "helps": True, "edge": "soft"}
    script = """async ([legend, labels, planes, strengths]) => {
        const {coloursOf, index} = await import("/page/colours.js"), {Picture} = await import("/page/picture.js");
        const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        const picture = new Picture(index(legend), new Uint16Array(bytes(labels).buffer), bytes(planes));
        return strengths.map((strength) => {
            picture.shade(strength);
            picture.show(coloursOf(picture.legend, {variant: 2, hints: []}), true);
            return btoa(Array.from(picture.image.data, (level) => String.fromCharCode(level)).join(""));
        });
    }"""
    labels, planes = (base64.b64encode(files[name]).decode() for name in ("labels", "planes"))
    strengths = [0, 0.35, 1]
    for strength, found in zip(strengths, tab.evaluate(script, [legend, labels, planes, strengths]), strict=True):
        pixels = np.frombuffer(base64.b64decode(found), np.uint8).reshape(200, 200, 4)[..., :3]
        expected = read.layered(guide_of(Edits(variant=2, shading=strength))).merged()
        assert np.array_equal(pixels, np.asarray(expected)), strength
    assert (np.asarray(read.layered(guide_of(Edits())).shading)[..., 3] > 0).any()  # as the model does, unless asked
