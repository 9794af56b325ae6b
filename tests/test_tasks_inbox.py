"""Tests the inbox in a folder and in S3: which drawings a run takes, which it leaves, and how runs share them."""

import io
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from prefect.logging import disable_run_logger

from irodori import claims, looks
from irodori.claims import CLAIMS, claimed
from irodori.errors import PipelineError
from irodori.gallery import read_page
from irodori.inbox import Finished, Inbox, Plan, reason_key
from irodori.names import PAGE, is_drawing
from irodori.pages import draw_sheet, unsheeted
from storage import Storage, StorageError, open_storage
from tasks.colorize import ClearJob, ColorizeJob, clear, colorize
from tests.factories import save
from tests.flow_factories import MODEL, keys, plan, png, run, status


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return save(tmp_path_factory.mktemp("model") / "x.pt").read_bytes()


@pytest.fixture
def inbox(storage: Storage, checkpoint: bytes) -> Iterator[Inbox]:
    storage.write(MODEL.checkpoint, checkpoint)
    with disable_run_logger():
        yield Inbox(storage.url)


def new(found: Plan) -> dict[str, list[str]]:
    return {style: [work.name for work in works] for style, works in found.works.items()}


def test_new_changed_and_repeated_drawings(inbox: Inbox) -> None:
    storage = inbox.storage
    storage.write("inbox/a b/ü.png", png(1))
    storage.write("inbox/cut.png", png(2)[:60])
    run(inbox)
    assert keys(storage, "outbox/") == {"outbox/a b/ü.png"}
    assert keys(storage, "failed/") == {"failed/cut.png", "failed/cut.png.reason.txt"}
    assert b"truncated PNG" in storage.read("failed/cut.png.reason.txt")
    assert storage.read("failed/cut.png") == png(2)[:60]
    assert keys(storage, "inbox/") == {"inbox/a b/ü.png"}
    assert status(inbox) == {"a b/ü.png": "ok", "cut.png": "failed"}
    assert new(plan(inbox)) == {"": []}

    storage.write("inbox/cut.png", png(2))  # repaired
    storage.write("inbox/a b/ü.png", png(3, 50))  # another drawing
    run(inbox)
    assert keys(storage, "failed/") == set()
    assert status(inbox) == {"a b/ü.png": "ok", "cut.png": "ok"}
    assert Image.open(io.BytesIO(storage.read("outbox/a b/ü.png"))).size == (50, 50)


def test_the_same_failure_dropped_again_is_tried_again(inbox: Inbox) -> None:
    inbox.storage.write("inbox/a.png", b"not yet")
    run(inbox)
    time.sleep(1.1)  # a bucket's times may be whole seconds
    inbox.storage.write("inbox/a.png", b"not yet")
    assert new(plan(inbox)) == {"": ["a.png"]}


@pytest.mark.parametrize(
    ("finished", "left", "done"), [("keep", {"a.png"}, set()), ("move", set(), {"a.png"}), ("delete", set(), set())]
)
def test_finished_drawings_leave_as_configured(
    inbox: Inbox, finished: Finished, left: set[str], done: set[str]
) -> None:
    inbox.storage.write("inbox/a.png", png())
    run(inbox, finished=finished)
    assert keys(inbox.storage, "inbox/") == {f"inbox/{name}" for name in left}
    assert keys(inbox.storage, "done/") == {f"done/{name}" for name in done}
    assert keys(inbox.storage, "outbox/") == {"outbox/a.png"}
    assert not plan(inbox, finished=finished).leaving


def test_a_dead_run_s_leftovers_are_cleared(inbox: Inbox) -> None:
    """A run was killed between writing the row and moving the drawing: the next run moves it and colours nothing."""
    inbox.storage.write("inbox/a.png", png())
    run(inbox)
    before = {entry.key: entry.version for entry in inbox.storage.list("outbox/")}
    run(inbox, finished="move")
    assert keys(inbox.storage, "done/") == {"done/a.png"}
    assert {entry.key: entry.version for entry in inbox.storage.list("outbox/")} == before


def test_a_drawing_replaced_meanwhile_stays(inbox: Inbox) -> None:
    inbox.storage.write("inbox/a.png", png(1))
    run(inbox)
    leaving = plan(inbox, finished="delete").leaving
    inbox.storage.write("inbox/a.png", png(2))
    clear.fn(leaving, ClearJob(inbox, "delete"))
    clear.fn(leaving, ClearJob(inbox, "move"))
    assert inbox.storage.read("inbox/a.png") == png(2)
    assert new(plan(inbox)) == {"": ["a.png"]}


