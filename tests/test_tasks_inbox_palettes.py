"""Tests the palettes and variants of an inbox: whose colours a drawing is given, in a folder and in S3."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from prefect.logging import disable_run_logger

from irodori import looks
from irodori.inbox import Inbox
from storage import Storage
from tasks.colorize import ColorizeJob, colorize
from tests.factories import save
from tests.flow_factories import MODEL, new, plan, png, run, status
from tests.methods import save_styled


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


def test_a_picture_gives_its_style_to_a_model_with_styles_and_variants_are_others(inbox: Inbox, tmp_path: Path) -> None:
    inbox.storage.upload(save_styled(tmp_path / "styled.pt"), MODEL.checkpoint)
    looks._load.cache_clear()
    inbox.storage.write("inbox/a.png", png())
    inbox.storage.write("inbox/p/b.png", png())
    inbox.storage.write("inbox/p/_palette.png", flat("red"))
    for variant in (1, 2):
        folder = f"variant-{variant}"
        works = plan(inbox, folder).works[folder]
        assert colorize.fn(works, ColorizeJob(inbox, MODEL, 0, variant)) == {"ok": 2}
    names = ("variant-1/a.png", "variant-1/p/b.png", "variant-2/a.png", "variant-2/p/b.png")
    first, like, second, other = (inbox.storage.read(f"outbox/{name}") for name in names)
    assert first != second == other and like not in (first, second)


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
