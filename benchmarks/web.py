"""Measures the web page with a real painter and a real Chromium: first colours, clicks, and a hundred uploads at once.

    python -m benchmarks.web [MODEL|FILE.pt]

MODEL is `demo`, which `make demo` trains, if none is given. It needs Chromium and Playwright. The ratio in the last
line, of JSON, is 3 s divided by the median time from the choice of a drawing of 2048 px to its colours on the screen.
"""

import io
import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import requests
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.harness import print_result, print_table
from demo.drawings import HELD_OUT_SEEDS, Drawing
from deploy.ports import answers, free_port
from irodori.settings import settings
from irodori.web.limits import OWN

SIDE, DRAWINGS, CELLS, CLICKS, UPLOADS = 2048, 5, (50, 40), 30, 100
FIRST_COLOURS, A_CLICK, AN_EDIT = 3.0, 0.016, 0.1  # seconds that are acceptable
_EXAMPLE = {"hints": [{"x": 0.5, "y": 0.5, "colour": "#c03020", "scope": "part"}]}


@contextmanager
def serving(model: str, database: str) -> Iterator[str]:
    """Runs `irodori serve`; yields its address once the painter is warm."""
    port = free_port()
    address, command = f"http://127.0.0.1:{port}", [sys.executable, "-m", "irodori.cli.start", "serve", model]
    env = os.environ | {"IRODORI_DATABASE": database, "IRODORI_STORAGE": settings().storage}
    process = subprocess.Popen([*command, "--port", str(port)], env=env, stdout=subprocess.DEVNULL)
    try:
        while not answers(f"{address}/readyz"):
            if process.poll() is not None:
                sys.exit("the page ended: see the line above")
            time.sleep(0.1)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def opened(browser: Browser, address: str, file: Path) -> tuple[Page, float]:
    """Drops a drawing; returns the page and the seconds until it is in colour."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(address)
    start = time.perf_counter()
    page.set_input_files("#file", file)
    page.wait_for_selector("#panel:not([inert])", timeout=120_000)
    return page, time.perf_counter() - start


def cells(path: Path) -> Path:
    """Draws a net of 2,000 cells."""
    image = Image.new("L", (SIDE, SIDE), 255)
    draw = ImageDraw.Draw(image)
    for count, ends in zip(CELLS, ("across", "down"), strict=True):
        for number in range(count + 1):
            at = 8 + number * (SIDE - 16) // count
            draw.line((at, 8, at, SIDE - 8) if ends == "across" else (8, at, SIDE - 8, at), fill=0, width=5)
    image.save(path)
    return path


def click_seconds(page: Page) -> tuple[int, list[float]]:
    """Clicks here and there, in turns for the area, the part and everywhere; returns the number of segments, too."""
    count = page.evaluate("() => irodori.legend.classes.length")
    found = []
    for number in range(CLICKS):
        script = """([segment, scope, colour]) => {
            irodori.panel.choose(colour);
            irodori.paint(segment, scope);
            return irodori.took / 1000;
        }"""
        asked = [number * 61 % count, ("area", "part", "everywhere")[number % 3], list(secrets.token_bytes(3))]
        found.append(page.evaluate(script, asked))
        page.wait_for_timeout(60)
    return count, found


def upload_all(address: str, data: bytes) -> list[tuple[int, str]]:
    """Uploads UPLOADS drawings at once; returns each answer's status, with its Location or Retry-After."""
    with ThreadPoolExecutor(UPLOADS // 2) as pool:
        place = f"{address}/api/drawings"
        sent = [pool.submit(requests.post, place, data=data, timeout=120) for _ in range(UPLOADS)]
    answers_ = [each.result() for each in sent]
    return [
        (each.status_code, each.headers.get("Location") or each.headers.get("Retry-After", "")) for each in answers_
    ]


def rush(address: str, data: bytes, edited: str) -> tuple[dict[int, int], int, list[float], float]:
    """Uploads at once; returns the answers by status, how many were done, and seconds: of edits meanwhile, of all."""
    seconds: list[float] = []
    place = f"{address}/api/drawings/{edited}/edits"
    version = int(requests.get(place, timeout=60).headers["ETag"].strip('"'))
    start = time.perf_counter()
    with ProcessPoolExecutor(1) as others:  # they do not share an interpreter with who edits
        sent = others.submit(upload_all, address, data)
        while not sent.done():
            before = time.perf_counter()
            requests.put(place, json=_EXAMPLE, headers={"If-Match": f'"{version}"'}, timeout=60).raise_for_status()
            seconds.append(time.perf_counter() - before)
            version += 1
    took, done = time.perf_counter() - start, 0
    statuses = [status for status, _ in sent.result()]
    for status, note in sent.result():
        if status == 201:
            while (state := requests.get(address + note, timeout=60).json()["state"]) in ("waiting", "painting"):
                time.sleep(0.2)
            done += state == "done"
        elif not note:
            statuses.append(-1)
    return {status: statuses.count(status) for status in set(statuses)}, done, seconds, took


def small() -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(Drawing(HELD_OUT_SEEDS[0]).render("A", 512))).convert("L").save(buffer, "PNG")
    return buffer.getvalue()


def main(model: str) -> None:
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        scratch, path = Path(name), which("chromium")
        with serving(model, f"sqlite:///{scratch / 'web.sqlite'}") as address:
            browser = playwright.chromium.launch(args=["--no-sandbox"], executable_path=path)
            first = []
            for seed in HELD_OUT_SEEDS[:DRAWINGS]:
                file = scratch / f"{seed}.png"
                file.write_bytes(Drawing(seed).render("A", SIDE))
                page, seconds = opened(browser, address, file)
                first.append(seconds)
                page.close()
            page, _ = opened(browser, address, cells(scratch / "cells.png"))
            segments, clicks = click_seconds(page)
            edited = page.url.rpartition("/")[2]
            page.close()
            browser.close()
            statuses, done, edits, rushed = rush(address, small(), edited)
    report(first, segments, clicks, statuses, done, edits, rushed)


def report(
    first: list[float],
    segments: int,
    clicks: list[float],
    statuses: dict[int, int],
    done: int,
    edits: list[float],
    rushed: float,
) -> None:
    """Prints the table and the last line."""
    median, click, edit = (statistics.median(each) for each in (first, clicks, edits))
    rows = [
        [f"first colours of {SIDE} px", f"{median:.2f} s", f"{max(first):.2f} s", f"{FIRST_COLOURS:.0f} s"],
        [f"a click, {segments:,} segments", f"{1000 * click:.1f} ms", f"{1000 * max(clicks):.1f} ms", "16 ms"],
        ["an edit is saved, in the rush", f"{1000 * edit:.0f} ms", f"{1000 * max(edits):.0f} ms", "100 ms"],
    ]
    print_table(["", "median", "worst", "bar"], rows)
    told = statuses.get(429, 0)
    print(
        f"{UPLOADS} uploads in {rushed:.1f} s: {statuses.get(201, 0)} taken, {done} done, {told} told when to come back"
    )
    taken = statuses.get(201, 0)  # one more for each that was done meanwhile
    fair = taken + told == UPLOADS and done == taken >= OWN.waiting_each
    holds = click <= A_CLICK and edit <= AN_EDIT and fair
    figures = {"click_ms": round(1000 * click, 1), "edit_ms": round(1000 * edit), "taken": taken, "told": told}
    print_result("web", FIRST_COLOURS / median, 1.0, holds=holds, segments=segments, **figures)


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else "demo")