def test_a_drawing_that_changes_between_look_and_turn_waits(inbox: Inbox) -> None:
    inbox.storage.write("inbox/a.png", png(1))
    works = plan(inbox).works[""]
    inbox.storage.write("inbox/a.png", png(2)[:50])
    assert not colorize.fn(works, ColorizeJob(inbox, MODEL, 0))
    assert not keys(inbox.storage, "failed/") | keys(inbox.storage, "outbox/")
    inbox.storage.delete("inbox/a.png")
    assert colorize.fn(works, ColorizeJob(inbox, MODEL, 0)) == {"dropped": 1}


def test_files_are_taken_only_when_left_alone(inbox: Inbox) -> None:
    inbox.storage.write("inbox/a.png", png())
    assert plan(inbox, settle=60).growing == 1
    assert new(plan(inbox, settle=60)) == {"": []}
    assert new(plan(inbox)) == {"": ["a.png"]}


def test_what_cannot_be_read_gets_more_time(inbox: Inbox) -> None:
    """A copy that stalls for longer than the settling time must not be cut off in the middle."""
    inbox.storage.write("inbox/a.png", png()[:60])
    works = plan(inbox).works[""]
    assert not colorize.fn(works, ColorizeJob(inbox, MODEL, 2.0))
    assert keys(inbox.storage, "inbox/") == {"inbox/a.png"}
    assert colorize.fn(works, ColorizeJob(inbox, MODEL, 0)) == {"failed": 1}


def test_a_time_in_the_future_keeps_nothing_waiting(tmp_path: Path) -> None:
    storage = open_storage(tmp_path.as_uri())
    storage.write("inbox/a.png", png())
    os.utime(tmp_path / "inbox/a.png", (2e9, 2e9))
    assert new(plan(Inbox(storage.url), settle=2)) == {"": ["a.png"]}


def test_another_checkpoint_recolours_only_if_asked(inbox: Inbox) -> None:
    inbox.storage.write("inbox/a.png", png())
    run(inbox)
    assert new(plan(inbox)) == {"": []}
    assert new(plan(inbox, by=MODEL.checkpoint)) == {"": []}
    assert new(plan(inbox, by="models/m/y.pt")) == {"": ["a.png"]}


def test_styles_are_done_each_on_their_own(inbox: Inbox) -> None:
    inbox.storage.write("inbox/p/a.png", png())
    run(inbox, "soft")
    assert new(plan(inbox, "soft", "bold")) == {"soft": [], "bold": ["p/a.png"]}
    assert not plan(inbox, "soft", "bold", finished="delete").leaving  # bold has not coloured it yet
    run(inbox, "soft", "bold", finished="delete")
    assert keys(inbox.storage, "outbox/") == {"outbox/soft/p/a.png", "outbox/bold/p/a.png"}
    assert keys(inbox.storage, "inbox/") == set()
    inbox.storage.write("inbox/soft/a.png", png())
    with pytest.raises(PipelineError, match=r"inbox/soft/ .* rename"):
        plan(inbox, "soft")


def test_the_page_keeps_up(inbox: Inbox) -> None:
    inbox.storage.write("inbox/p/a.png", png())
    inbox.storage.write("inbox/p/b.png", png()[:70])
    run(inbox, "soft", finished="delete")
    inbox.storage.write("inbox/p/b.png", png(2))
    run(inbox, "soft", finished="delete")
    run(inbox, "soft", "bold")
    found = {drawing.name: drawing for drawing in read_page(inbox.storage.read(f"outbox/p/{PAGE}"))}
    assert set(found) == {"a.png", "b.png"}
    assert found["b.png"].reason == ""
    assert found["a.png"].colours["soft"].link == "../soft/p/a.png"
    assert b'"credit": "by me"' in inbox.storage.read(f"outbox/p/{PAGE}")


