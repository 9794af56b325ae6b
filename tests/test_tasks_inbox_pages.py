"""Tests the page and the sheet of an outbox: they keep up with its drawings, also after a failed run."""

import io
import shutil
import time
from pathlib import Path
from typing import Any

from PIL import Image
from prefect.logging import disable_run_logger

from irodori.gallery import read_page
from irodori.inbox import Inbox
from irodori.names import PAGE
from irodori.pages import draw_sheet, unsheeted
from storage import open_storage
from tasks.colorize import ColorizeJob, colorize
from tests.flow_factories import MODEL, new, plan, png, run, status


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
