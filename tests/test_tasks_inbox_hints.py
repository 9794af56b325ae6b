"""Tests hints and colour sheets in the inbox: they come along, go along, and a wrong one is one reason."""

import io
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from prefect.logging import disable_run_logger

from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.files import colorize_file
from cyclegan.painting.guide import Guide
from cyclegan.painting.hints import Hint
from cyclegan.painting.sheets import Sheet, read_sheet
from imaging.codec import encode_png
from irodori import looks
from irodori.inbox import Finished, Inbox
from irodori.names import guided, is_drawing, is_guiding, is_sheet
from storage import Storage, open_storage
from tasks.colorize import ClearJob, ColorizeJob, clear, colorize
from tests.command import colorize as command
from tests.factories import drawing, save
from tests.flow_factories import MODEL, keys, new, plan, run, status
from tests.hint_layers import dots, guide

RED, BLUE = (192, 48, 32), (10, 60, 220)
PLACE, OTHER = (46.5 / 120, 81.5 / 120), (4.5 / 120, 4.5 / 120)  # a cheek, the paper: in the middle of pixels


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save(tmp_path / "x.pt", palette=6)


@pytest.fixture
def with_palettes(storage: Storage, model: Path) -> Iterator[Inbox]:
    yield from prepared(storage, model)


@pytest.fixture
def in_folder(tmp_path: Path, model: Path) -> Iterator[Inbox]:
    yield from prepared(open_storage((tmp_path / "storage").as_uri()), model)


def prepared(storage: Storage, model: Path) -> Iterator[Inbox]:
    storage.upload(model, MODEL.checkpoint)
    looks._load.cache_clear()
    with disable_run_logger():
        yield Inbox(storage.url)


def page(seed: int = 2003) -> bytes:
    return encode_png(drawing(seed, size=120))


def colour_at(storage: Storage, key: str, place: tuple[float, float]) -> tuple[int, ...]:
    image = Image.open(io.BytesIO(storage.read(key))).convert("RGB")
    return tuple(np.asarray(image)[int(place[1] * 120), int(place[0] * 120)].tolist())


def test_hints_come_with_a_drawing_and_leave_with_it_and_changed_ones_colour_again(with_palettes: Inbox) -> None:
    inbox, storage = with_palettes, with_palettes.storage
    storage.write("inbox/p/a.png", page())
    storage.write("inbox/p/a.hints.png", dots((PLACE, RED)))
    storage.write("inbox/p/b.png", page())
    storage.write("inbox/p/b.png.guide.json", guide((PLACE, BLUE)))
    assert new(plan(inbox)) == {"": ["p/a.png", "p/b.png"]} and plan(inbox, settle=60).growing == 2
    run(inbox)
    assert colour_at(storage, "outbox/p/a.png", PLACE) == RED
    assert colour_at(storage, "outbox/p/b.png", PLACE) == BLUE
    assert new(plan(inbox)) == {"": []}

    storage.write("inbox/p/a.hints.png", dots((PLACE, BLUE)))
    assert new(plan(inbox)) == {"": ["p/a.png"]}
    run(inbox, finished="move")
    assert storage.read("outbox/p/a.png") == storage.read("outbox/p/b.png")
    assert keys(storage, "inbox/") == set()
    assert keys(storage, "done/") == {
        "done/p/a.png", "done/p/a.hints.png", "done/p/b.png", "done/p/b.png.guide.json"
    }  # fmt: skip
    assert storage.read("done/p/a.hints.png") == dots((PLACE, BLUE))


def test_python_the_command_and_the_inbox_give_the_same_bytes(in_folder: Inbox, model: Path, tmp_path: Path) -> None:
    inbox, storage, out = in_folder, in_folder.storage, tmp_path / "out"
    hints = Hint((OTHER,), BLUE), Hint((PLACE,), RED)  # from top to bottom, as dots are read
    colorizer = Colorizer.load(model, device="cpu")
    expected = colorize_file(partial(colorizer.paint, guide=Guide(hints=hints)), page(), "a.png").data
    assert expected != colorize_file(colorizer.paint, page(), "a.png").data
    layer, written = dots((OTHER, BLUE), (PLACE, RED)), guide((OTHER, BLUE), (PLACE, RED))

    storage.write("inbox/a.png", page())
    storage.write("inbox/a.hints.png", layer)
    storage.write("inbox/b.png", page())
    storage.write("inbox/b.guide.json", written)
    run(inbox)
    (tmp_path / "in").mkdir()
    for name, data in {"a.png": page(), "a.hints.png": layer, "b.png": page(), "b.png.guide.json": written}.items():
        (tmp_path / "in" / name).write_bytes(data)
    (tmp_path / "c.png").write_bytes(page())
    (tmp_path / "dots.png").write_bytes(layer)
    points = [f"{x},{y}=#{''.join(f'{level:02x}' for level in hint.colour)}" for hint in hints for x, y in hint.points]
    for words in (
        [tmp_path / "in", out],
        [tmp_path / "c.png", out / "c.png", "--hints", tmp_path / "dots.png"],
        [tmp_path / "c.png", out / "d.png", "--point", points[0], "--point", points[1]],
    ):
        assert command(*words, "-m", model).exit_code == 0
    made = [(out / f"{name}.png").read_bytes() for name in "abcd"]
    assert [*made, storage.read("outbox/a.png"), storage.read("outbox/b.png")] == [expected] * 6