def test_a_sheet_is_drawn_where_a_killed_run_left_none(inbox: Inbox) -> None:
    inbox.storage.write("inbox/a.png", png())
    inbox.storage.write("inbox/p/b.png", png())
    run(inbox)
    assert unsheeted(inbox.storage) == ["", "p"]
    for folder in ("", "p"):
        key = draw_sheet(inbox.storage, folder, "by me")
        assert key is not None
        assert Image.open(io.BytesIO(inbox.storage.read(key))).height > 40
    assert unsheeted(inbox.storage) == []
    time.sleep(1.1)  # a bucket's times may be whole seconds
    inbox.storage.write("inbox/p/c.png", png())
    run(inbox)
    assert unsheeted(inbox.storage) == ["p"]


@pytest.fixture
def with_palettes(storage: Storage, tmp_path: Path) -> Iterator[Inbox]:
    storage.upload(save(tmp_path / "x.pt", palette=6), MODEL.checkpoint)
    looks._load.cache_clear()
    with disable_run_logger():
        yield Inbox(storage.url)


def flat(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (50, 50), colour).save(buffer, "PNG")
    return buffer.getvalue()


def hue(storage: Storage, name: str) -> tuple[int, ...]:
    """Returns the channels whose median is above 200: the main colour of an output."""
    pixels = np.asarray(Image.open(io.BytesIO(storage.read(f"outbox/{name}"))).convert("RGB")).reshape(-1, 3)
    return tuple(channel for channel in range(3) if np.median(pixels[:, channel]) > 200)


def test_a_palette_colours_its_folder(with_palettes: Inbox) -> None:
    """A picture named _palette applies to its folder and to folders inside that have none of their own."""
    inbox, storage = with_palettes, with_palettes.storage
    for name in ("a.png", "p/b.png", "p/q/c.png", "p/r/d.png"):
        storage.write(f"inbox/{name}", png())
    storage.write("inbox/p/_palette.png", flat("#ff2020"))
    storage.write("inbox/p/r/_Palette.PNG", flat("#2020ff"))
    assert plan(inbox, settle=60).total == 4
    run(inbox)
    assert {entry.key.rpartition("/")[2] for entry in storage.list("outbox/") if "before" not in entry.key} == {
        "a.png", "b.png", "c.png", "d.png"
    }  # fmt: skip
    assert [hue(storage, name) for name in ("p/b.png", "p/q/c.png", "p/r/d.png")] == [(0,), (0,), (2,)]
    assert new(plan(inbox)) == {"": []}

    storage.write("inbox/p/_palette.png", flat("#20ff20"))  # drawings that wait in the folder are coloured again
    assert new(plan(inbox)) == {"": ["p/b.png", "p/q/c.png"]}
    run(inbox)
    assert [hue(storage, name) for name in ("p/b.png", "p/r/d.png")] == [(1,), (2,)]


def test_a_broken_palette_keeps_its_drawings_waiting_and_no_others(with_palettes: Inbox) -> None:
    inbox, storage = with_palettes, with_palettes.storage
    storage.write("inbox/a.png", png())
    storage.write("inbox/p/b.png", png())
    storage.write("inbox/p/_palette.png", flat("red")[:60])
    state: Any = colorize.fn(plan(inbox).works[""], ColorizeJob(inbox, MODEL, 0))
    assert state.is_failed()
    assert state.message.startswith("inbox/p/_palette.png: truncated PNG")
    assert status(inbox) == {"a.png": "ok"}
    assert new(plan(inbox)) == {"": ["p/b.png"]}
    storage.delete("inbox/p/_palette.png")
    run(inbox)
    assert status(inbox) == {"a.png": "ok", "p/b.png": "ok"}


def test_a_palette_for_a_model_without_is_refused(inbox: Inbox) -> None:
    inbox.storage.write("inbox/_palette.png", flat("red"))
    inbox.storage.write("inbox/a.png", png())
    state: Any = colorize.fn(plan(inbox).works[""], ColorizeJob(inbox, MODEL, 0))
    assert "paints without palettes" in state.message
    state = colorize.fn(plan(inbox).works[""], ColorizeJob(inbox, MODEL, 0, variant=2))
    assert "paints without palettes" in state.message


