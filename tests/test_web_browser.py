"""The page in a real Chromium: what an artist does, and what comes of it, pixel for pixel."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import requests
from PIL import Image

from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.guide import Guide
from cyclegan.painting.sheets import read_sheet
from irodori.web.blobs import new_id
from irodori.web.edits import Edits
from irodori.web.exporting import guide_of
from tests.chromium import chromium
from tests.factories import drawing, save
from tests.shaded_pictures import save_shading
from tests.web_browser import (  # fmt: skip
    SIDE,
    TEXT,
    Open,
    canvas,
    choose,
    click,
    click_pixel,
    coloured,
    download,
    exported,
    inside,
    members,
    opening,
    pieces,
    pixels,
    place,
    saved,
    seat,
    stroke,
)  # fmt: skip
from tests.web_page import Page, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("model") / "noise.pt", palette=5)


@pytest.fixture(scope="module")
def page(browser: "Browser", model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with serving(tmp_path_factory.mktemp("storage"), model, save_shading(model.with_name("shading.pt"))) as page:
        yield page


@pytest.fixture
def file(tmp_path: Path) -> Path:
    drawing(size=SIDE).save(tmp_path / "hero.png")
    return tmp_path / "hero.png"


@pytest.fixture
def tab(browser: "Browser", page: Page) -> Iterator[Open]:
    with opening(browser, page.address) as open_tab:
        yield open_tab


def test_drop_click_reload_take_home(tab: Open, file: Path, model: Path, page: Page) -> None:
    first = coloured(tab(), file)
    lines = np.asarray(Image.open(file)).astype(int)
    assert np.array_equal(canvas(first), np.asarray(Colorizer.load(model)(Image.open(file))))

    segment = seat(first, 0.02)
    before = canvas(first)  # the colour is #c03020, until another one is chosen
    click(first, segment)
    after, inside = canvas(first), members(first, segment, "part")
    exact = (lines * [0xC0, 0x30, 0x20] + 127) // 255
    assert np.array_equal(after[inside], exact[inside])
    assert np.array_equal(after[~inside], before[~inside])

    first.check("[value=area]", force=True)
    first.fill("#hex", "#204060")
    first.keyboard.press("Enter")
    click(first, segment)
    area = members(first, segment, "area")
    assert np.array_equal(canvas(first)[area], ((lines * [0x20, 0x40, 0x60] + 127) // 255)[area])
    assert np.array_equal(canvas(first)[inside & ~area], exact[inside & ~area])

    first.click("#undo")
    assert np.array_equal(canvas(first), after)
    first.click("#redo")
    saved(first)
    wanted = canvas(first)
    again = tab(first.url.removeprefix(page.address))
    again.wait_for_selector("#panel:not([inert])", timeout=60_000)
    assert np.array_equal(canvas(again), wanted)
    assert np.array_equal(exported(again), wanted)
    assert download(again, "ora").startswith(b"PK")
    assert download(again, "psd").startswith(b"8BPS")


def test_of_two_windows_the_later_is_told(tab: Open, file: Path, page: Page, browser: "Browser") -> None:
    first, other = coloured(tab(), file), browser.new_page()
    other.goto(first.url)
    other.wait_for_selector("#panel:not([inert])", timeout=60_000)
    first.click("[title='Palette 2']")
    saved(first)
    other.click("[title='Palette 3']")
    other.wait_for_selector("#message button:not([hidden])")
    assert "Another window" in other.inner_text("#message")
    other.click("#message button")
    other.wait_for_selector("#panel:not([inert])", timeout=60_000)
    assert np.array_equal(canvas(other), canvas(first))
    other.close()


def test_everything_by_keyboard(tab: Open, file: Path) -> None:
    found = coloured(tab(), file)
    before = canvas(found)
    found.focus("#hex")
    found.keyboard.press("Control+a")
    found.keyboard.type("20a040")
    found.keyboard.press("Tab")
    assert found.input_value("#hex") == "#20a040"
    found.locator("#parts button").first.focus()
    found.keyboard.press("ArrowDown")
    found.keyboard.press("ArrowDown")
    assert found.evaluate("irodori.preview.outline.length") > 0  # what Enter would change is shown
    found.keyboard.press("Enter")
    after = canvas(found)
    changed = (after != before).any(2)
    assert changed.any()
    segment = found.evaluate("irodori.panel.parts[2].segment")
    assert not (changed & ~members(found, segment, "part")).any()
    assert "#20a040" in found.inner_text("#spoken")
    found.keyboard.press("Control+z")
    assert np.array_equal(canvas(found), before)
    found.focus("#canvas")
    for key in ("+", "+", "ArrowLeft", "0", "b", "ArrowRight"):
        found.keyboard.press(key)
    assert found.evaluate("irodori.view.divider") == 0.55  # between before and after
    found.keyboard.press("3")
    assert found.is_checked("[value=everywhere]")


def test_hovering_shows_what_a_click_then_does(tab: Open, file: Path) -> None:
    found = coloured(tab(), file)
    segment = seat(found, 0.02)
    for scope in ("area", "part", "everywhere"):
        found.check(f"[value={scope}]", force=True)
        shown = """(segment) => {
            const [x, y] = irodori.legend.seats[segment];
            irodori.view.dispatchEvent(new CustomEvent("over", {detail: {x: x + 0.5, y: y + 0.5}}));
            const {picture, preview} = irodori, {data} = preview.image;
            return (%s)(picture.image.data.map((level, at) => data[at | 3] ? data[at] : level));
        }"""
        expected = pixels(found.evaluate(shown % TEXT, segment))[..., :3]
        click(found, segment)
        assert np.array_equal(canvas(found), expected)
        found.click("#undo")


def test_a_palette_and_a_colour_are_taken(tab: Open, file: Path, model: Path) -> None:
    found = coloured(tab(), file)
    found.click("[title='Palette 4']")
    expected = Colorizer.load(model)(Image.open(file), guide_of(Edits(variant=4)))
    assert np.array_equal(canvas(found), np.asarray(expected))
    segment = seat(found, 0.02)
    found.keyboard.press("i")
    click(found, segment)
    colour = found.evaluate("(segment) => irodori.picture.colourOf(segment)", segment)
    assert found.input_value("#hex") == "#{:02x}{:02x}{:02x}".format(*colour)
    found.click("#swatches button >> nth=1")
    assert found.input_value("#hex") == found.get_attribute("#swatches button >> nth=1", "data-hex")


def test_the_colours_of_a_picture_are_taken(tab: Open, file: Path, model: Path, tmp_path: Path) -> None:
    found = coloured(tab(), file)
    reference = tmp_path / "reference.png"
    Image.effect_mandelbrot((200, 200), (-2, -1.5, 1, 1.5), 30).convert("RGB").save(reference)
    found.set_input_files("#picture", reference)
    found.wait_for_selector("[title='Palette of the picture']", timeout=60_000)
    saved(found)
    edits = requests.get(found.url.replace("/d/", "/api/drawings/") + "/edits", timeout=30).json()
    expected = Colorizer.load(model)(Image.open(file), guide_of(Edits.model_validate(edits)))
    assert np.array_equal(canvas(found), np.asarray(expected))


def test_strokes_divide_an_area(tab: Open, file: Path, page: Page) -> None:
    found = coloured(tab(), file)
    before, segment = canvas(found), seat(found, 0.02)
    found.keyboard.press("s")
    where, colours = inside(found, segment), ["#c03020", "#2040a0", "#10b040"]
    for colour, ends in zip(colours[:2], (where[:2], where[-2:]), strict=True):
        stroke(found, colour, *ends)
    area = members(found, segment, "area") | members(found, pieces(found, segment)[-1], "area")
    first, second = (members(found, each, "area") for each in pieces(found, segment))
    shown, lines = canvas(found), np.asarray(Image.open(file)).astype(int)
    for part, colour in ((first, colours[0]), (second, colours[1])):
        exact = (lines * [int(colour[at : at + 2], 16) for at in (1, 3, 5)] + 127) // 255
        assert np.array_equal(shown[part], exact[part])
    assert np.array_equal(shown[~area], before[~area])
    assert np.array_equal(exported(found), shown)

    found.check("[value=area]", force=True)  # a piece is coloured anew by a click, and undone
    choose(found, colours[2])
    click_pixel(found, second)
    again = canvas(found)
    assert (again[second] != shown[second]).any()
    assert np.array_equal(again[~second], shown[~second])
    saved(found)
    other = tab(found.url.removeprefix(page.address))
    other.wait_for_selector("#panel:not([inert])", timeout=60_000)
    other.wait_for_function("() => irodori.legend.pieces.size === 1")
    assert np.array_equal(canvas(other), again)
    assert np.array_equal(exported(other), again)
    for _ in range(3):
        found.click("#undo")
    assert np.array_equal(canvas(found), before)


def test_shadows_are_chosen(tab: Open, file: Path, model: Path) -> None:
    found = tab()
    found.select_option("#model", "shading")
    coloured(found, file)
    colorizer, lines = Colorizer.load(model.with_name("shading.pt")), Image.open(file)
    for change, edits in (
        (lambda: found.check("[value=cel]", force=True), Edits(edge="cel")),
        (lambda: found.check("#mirrored"), Edits(edge="cel", mirrored_light=True)),
        (lambda: found.click("#undo"), Edits(edge="cel")),
    ):
        change()
        found.wait_for_function("() => !irodori.fetching")
        assert np.array_equal(canvas(found), np.asarray(colorizer(lines, guide_of(edits)))), edits
    saved(found)
    assert np.array_equal(exported(found), canvas(found))


def test_colours_are_kept_under_a_name(tab: Open, file: Path, page: Page, model: Path, tmp_path: Path) -> None:
    found = coloured(tab(), file)
    click(found, seat(found, 0.02))
    for text in ("Keep these", "Replace them"):
        found.fill("#sheet-name", "aiko")
        found.click("#keep button")
        if text == "Replace them":
            found.click("#message button")
        found.wait_for_selector("#sheet-list button")
        found.wait_for_function("() => document.getElementById('sheet-name').value === ''")
    sheet = read_sheet((page.storage / "sheets" / "aiko.json").read_bytes())
    assert (np.abs(sheet.palette - np.array([0xC0, 0x30, 0x20]) / 255).max(1) < 0.01).any()
    drawing(2007, size=SIDE).save(tmp_path / "hero.png")
    other = coloured(tab(), tmp_path / "hero.png")
    other.click("#sheet-list button")
    expected = Colorizer.load(model)(Image.open(tmp_path / "hero.png"), Guide(sheets=(sheet,)))
    assert np.array_equal(canvas(other), np.asarray(expected))
    assert other.get_attribute("#sheet-list button", "aria-pressed") == "true"


def test_on_a_phone(tab: Open, file: Path) -> None:
    found = coloured(tab(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True), file)
    assert found.evaluate("document.documentElement.scrollWidth") <= 390
    segment, before = seat(found, 0.02), canvas(found)
    found.touchscreen.tap(*place(found, segment))
    assert (canvas(found) != before).any()
    assert found.locator("#undo").bounding_box()["width"] >= 40  # type: ignore[index]


def test_expired_links_and_what_is_no_drawing_are_told(browser: "Browser", page: Page, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"<html>")
    other = browser.new_page()
    other.goto(f"{page.address}/d/{new_id()}")
    other.wait_for_selector("#message:not([hidden])")
    assert "expired" in other.inner_text("#message")
    other.click("#message button")
    other.wait_for_selector("#start:not([hidden])")
    other.set_input_files("#file", tmp_path / "broken.png")
    other.wait_for_selector("#message:not([hidden])")
    assert "HTML page" in other.inner_text("#message")
    other.close()


def test_forgetting(tab: Open, file: Path) -> None:
    found = coloured(tab(), file)
    address = found.url
    found.click("#forget")
    found.click("#yes")
    found.wait_for_selector("#start:not([hidden])")
    assert found.locator("#recents li").count() == 0
    assert requests.get(address.replace("/d/", "/api/drawings/"), timeout=30).status_code == 404
