"""Tests the colorize-inbox flow: several styles, new and broken models, and runs without new drawings."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from demo.drawings import Drawing
from flows.colorize_inbox import colorize_inbox
from irodori.gallery import read_page
from irodori.inbox import Inbox, look
from storage import Row, Storage, open_storage
from tests.factories import drawing, save

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.slow]


@pytest.fixture
def storage(tmp_path: Path, environment: Callable[..., None]) -> Storage:
    """Makes a storage with two models and two drawings, one of them broken."""
    storage = open_storage((tmp_path / "storage").as_uri())
    for seed, model in enumerate(("soft", "bold")):
        serve(storage, model, seed, tmp_path)
    buffer = io.BytesIO()
    drawing(size=60).save(buffer, "PNG")
    storage.write("inbox/page/a.png", buffer.getvalue())
    storage.write("inbox/page/cut.png", buffer.getvalue()[:100])
    environment(storage=storage.url)
    return storage


def serve(storage: Storage, model: str, seed: int, folder: Path, palette: int = 0) -> None:
    key = f"models/{model}/{seed}.pt"
    storage.upload(save(folder / f"{seed}.pt", seed=seed, palette=palette), key)
    storage.write(f"models/{model}/best.json", json.dumps({"checkpoint": key, "weights": "ema"}).encode())


def run(**parameters: object) -> None:
    state = colorize_inbox(settle_seconds=0.0, return_state=True, **parameters)
    assert state.is_completed(), state.message


def test_styles_side_by_side_then_moved_away(storage: Storage) -> None:
    run(styles=["soft", "bold"], finished="move", credit="by me")
    found = {entry.key for entry in storage.list("") if not entry.key.startswith(("models/", "inbox-"))}
    assert found == {
        "outbox/soft/page/a.png", "outbox/bold/page/a.png", "outbox/page/_contact-sheet.png",
        "outbox/page/_before-after.html", "done/page/a.png", "failed/page/cut.png", "failed/page/cut.png.reason.txt",
    }  # fmt: skip
    assert storage.read("outbox/soft/page/a.png") != storage.read("outbox/bold/page/a.png")
    shown = {drawing.name: drawing for drawing in read_page(storage.read("outbox/page/_before-after.html"))}
    assert list(shown["a.png"].colours) == ["soft", "bold"]
    assert "truncated" in shown["cut.png"].reason
    sheet = Image.open(io.BytesIO(storage.read("outbox/page/_contact-sheet.png")))
    assert sheet.width > 3 * 192


def test_a_style_that_is_not_trained_yet_keeps_no_other_waiting(storage: Storage) -> None:
    state = colorize_inbox(settle_seconds=0.0, styles=["soft", "later"], finished="delete", return_state=True)
    assert state.name == "Waiting" and "model 'later' has no checkpoint" in str(state.message)
    assert storage.exists("outbox/soft/page/a.png")
    assert storage.exists("inbox/page/a.png")  # it stays until it has been coloured in all styles
    serve(storage, "later", 3, Path(storage.url.removeprefix("file://")).parent)
    run(styles=["soft", "later"], finished="delete")
    assert storage.exists("outbox/later/page/a.png")
    assert not storage.exists("inbox/page/a.png")


def test_styles_that_are_called_as_tags_are(storage: Storage, tmp_path: Path) -> None:
    tags = ["watercolor_(medium)", "k-on!&'x"]
    for seed, tag in enumerate(tags):
        serve(storage, tag, seed, tmp_path)
    run(styles=tags)
    shown = {drawing.name: drawing for drawing in read_page(storage.read("outbox/page/_before-after.html"))}
    assert list(shown["a.png"].colours) == tags
    assert all(storage.exists(f"outbox/{tag}/page/a.png") for tag in tags)


def test_variants_in_columns(storage: Storage, tmp_path: Path) -> None:
    serve(storage, "soft", 9, tmp_path, palette=6)
    run(model="soft", variants=3, credit="by me")
    shown = {drawing.name: drawing for drawing in read_page(storage.read("outbox/page/_before-after.html"))}
    assert list(shown["a.png"].colours) == ["variant-1", "variant-2", "variant-3"]
    assert len({storage.read(f"outbox/variant-{n}/page/a.png") for n in (1, 2, 3)}) == 3


def test_a_quiet_run_leaves_no_trace_and_a_new_model_waits_to_be_asked(storage: Storage, tmp_path: Path) -> None:
    run(model="soft")
    first = storage.read("outbox/page/a.png")
    serve(storage, "soft", 5, tmp_path)
    before = touched(tmp_path)
    run(model="soft")
    run(model="soft")
    assert touched(tmp_path) == before
    run(model="soft", recolour=True)
    assert storage.read("outbox/page/a.png") != first
    before = touched(tmp_path)
    run(model="soft", recolour=True)
    assert touched(tmp_path) == before


def test_a_thousand_finished_drawings_need_no_model_and_no_write(storage: Storage, prefect_server: str) -> None:
    """Runs in a process where torch cannot be imported."""
    folder = Path(storage.url.removeprefix("file://"))
    for number in range(1000):
        (folder / f"inbox/page/{number}.png").write_bytes(storage.read("inbox/page/a.png"))
        (folder / "outbox/page").mkdir(parents=True, exist_ok=True)
        (folder / f"outbox/page/{number}.png").write_bytes(b"coloured")
    inbox = Inbox(storage.url)
    works = look(inbox, [""], 0, "keep", {}).works[""]
    inbox.manifest.record(
        Row(work.id, "A", "colorize", "ok", key=f"outbox/{work.id}", version=work.stamp)
        for work in works
        if work.name not in ("page/a.png", "page/cut.png")
    )
    run(model="soft")
    assert storage.exists("outbox/page/a.png")
    before = {entry.key: (entry.version, entry.modified) for entry in storage.list("")}
    assert len(before) > 2000
    code = (
        "import sys; sys.modules['torch'] = None; from flows.colorize_inbox import colorize_inbox; "
        "state = colorize_inbox('soft', 0.0, return_state=True); assert state.is_completed(), state"
    )
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"PREFECT_API_URL": prefect_server}, check=True)
    assert {entry.key: (entry.version, entry.modified) for entry in storage.list("")} == before


def touched(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_models_that_cannot_be_loaded_keep_no_other_waiting(storage: Storage) -> None:
    """One has a cut-off best.json, one a cut-off checkpoint; both are said in the end, each in its words."""
    storage.write("models/cut/best.json", b'{"checkpoint": "models/')
    storage.write("models/bad/x.pt", b"not a checkpoint")
    storage.write("models/bad/best.json", b'{"checkpoint": "models/bad/x.pt"}')
    state = colorize_inbox(settle_seconds=0.0, styles=["bad", "soft"], return_state=True)
    assert state.is_failed() and re.search(r"x\.pt.*not a whole checkpoint", state.message or "")
    assert storage.exists("outbox/soft/page/a.png")
    state = colorize_inbox(settle_seconds=0.0, styles=["cut", "bold"], return_state=True)
    assert state.is_failed() and "models/cut/best.json does not say what the model serves" in (state.message or "")
    assert storage.exists("outbox/bold/page/a.png") and storage.exists("inbox/page/a.png")


def test_a_checkpoint_that_is_none(tmp_path: Path, environment: Callable[..., None]) -> None:
    storage = open_storage(tmp_path.as_uri())
    storage.write("models/m/best.json", b'{"checkpoint": "models/m/runs/r/checkpoints/x.pt", "weights": "ema"}')
    storage.write("models/m/runs/r/checkpoints/x.pt", b"not a checkpoint")
    storage.write("inbox/a.png", Drawing(3).render("A", 64))
    environment(storage=storage.url)
    state = colorize_inbox("m", 0.0, return_state=True)
    assert state.is_failed()
    assert re.search(r"x\.pt.*not a whole checkpoint", state.message or "")
    assert storage.exists("inbox/a.png")