def test_variants_are_columns_and_a_picture_takes_the_first(with_palettes: Inbox) -> None:
    inbox, storage = with_palettes, with_palettes.storage
    found = looks.looks(storage.url, "m", [], 3)
    assert {name: way.variant for name, way in found.items()} == {"variant-1": 1, "variant-2": 2, "variant-3": 3}
    assert list(looks.looks(storage.url, "m", ["soft", "bold"], 2)) == ["soft-1", "soft-2", "bold-1", "bold-2"]
    storage.write("inbox/p/_palette.png", flat("#ff2020"))
    storage.write("inbox/p/a.png", png())
    storage.write("inbox/b.png", png())
    for name, works in plan(inbox, *found).works.items():
        assert colorize.fn(works, ColorizeJob(inbox, MODEL, 0, found[name].variant)) == {"ok": 2}
    assert len({storage.read(f"outbox/variant-{n}/b.png") for n in (1, 2, 3)}) == 3
    assert hue(storage, "variant-1/p/a.png") == (0,)
    assert storage.read("outbox/variant-2/p/a.png") == storage.read("outbox/variant-2/b.png")


def test_names_that_are_not_drawings() -> None:
    ignored = [
        ".hidden.png", ".git/x.png", "Thumbs.db", "__MACOSX/a.png", "a.png.part", "a.png~", "~$a.png",
        "b.crdownload", "a.png.reason.txt", "x/_contact-sheet.png", "_before-after.html", "desktop.ini",
    ]  # fmt: skip
    assert not [name for name in ignored if is_drawing(f"inbox/{name}")]
    assert all(is_drawing(f"inbox/{name}") for name in ["a.png", "notes.txt", "a .b/c", "partly.png", "no ending"])


def test_links_and_odd_names_stay_inside(tmp_path: Path, checkpoint: bytes) -> None:
    root = tmp_path / "storage"
    storage = open_storage(root.as_uri())
    storage.write(MODEL.checkpoint, checkpoint)
    inbox = Inbox(storage.url)
    long = "é" * 120 + ".png"  # 244 bytes
    for name in [
        "with space.png",
        "日本語/線画.png",
        "quote\"'<b>.png",
        "%2e%2e.png",
        "..png",
        long,
        "long" * 62 + ".png",
    ]:
        storage.write(f"inbox/{name}", png())
    storage.write("inbox/" + "x" * 251 + ".png", b"no picture")
    (root / "inbox/back\\slash.png").write_bytes(png())
    (root / "inbox/line\nfeed.png").write_bytes(png())
    Path(os.fsdecode(bytes(root / "inbox") + b"/\xff.png")).write_bytes(png())
    secret = tmp_path / "secret.png"
    secret.write_bytes(png())
    (root / "inbox/link.png").symlink_to(secret)
    (root / "inbox/folder").symlink_to(tmp_path)
    with disable_run_logger():
        found = plan(inbox)
        run(inbox)
    assert len(found.unusable) == 3
    assert not [work for work in found.works[""] if "link" in work.name or "folder" in work.name]
    assert set(status(inbox).values()) == {"ok", "failed"}
    assert {key.removeprefix("outbox/") for key in keys(storage, "outbox/")} == {
        work.name for work in found.works[""] if not work.name.startswith("x")
    }  # fmt: skip
    reasons = [key for key in keys(storage, "failed/") if key.endswith(".reason.txt")]
    assert reasons == [reason_key("x" * 251 + ".png")]
    assert {path.name for path in tmp_path.iterdir()} == {"storage", "secret.png"}


def test_one_at_a_time(inbox: Inbox) -> None:
    with claimed(inbox.storage, ["a", "b"]) as first, claimed(inbox.storage, ["b", "c"]) as second:
        assert [sorted(first.ids), sorted(second.ids)] == [["a", "b"], ["c"]]
    with claimed(inbox.storage, ["b"]) as third:
        assert third.ids == {"b"}
    assert inbox.storage.read(CLAIMS) == b"{}"


def test_what_another_run_finished_between_look_and_claim_is_not_done_again(inbox: Inbox) -> None:
    inbox.storage.write("inbox/a.png", png())
    works = plan(inbox).works[""]
    assert colorize.fn(works, ColorizeJob(inbox, MODEL, 0)) == {"ok": 1}
    assert not colorize.fn(works, ColorizeJob(inbox, MODEL, 0))


@pytest.mark.parametrize(
    ("change", "is_dead"),
    [({}, False), ({"until": 0}, True), ({"pid": 2**22 + 1}, True), ({"where": "elsewhere", "pid": 2**22 + 1}, False)],
)
def test_claims_of_the_dead(tmp_path: Path, change: dict[str, object], is_dead: bool) -> None:
    """A claim is dropped if it is too old or its process on this machine is gone, not if its machine is another."""
    storage = open_storage(tmp_path.as_uri())
    with claimed(storage, ["a"]):
        stolen = storage.read(CLAIMS)
    claim = json.loads(stolen)["a"] | {"pid": os.getppid()} | change
    storage.write(CLAIMS, json.dumps({"a": claim}).encode())
    with claimed(storage, ["a"]) as ours:
        assert ours.ids == ({"a"} if is_dead else set())