def test_a_guide_chooses_colours_everywhere_alike(in_folder: Inbox, model: Path, tmp_path: Path) -> None:
    """What the page writes beside a drawing counts before what is said of its folder."""
    inbox, storage, colorizer = in_folder, in_folder.storage, Colorizer.load(model, device="cpu")
    memory, rng = colorizer._memory, np.random.default_rng(3)
    assert memory
    colours = rng.integers(0, 256, (6, 3))
    palette = ["#{:02x}{:02x}{:02x}".format(*each) for each in colours]
    sheet = Sheet(memory.id, rng.random((6, 3), np.float32), colorizer.read(Image.open(io.BytesIO(page()))).key(0))
    asked: dict[str, tuple[dict[str, Any], Guide]] = {
        "a": ({"variant": 3}, Guide(variant=3)),
        "b": ({"palette": palette, "model": memory.id}, Guide(palette=np.array(colours, np.float32) / np.float32(255))),
        "c": ({"sheets": [json.loads(sheet.to_json())]}, Guide(sheets=(read_sheet(sheet.to_json()),))),
        "d": ({"palette": palette, "model": "other"}, Guide()),
        "e": ({"shading": 0.5}, Guide()),
    }
    (tmp_path / "in").mkdir()
    storage.write("inbox/_palette.png", encode_png(Image.new("RGB", (64, 64), "red")))
    for name, (entries, _) in asked.items():
        for file, data in ((f"{name}.png", page()), (f"{name}.png.guide.json", json.dumps({"hints": []} | entries))):
            data = data.encode() if isinstance(data, str) else data
            storage.write(f"inbox/{file}", data)
            (tmp_path / "in" / file).write_bytes(data)
    run(inbox)
    result = command(tmp_path / "in", tmp_path / "out", "-m", model)
    for name in "abc":
        expected = colorize_file(partial(colorizer.paint, guide=asked[name][1]), page(), "a.png").data
        assert storage.read(f"outbox/{name}.png") == expected, name
        assert (tmp_path / "out" / f"{name}.png").read_bytes() == expected, name
    for name, reason in (("d", "these colours are of another model"), ("e", "this model knows no shadows")):
        line = storage.read(f"failed/{name}.png.reason.txt").decode()
        assert line.startswith(f"{name}.png.guide.json: {reason}")
        assert line[:60].strip() in " ".join(result.output.split())


def test_a_wrong_guide_is_one_reason_and_nothing_is_lost(in_folder: Inbox) -> None:
    inbox, storage = in_folder, in_folder.storage
    files = {"p/a.png": page(), "p/a.guide.json": guide((PLACE, RED), scope="all"), "p/a.hints.png": dots((OTHER, RED))}
    for name, data in {**files, "b.png": page()}.items():
        storage.write(f"inbox/{name}", data)
    assert not colorize.fn(plan(inbox).works[""][1:], ColorizeJob(inbox, MODEL, 60))  # it may still be written
    run(inbox, finished="move")
    assert status(inbox) == {"p/a.png": "failed", "b.png": "ok"}
    reason = b"a.guide.json: hints[0].scope: give one of area, part, everywhere\n"
    assert storage.read("failed/p/a.png.reason.txt") == reason
    assert {name: storage.read(f"failed/{name}") for name in files} == files
    assert keys(storage, "inbox/") == set()

    for name in files:
        storage.write(f"inbox/{name}", storage.read(f"failed/{name}"))
    storage.write("inbox/p/a.guide.json", guide((PLACE, RED)))
    run(inbox)
    assert status(inbox)["p/a.png"] == "ok" and keys(storage, "failed/") == set()
    assert colour_at(storage, "outbox/p/a.png", PLACE) == RED


