"""Tests the inbox in a folder and in S3: which drawings a run takes, which it leaves, and where they go."""

import io
import os
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from prefect.logging import disable_run_logger

from irodori.inbox import Finished, Inbox, reason_key
from irodori.names import is_drawing
from storage import open_storage
from tasks.colorize import ClearJob, ColorizeJob, clear, colorize
from tests.flow_factories import MODEL, keys, new, plan, png, run, status


def test_new_changed_and_repeated_drawings(inbox: Inbox) -> None:
    storage = inbox.storage
    storage.write("inbox/a b/ü.png", png(1))
    storage.write("inbox/cut.png", png(2)[:60])
    run(inbox)
    assert keys(storage, "outbox/") == {"outbox/a b/ü.png"}
    assert keys(storage, "failed/") == {"failed/cut.png", "failed/cut.png.reason.txt"}
    assert b"truncated PNG" in storage.read("failed/cut.png.reason.txt")
    assert storage.read("failed/cut.png") == png(2)[:60]
    assert keys(storage, "inbox/") == {"inbox/a b/ü.png", "inbox/cut.png"}
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


def test_a_folder_called_as_a_variant_holds_up_nothing_else(inbox: Inbox) -> None:
    """Its drawings without variants and others with them would have the same place in the outbox."""
    for name in ("variant-1/a.png", "variant-1/deep/b.png", "variant-1.png", "p/variant-1/c.png", "variant-3/d.png"):
        inbox.storage.write(f"inbox/{name}", png())
    found = plan(inbox, "variant-1", "variant-2")
    others = ["p/variant-1/c.png", "variant-1.png", "variant-3/d.png"]
    assert new(found) == {"variant-1": others, "variant-2": others}
    (line,) = [f"{key}: {reason}" for key, reason in found.unusable.items()]
    assert line == (
        "inbox/variant-1/: its drawings wait: 'variant-1' is a style, which has outbox/variant-1/ to itself; "
        "rename the folder"
    )
    run(inbox, "variant-1", "variant-2", finished="delete")
    assert keys(inbox.storage, "inbox/") == {"inbox/variant-1/a.png", "inbox/variant-1/deep/b.png"}


@pytest.mark.parametrize(("finished", "left"), [("keep", {"a.txt", "cut.png"}), ("move", set()), ("delete", set())])
def test_what_is_no_picture_leaves_the_inbox_only_as_configured(
    inbox: Inbox, finished: Finished, left: set[str]
) -> None:
    inbox.storage.write("inbox/a.txt", b"remember the milk")
    inbox.storage.write("inbox/cut.png", png()[:60])
    for _ in range(2):
        run(inbox, finished=finished)
        assert keys(inbox.storage, "inbox/") == {f"inbox/{name}" for name in left}
        names = {"a.txt", "a.txt.reason.txt", "cut.png", "cut.png.reason.txt"}
        assert keys(inbox.storage, "failed/") == {f"failed/{name}" for name in names}
        assert not plan(inbox, finished=finished).works[""] and not plan(inbox, finished=finished).leaving


def test_a_drawing_replaced_by_an_older_one_is_coloured_again(tmp_path: Path, checkpoint: bytes) -> None:
    """`cp -p`, `mv` and unzip keep times: changed means other than what was seen, not newer."""
    storage = open_storage(tmp_path.as_uri())
    storage.write(MODEL.checkpoint, checkpoint)
    inbox, drawing = Inbox(storage.url), tmp_path / "inbox/a.png"
    for number, modified in enumerate((1e9, 5e8, 2e9, 1e9)):
        storage.write("inbox/a.png", png()[: -number or None] + bytes(number))
        os.utime(drawing, (modified, modified))
        with disable_run_logger():
            assert new(plan(inbox)) == {"": ["a.png"]}
            run(inbox)
            assert new(plan(inbox)) == {"": []}


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


def test_a_failed_drawing_leaves_only_when_it_is_kept_elsewhere(inbox: Inbox) -> None:
    """Somebody has tidied up failed/ before the inbox was cleared."""
    inbox.storage.write("inbox/cut.png", png()[:60])
    assert colorize.fn(plan(inbox).works[""], ColorizeJob(inbox, MODEL, 0)) == {"failed": 1}
    inbox.storage.delete("failed/cut.png")
    run(inbox, finished="delete")
    assert inbox.storage.read("inbox/cut.png") == png()[:60]
