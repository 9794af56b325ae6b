"""What tests of the page in a real Chromium do again and again: drop a drawing, click, read pixels."""

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

SIDE = 300
Open = Callable[..., "Tab"]
TEXT = """(bytes) => {
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return btoa(text);
}"""


@contextmanager
def opening(browser: "Browser", address: str) -> Iterator[Open]:
    """Opens tabs; at the end, none of them may have complained."""
    complaints: list[str] = []
    contexts = []

    def open_tab(path: str = "/", **settings: Any) -> "Tab":
        contexts.append(browser.new_context(**{"viewport": {"width": 1100, "height": 760}} | settings))
        found = contexts[-1].new_page()
        found.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        found.on("pageerror", lambda error: complaints.append(str(error)))
        found.goto(address + path)
        return found

    yield open_tab
    for context in contexts:
        assert context.cookies() == []
        context.close()
    assert complaints == []


def coloured(tab: "Tab", file: Path) -> "Tab":
    tab.set_input_files("#file", file)
    tab.wait_for_selector("#panel:not([inert])", timeout=60_000)
    return tab


def pixels(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(SIDE, SIDE, -1)


def canvas(tab: "Tab") -> np.ndarray:
    """What the canvas of the picture has, (h, w, 3)."""
    script = f"() => ({TEXT})(irodori.picture.context.getImageData(0, 0, {SIDE}, {SIDE}).data)"
    return pixels(tab.evaluate(script))[..., :3]


def seat(tab: "Tab", least: float) -> int:
    """The largest segment that is no paper; its area is at least a share of the drawing."""
    script = "() => irodori.legend.classes.map((name, each) => name ? irodori.picture.area(each) : 0)"
    areas = np.array(tab.evaluate(script))
    assert areas.max() > least * SIDE * SIDE
    return int(areas.argmax())


def place(tab: "Tab", segment: int) -> list[float]:
    """Where on the screen a segment is."""
    return tab.evaluate(
        """(segment) => {
            const [x, y] = irodori.legend.seats[segment], {view} = irodori, box = view.canvas.getBoundingClientRect();
            return [box.left + view.x + (x + 0.5) * view.scale, box.top + view.y + (y + 0.5) * view.scale];
        }""",
        segment,
    )


def click(tab: "Tab", segment: int) -> None:
    tab.mouse.click(*place(tab, segment))


def members(tab: "Tab", segment: int, scope: str) -> np.ndarray:
    """Which pixels a hint should colour, (h, w)."""
    script = """async ([segment, scope]) => {
        const {members} = await import("/page/colours.js");
        const chosen = new Set(members(irodori.legend, segment, scope));
        return (%s)(Uint8Array.from(irodori.picture.labels, (each) => chosen.has(each)));
    }"""
    return pixels(tab.evaluate(script % TEXT, [segment, scope]))[..., 0] > 0


def saved(tab: "Tab") -> None:
    tab.evaluate("async () => { await irodori.saving.running; }")


def download(tab: "Tab", kind: str) -> bytes:
    tab.click("#save")
    with tab.expect_download(timeout=60_000) as found:
        tab.click(f"[data-file={kind}]")
    assert found.value.suggested_filename == f"hero.{kind}"
    return Path(found.value.path()).read_bytes()


def choose(tab: "Tab", colour: str) -> None:
    tab.fill("#hex", colour)
    tab.keyboard.press("Enter")


def on_screen(tab: "Tab", x: float, y: float) -> tuple[float, float]:
    """Where on the screen the middle of a pixel is."""
    script = """([x, y]) => {
        const {view} = irodori, box = view.canvas.getBoundingClientRect();
        return [box.left + view.x + (x + 0.5) * view.scale, box.top + view.y + (y + 0.5) * view.scale];
    }"""
    left, top = tab.evaluate(script, [x, y])
    return left, top


def inside(tab: "Tab", segment: int) -> list[tuple[int, int]]:
    """Pixels (x, y) of a segment on one row that are not at its border, from left to right."""
    mask = members(tab, segment, "area").astype(np.uint8)
    deep = cv2.erode(mask, np.ones((9, 9), np.uint8), borderValue=0)
    row = int(deep.sum(1).argmax())
    columns = np.flatnonzero(deep[row])
    return [(int(x), int(row)) for x in np.quantile(columns, [0.05, 0.2, 0.8, 0.95]).astype(int)]


def stroke(tab: "Tab", colour: str, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Draws a stroke, and waits until it is saved and its pieces are there."""
    choose(tab, colour)
    tab.mouse.move(*on_screen(tab, *start))
    tab.mouse.down()
    tab.mouse.move(*on_screen(tab, *end), steps=5)
    tab.mouse.up()
    saved(tab)


def pieces(tab: "Tab", segment: int) -> list[int]:
    """The numbers of the pieces of a segment."""
    script = "(segment) => (irodori.legend.pieces.get(segment) ?? [{number: segment}]).map((each) => each.number)"
    found: list[int] = tab.evaluate(script, segment)
    return found


def click_pixel(tab: "Tab", mask: np.ndarray) -> None:
    """Clicks a pixel that is well inside a mask (h, w)."""
    deep = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    y, x = np.unravel_index(int(deep.argmax()), deep.shape)
    tab.mouse.click(*on_screen(tab, int(x), int(y)))


def exported(tab: "Tab") -> np.ndarray:
    """The PNG that the page makes, (h, w, 3)."""
    return np.asarray(Image.open(io.BytesIO(download(tab, "png"))).convert("RGB"))