def test_a_wrong_guide_that_stays_is_tried_again_when_it_is_mended(in_folder: Inbox) -> None:
    inbox, storage = in_folder, in_folder.storage
    storage.write("inbox/a.png", page())
    storage.write("inbox/a.hints.png", page())
    run(inbox)
    assert b"a.hints.png: nothing in it is transparent" in storage.read("failed/a.png.reason.txt")
    assert new(plan(inbox)) == {"": []} and keys(storage, "inbox/") == {"inbox/a.png", "inbox/a.hints.png"}
    storage.write("inbox/a.hints.png", dots((PLACE, RED)))
    run(inbox)
    assert status(inbox) == {"a.png": "ok"} and keys(storage, "failed/") == set()


def test_hints_for_two_drawings_of_a_name_stay_until_the_last_has_left(in_folder: Inbox) -> None:
    inbox, storage = in_folder, in_folder.storage
    storage.write("inbox/a.png", page())
    storage.write("inbox/a.hints.png", dots((PLACE, RED)))
    run(inbox)
    storage.write("inbox/a.tif", page())
    found = plan(inbox, finished="move").leaving
    assert [(work.name, work.guides) for work, _ in found] == [("a.png", ())]
    run(inbox, finished="move")
    assert keys(storage, "inbox/") == set() and "done/a.hints.png" in keys(storage, "done/")
    assert colour_at(storage, "outbox/a.tif", PLACE) == RED


@pytest.mark.parametrize("finished", ["delete", "move"])
def test_a_drawing_whose_hints_are_replaced_while_it_leaves_stays(in_folder: Inbox, finished: Finished) -> None:
    inbox, storage = in_folder, in_folder.storage
    storage.write("inbox/a.png", page())
    storage.write("inbox/a.hints.png", dots((PLACE, RED)))
    run(inbox)
    leaving = plan(inbox, finished=finished).leaving
    storage.write("inbox/a.hints.png", dots((PLACE, BLUE)))
    clear.fn(leaving, ClearJob(inbox, finished))
    assert keys(storage, "inbox/") == {"inbox/a.png", "inbox/a.hints.png"}
    run(inbox, finished=finished)
    assert keys(storage, "inbox/") == set() and colour_at(storage, "outbox/a.png", PLACE) == BLUE


def test_hints_that_change_between_look_and_turn_wait(in_folder: Inbox) -> None:
    inbox, storage = in_folder, in_folder.storage
    storage.write("inbox/a.png", page())
    storage.write("inbox/a.hints.png", dots((PLACE, RED)))
    works = plan(inbox).works[""]
    storage.write("inbox/a.hints.png", dots((PLACE, BLUE)))
    assert not colorize.fn(works, ColorizeJob(inbox, MODEL, 0))
    storage.delete("inbox/a.hints.png")
    assert not colorize.fn(works, ColorizeJob(inbox, MODEL, 0))
    run(inbox)
    assert status(inbox) == {"a.png": "ok"}


def test_colour_sheets_are_for_their_folder_and_a_wrong_one_keeps_its_drawings_waiting(in_folder: Inbox) -> None:
    inbox, storage = in_folder, in_folder.storage
    colorizer = looks.load_colorizer(storage.url, MODEL)
    sheet = colorizer.sheet(drawing(size=120), [Hint((PLACE,), RED, "everywhere")])
    for name in ("a.png", "p/b.png", "p/q/c.png"):
        storage.write(f"inbox/{name}", page())
    storage.write("inbox/p/_sheet-aiko.json", sheet.to_json().replace(sheet.model.encode(), b"another"))
    state: Any = colorize.fn(plan(inbox).works[""], ColorizeJob(inbox, MODEL, 0))
    assert state.message.startswith("inbox/p/_sheet-aiko.json: the colour sheet is of another model")
    assert status(inbox) == {"a.png": "ok"}
    storage.write("inbox/p/_sheet-aiko.json", sheet.to_json())
    run(inbox)
    with_sheet = colorize_file(partial(colorizer.paint, guide=Guide(sheets=(sheet,))), page(), "a.png").data
    assert storage.read("outbox/p/b.png") == storage.read("outbox/p/q/c.png") == with_sheet
    assert storage.read("outbox/a.png") != with_sheet
    assert new(plan(inbox)) == {"": []}


def test_what_guides_is_no_drawing() -> None:
    for name in ("a.hints.png", "A.HINTS.PNG", "a.png.hints.webp", "a.guide.json", "p/a.png.Guide.json",
                 "p/_sheet.json", "_sheet-aiko.json", "_palette.jpg"):  # fmt: skip
        assert is_guiding(name) and not is_drawing(name), name
    for name in ("hints.png", "a.hints", "a-hints.png", "guide.json", "_sheets.json", "_sheet.png", "a.hints.txt"):
        assert not is_guiding(name), name
    assert guided("p/a.png.guide.json") == "p/a.png" and guided("p/a.b.hints.png") == "p/a.b"
    assert is_sheet("x/_Sheet.JSON")
