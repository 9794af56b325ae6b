"""The page and the inbox are one product: what is changed on the page is what the schedule colours."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from cyclegan.painting.guide_files import read_wishes
from irodori.web.blobs import Blobs
from irodori.web.folders import Folders
from irodori.web.limits import OWN
from irodori.web.painter import Painter
from irodori.web.rows import Rows
from tests.chromium import chromium
from tests.web_page import picture, service

HINT = {"x": 0.25, "y": 0.5, "colour": "#c03020", "scope": "area"}
KEY = "page 7/hero.png"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[str, Rows]]:
    for folder, name in (("inbox/page 7", "hero.png"), ("inbox", "a.png"), ("outbox", "a.png"), ("models", "x.png")):
        place = tmp_path / "storage" / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(picture())
    with service(tmp_path, inbox=True) as found:
        yield found


def opened(address: str, name: str = KEY) -> requests.Response:
    return requests.post(f"{address}/api/inbox", params={"name": name}, timeout=30)


def change(address: str, id_: str, version: int, *hints: dict[str, object]) -> None:
    place, headers = f"{address}/api/drawings/{id_}/edits", {"If-Match": f'"{version}"'}
    assert requests.put(place, json={"hints": hints}, headers=headers, timeout=30).ok


def work(rows: Rows, folder: Path) -> None:
    """Does what a painter does with guides and small pictures, which needs no model."""
    painter = Painter(rows, (folder / "storage").as_uri(), OWN, "me")
    while painter.draw_thumbnail():
        pass
    while job := rows.take("me"):
        if job.kind == "guide":
            rows.release("me")
            painter.work()
        else:
            rows.finish(job, "me", "done")
    painter.close()


def test_the_inbox_is_listed(running: tuple[str, Rows]) -> None:
    found = requests.get(f"{running[0]}/api/inbox", timeout=30).json()["drawings"]
    assert [(each["name"], each["state"]) for each in found] == [("a.png", "coloured"), (KEY, "waiting")]


def test_the_start_shows_the_inbox(running: tuple[str, Rows], tmp_path: Path) -> None:
    (tmp_path / "storage" / "inbox" / "broken.png").write_bytes(b"\x89PNG nonsense")
    with chromium() as browser:
        tab = browser.new_page()
        tab.goto(running[0])
        tab.wait_for_selector("#inbox:not([hidden])")
        assert tab.locator("#inboxes button").all_inner_texts() == [
            "a.png\ncoloured",
            "broken.png\nwaits",
            f"{KEY}\nwaits",
        ]
        while not running[1].wanted():
            tab.wait_for_timeout(20)
        drawn = "() => document.querySelectorAll('#inboxes canvas[width=\"240\"]').length === 2"
        while not tab.evaluate(drawn):
            work(running[1], tmp_path)
            tab.wait_for_timeout(50)
        dark = """() => [...document.querySelectorAll('#inboxes canvas[width="240"]')].map((canvas) =>
            canvas.getContext("2d").getImageData(0, 0, 240, 200).data.filter((level) => level < 60).length)"""
        assert min(tab.evaluate(dark)) > 500  # its lines
        tab.goto(f"{running[0]}/?inbox=page%207")
        tab.wait_for_selector("#inbox:not([hidden])")
        assert tab.locator("#inboxes button").all_inner_texts() == [f"{KEY}\nwaits"]
        tab.click("#inboxes button")
        tab.wait_for_url("**/d/*")
    assert [each.inbox for each in running[1].opened(KEY)] == [KEY]


def test_what_is_changed_becomes_the_guide(running: tuple[str, Rows], tmp_path: Path) -> None:
    address, rows = running
    id_ = opened(address).json()["id"]
    assert opened(address).json()["id"] == id_  # two windows know of each other
    change(address, id_, 0, HINT)
    work(rows, tmp_path)
    guide = tmp_path / "storage" / "inbox" / "page 7" / "hero.png.guide.json"
    (hint,) = read_wishes([(guide.name, guide.read_bytes())]).hints
    assert (hint.points, hint.colour, hint.scope) == (((0.25, 0.5),), (192, 48, 32), "area")
    assert opened(address).json()["id"] == id_
    written = guide.read_bytes()
    change(address, id_, 1, HINT)  # the same: nothing is to be coloured again
    work(rows, tmp_path)
    assert guide.read_bytes() == written
    change(address, id_, 2)
    work(rows, tmp_path)
    assert not guide.exists()


def test_palette_and_shadows_become_the_guide_too(running: tuple[str, Rows], tmp_path: Path) -> None:
    address, rows = running
    id_ = opened(address).json()["id"]
    guide = tmp_path / "storage" / "inbox" / "page 7" / "hero.png.guide.json"
    chosen = {"variant": 3, "edge": "cel", "mirrored_light": True, "shading": 0.5}
    for version, edits in enumerate([chosen, {"palette": ["#ffffff", "#c03020"], "model": "abc", "variant": 2}]):
        place, headers = f"{address}/api/drawings/{id_}/edits", {"If-Match": f'"{version}"'}
        assert requests.put(place, json=edits, headers=headers, timeout=30).ok
        work(rows, tmp_path)
        wishes = read_wishes([(guide.name, guide.read_bytes())])
        if version == 0:
            assert {**wishes.colours, **wishes.shadows} == chosen
    assert wishes.colours == {"palette": [(255, 255, 255), (192, 48, 32)], "model": "abc"}
    again = requests.get(f"{address}/api/drawings/{opened(address).json()['id']}/edits", timeout=30).json()
    assert again["palette"] == ["#ffffff", "#c03020"]


def test_what_the_page_saved_before_is_opened_with_it(running: tuple[str, Rows], tmp_path: Path) -> None:
    address, rows = running
    id_ = opened(address).json()["id"]
    change(address, id_, 0, HINT)
    work(rows, tmp_path)
    assert requests.delete(f"{address}/api/drawings/{id_}", timeout=30).ok
    again = opened(address).json()["id"]
    edits = requests.get(f"{address}/api/drawings/{again}/edits", timeout=30).json()
    assert (again != id_, edits["hints"]) == (True, [HINT])


@pytest.mark.parametrize("name", ["hero.guide.json", "hero.png.guide.json", "hero.hints.png"])
def test_a_person_s_guide_is_never_written_to(running: tuple[str, Rows], tmp_path: Path, name: str) -> None:
    address, rows = running
    id_ = opened(address).json()["id"]
    own = tmp_path / "storage" / "inbox" / "page 7" / name
    own.write_bytes(b'{"hints": [{"x": 0.1, "y": 0.1, "colour": "red"}]}')
    answer = opened(address)
    assert answer.status_code == 409
    assert answer.json()["error"] == f"{name} colours this drawing: change it there"
    if name == "hero.png.guide.json":  # while the page is open
        change(address, id_, 0, HINT)
        work(rows, tmp_path)
        state = requests.get(f"{address}/api/drawings/{id_}", timeout=30).json()
        assert state["problem"] == f"{name} colours this drawing: change it there"
    assert b'"red"' in own.read_bytes()


def test_only_drawings_of_the_inbox_open(running: tuple[str, Rows]) -> None:
    for name in ("../models/x.png", "missing.png", "", "../web.sqlite", "page 7"):
        assert opened(running[0], name).status_code == 404, name


def test_the_public_sees_no_inbox(tmp_path: Path) -> None:
    (tmp_path / "storage" / "inbox").mkdir(parents=True)
    (tmp_path / "storage" / "inbox" / "a.png").write_bytes(picture())
    with service(tmp_path) as (address, _):
        assert requests.get(f"{address}/api/inbox", timeout=30).json() == {"drawings": []}
        assert opened(address, "a.png").status_code == 404


def test_the_same_edits_give_the_same_bytes(tmp_path: Path, running: tuple[str, Rows]) -> None:
    """A painter that was killed after it wrote a guide writes it again."""
    address, rows = running
    id_ = opened(address).json()["id"]
    change(address, id_, 0, HINT)
    folders = Folders((tmp_path / "storage").as_uri())
    with closing(Rows(f"sqlite:///{tmp_path / 'storage' / 'web.sqlite'}")) as other:
        folders.save(other.find(id_))
        folders.save(rows.find(id_))
    assert Blobs((tmp_path / "storage").as_uri()).find(id_, "drawing") == picture()