def test_an_unwritable_outbox_is_one_line_and_holds_up_nothing(tmp_path: Path, checkpoint: bytes) -> None:
    storage = open_storage(tmp_path.as_uri())
    storage.write(MODEL.checkpoint, checkpoint)
    for name in ("a.png", "blocked/b.png", "c.png"):
        storage.write(f"inbox/{name}", png())
    storage.write("outbox/blocked", b"a file where a folder is needed")
    inbox = Inbox(storage.url)
    with disable_run_logger():
        state: Any = colorize.fn(plan(inbox).works[""], ColorizeJob(inbox, MODEL, 0))
        assert state.is_failed()
        assert "outbox/blocked/b.png" in state.message
        assert "\n" not in state.message
        assert status(inbox) == {"a.png": "ok", "c.png": "ok"}
        storage.delete("outbox/blocked")
        run(inbox)
    assert status(inbox) == {"a.png": "ok", "blocked/b.png": "ok", "c.png": "ok"}


def test_a_storage_that_goes_away(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left incomplete, and the failed run's claims do not block the next run in the same process."""
    inbox.storage.write("inbox/a.png", png())
    works = plan(inbox).works[""]

    def gone(*_: object) -> None:
        raise StorageError("no S3 server answers")

    with monkeypatch.context() as patch:
        patch.setattr(type(inbox.storage), "write", gone)
        patch.setattr(claims, "_release", gone)
        state: Any = colorize.fn(works, ColorizeJob(inbox, MODEL, 0))
        assert state.message == "no S3 server answers"
    assert colorize.fn(works, ColorizeJob(inbox, MODEL, 0)) == {"ok": 1}


def test_what_the_page_could_not_show_is_done_again(tmp_path: Path, checkpoint: bytes) -> None:
    """The rows say that all is done; so they come after the page, and not at all where it cannot be written."""
    storage = open_storage(tmp_path.as_uri())
    storage.write(MODEL.checkpoint, checkpoint)
    for name in ("p/a.png", "p/b.png"):
        storage.write(f"inbox/{name}", png())
    storage.write(f"outbox/p/{PAGE}/x", b"a folder where the page is to be")
    inbox = Inbox(storage.url)
    with disable_run_logger():
        state: Any = colorize.fn(plan(inbox).works[""], ColorizeJob(inbox, MODEL, 0))
        assert state.is_failed() and PAGE in state.message
        assert status(inbox) == {}
        assert new(plan(inbox)) == {"": ["p/a.png", "p/b.png"]}
        shutil.rmtree(tmp_path / f"outbox/p/{PAGE}")
        run(inbox)
    assert status(inbox) == {"p/a.png": "ok", "p/b.png": "ok"}
    assert {drawing.name for drawing in read_page(storage.read(f"outbox/p/{PAGE}"))} == {"a.png", "b.png"}


def test_nothing_is_begun_when_the_claim_s_time_is_over(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run may have claimed it by then."""
    inbox.storage.write("inbox/a.png", png())
    works = plan(inbox).works[""]
    with monkeypatch.context() as patch:
        patch.setattr(claims, "WORK", 0.0)
        assert not colorize.fn(works, ColorizeJob(inbox, MODEL, 0))
    assert not keys(inbox.storage, "outbox/")
    assert colorize.fn(works, ColorizeJob(inbox, MODEL, 0)) == {"ok": 1}


def test_a_failed_drawing_leaves_only_when_it_is_kept_elsewhere(inbox: Inbox) -> None:
    """Somebody has tidied up failed/ before the inbox was cleared."""
    inbox.storage.write("inbox/cut.png", png()[:60])
    assert colorize.fn(plan(inbox).works[""], ColorizeJob(inbox, MODEL, 0)) == {"failed": 1}
    inbox.storage.delete("failed/cut.png")
    clear.fn(plan(inbox).leaving, ClearJob(inbox, "delete"))
    assert inbox.storage.read("inbox/cut.png") == png()[:60]
