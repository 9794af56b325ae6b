"""Tests the layers of an inbox's drawings: in the outbox before their rows, in a folder and in S3."""

import io
import sys

import pytest
from PIL import Image

from flows.colorize_inbox import colorize_inbox
from imaging.formats import LayerFile
from irodori.inbox import Inbox
from irodori.names import layer_path
from tasks.colorize import ClearJob, ColorizeJob, clear, colorize
from tests.flow_factories import MODEL, keys, new, plan, png, run, status
from tests.layer_readers import compose, difference, read_ora

ORA, LABELS = LayerFile.ORA, LayerFile.LABELS


def colour(inbox: Inbox) -> None:
    for works in plan(inbox).works.values():
        colorize.fn(works, ColorizeJob(inbox, MODEL, 0, layers=(ORA, LABELS)))


def test_layers_are_beside_the_picture_and_the_drawing_leaves_after_them(inbox: Inbox) -> None:
    storage = inbox.storage
    storage.write("inbox/p/ü.png", png(1))
    storage.write("inbox/p/ü.jpg", png(2))
    storage.write("inbox/cut.png", png(2)[:60])
    colour(inbox)
    clear.fn(plan(inbox, finished="move").leaving, ClearJob(inbox, "move"))
    assert status(inbox) == {"p/ü.png": "ok", "p/ü.jpg": "ok", "cut.png": "failed"}
    beside = {f"outbox/p/{name}{ending}" for name in ("ü", "ü.jpg") for ending in (".ora", ".labels.png")}
    assert keys(storage, "outbox/") == {"outbox/p/ü.png", "outbox/p/ü.jpg"} | beside
    assert keys(storage, "done/") == {"done/p/ü.png", "done/p/ü.jpg"}
    picture = Image.open(io.BytesIO(storage.read("outbox/p/ü.png")))
    assert difference(compose(*read_ora(storage.read("outbox/p/ü.ora"))), picture) <= 1


def test_killed_between_layers_and_picture_the_next_run_makes_the_same(inbox: Inbox) -> None:
    """What a kill leaves: layers without a picture and without a row; the drawing is still in the inbox."""
    storage = inbox.storage
    storage.write("inbox/a.png", png(1))
    colour(inbox)
    made = {key: storage.read(key) for key in keys(storage, "outbox/")}
    for entry in [*storage.list("inbox-manifest"), *storage.list("outbox/")]:
        if not entry.key.endswith(".ora"):
            storage.delete(entry.key)
    assert new(plan(inbox)) == {"": ["a.png"]}
    colour(inbox)
    assert {key: storage.read(key) for key in keys(storage, "outbox/")} == made
    assert status(inbox) == {"a.png": "ok"}


def test_a_drawing_whose_layers_cannot_be_written_has_no_row(inbox: Inbox) -> None:
    storage = inbox.storage
    if not storage.url.startswith("file:"):
        pytest.skip("a folder stands in the way of a file only on a disk")
    storage.write("inbox/a.png", png(1))
    storage.write("inbox/b.png", png(2))
    storage.write("outbox/a.ora/in the way", b"")
    colour(inbox)
    assert status(inbox) == {"b.png": "ok"}
    assert new(plan(inbox, finished="move")) == {"": ["a.png"]}


def test_a_drawing_too_long_for_a_psd_fails_with_a_reason_and_its_neighbour_does_not(inbox: Inbox) -> None:
    wide = io.BytesIO()
    Image.new("1", (30_001, 64), 1).save(wide, "PNG")
    inbox.storage.write("inbox/long.png", wide.getvalue())
    inbox.storage.write("inbox/a.png", png(1))
    for works in plan(inbox).works.values():
        colorize.fn(works, ColorizeJob(inbox, MODEL, 0, layers=(LayerFile.PSD,)))
    assert status(inbox) == {"long.png": "failed", "a.png": "ok"}
    assert b"a PSD holds at most 30,000 a side" in inbox.storage.read("failed/long.png.reason.txt")
    assert keys(inbox.storage, "outbox/") == {"outbox/a.png", "outbox/a.psd"}


def test_a_map_of_labels_that_is_put_back_is_no_drawing(inbox: Inbox) -> None:
    inbox.storage.write("inbox/a.labels.png", png(1))
    run(inbox)
    assert not keys(inbox.storage, "outbox/")


def test_psd_without_its_package_stops_the_run_with_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psd_tools", None)
    state = colorize_inbox.fn(layers=[LayerFile.PSD])
    assert state is not None and state.is_failed() and state.message == "PSD needs psd-tools: pip install -e '.[psd]'"


def test_names_of_255_bytes_have_layers_too() -> None:
    long = "outbox/" + "x" * 251 + ".png"
    assert layer_path(long, ORA) == "outbox/" + "x" * 251 + ".ora"
    assert layer_path(long, LABELS) == "outbox/" + "x" * 244 + ".labels.png"
