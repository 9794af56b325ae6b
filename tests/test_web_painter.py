"""The painter of the page: what browsers get, what is refused, and what comes of `kill -9`."""

import gzip
import io
import json
import os
import signal
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from sqlalchemy import select

from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.guide import Guide
from imaging.codec import encode
from irodori.web.blobs import Blobs, edits_name, export_name, new_id, reference_name
from irodori.web.decoder import Decoder
from irodori.web.edits import Edits
from irodori.web.exporting import guide_of
from irodori.web.jobs import Progress
from irodori.web.limits import OWN, PUBLIC, Limits
from irodori.web.painter import Painter
from irodori.web.rows import NewDrawing, Rows
from irodori.web.supervisor import Cleaner, PainterProcess
from irodori.web.tables import JOBS
from tests.factories import drawing, save
from tests.methods import save_styled
from tests.web_page import Page, picture, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("model") / "noise.pt", palette=4)


class Hands:
    """A painter in this process, with what it works on."""

    def __init__(self, folder: Path, model: Path, limits: Limits = OWN) -> None:
        self.model, self.limits = model, limits
        self.blobs, self.rows = Blobs(folder.as_uri()), Rows(f"sqlite:///{folder / 'web.sqlite'}")
        self.painter = Painter(self.rows, folder.as_uri(), limits, "me")

    def give(self, data: bytes) -> str:
        new = NewDrawing(new_id(), "hero.png", str(self.model), "1.2.3.4", len(data))
        self.blobs.write(new.id, "drawing", data)
        self.rows.accept(new, self.limits)
        return new.id

    def prepared(self, data: bytes) -> tuple[str, Progress | None]:
        id_ = self.give(data)
        assert self.painter.work()
        return id_, self.rows.progress(id_, "prepare", 0)

    def legend(self, id_: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(gzip.decompress(self.blobs.read(id_, "legend")))
        return found

    def exported(self, id_: str, kind: str, edits: Edits) -> bytes:
        version = self.rows.save_edits(id_, edits.model_dump_json(exclude_none=True), self.rows.find(id_).version)
        self.blobs.write(id_, edits_name(version), self.rows.find(id_).edits.encode())
        self.rows.ask(id_, kind, version, self.limits)
        assert self.painter.work()
        assert self.rows.progress(id_, kind, version) == Progress("done")
        return self.blobs.read(id_, export_name(version, kind))


@pytest.fixture
def hands(tmp_path: Path, model: Path) -> Iterator[Hands]:
    found = Hands(tmp_path, model)
    with closing(found.rows):
        yield found
        found.painter.close()


def test_a_browser_gets_what_the_colorizer_sees(hands: Hands) -> None:
    id_, progress = hands.prepared(encode(drawing(size=300), "x.png"))
    assert progress == Progress("done")
    legend, read = hands.legend(id_), Colorizer.load(hands.model).read(drawing(size=300))
    labels = np.frombuffer(gzip.decompress(hands.blobs.read(id_, "labels")), "<u2").reshape(300, 300)
    planes = np.frombuffer(gzip.decompress(hands.blobs.read(id_, "planes")), np.uint8).reshape(-1, 300, 300)
    assert (labels == read.segments.labels).all()
    assert (planes[0] == read.lines[..., 0]).all()
    assert legend["classes"] == read.division.classes.tolist()
    assert np.array_equal(np.array(legend["variants"][2], np.float32), read.palettes(Guide(variant=3)))
    for segment, (x, y) in enumerate(legend["seats"]):
        assert labels[y, x] == segment


def test_a_model_with_styles_is_shown_in_the_first_and_takes_no_reference(tmp_path: Path) -> None:
    styled = Hands(tmp_path, save_styled(tmp_path / "styled.pt"))
    with closing(styled.rows):
        lines = drawing(size=64)
        id_, progress = styled.prepared(encode(lines, "x.png"))
        assert progress == Progress("done") and styled.legend(id_)["variants"] == []
        edits = Edits.model_validate({"hints": [{"x": 0.5, "y": 0.5, "colour": "#c03020"}]})
        expected = Colorizer.load(styled.model)(lines, guide_of(edits))
        found = Image.open(io.BytesIO(styled.exported(id_, "png", edits)))
        assert np.array_equal(np.asarray(found), np.asarray(expected))
        styled.blobs.write(id_, reference_name(7), encode(lines, "x.png"))
        styled.rows.ask(id_, "reference", 7, styled.limits)
        assert styled.painter.work()
        told = styled.rows.progress(id_, "reference", 7)
        assert told is not None and told.state == "failed" and "has styles and no palettes" in told.reason
    styled.painter.close()


def test_a_large_drawing_is_shown_smaller_and_exported_whole(hands: Hands) -> None:
    large = drawing(size=300).resize((2400, 600))
    id_, _ = hands.prepared(encode(large, "x.png"))
    legend = hands.legend(id_)
    assert (legend["width"], legend["height"], legend["full"]) == (2048, 512, [2400, 600])
    assert Image.open(io.BytesIO(hands.exported(id_, "png", Edits()))).size == (2400, 600)


def test_an_export_is_the_colouring_by_the_same_hints(hands: Hands) -> None:
    lines = drawing(size=300)
    lines.info["dpi"] = (300, 300)
    id_, _ = hands.prepared(encode(lines, "x.png"))
    edits = Edits.model_validate(
        {"variant": 3, "hints": [{"x": 0.5, "y": 0.5, "colour": "#c03020"}, {"x": 0, "y": 0, "colour": "#204060"}]}
    )
    expected = Colorizer.load(hands.model)(lines, guide_of(edits))
    found = Image.open(io.BytesIO(hands.exported(id_, "png", edits)))
    assert np.array_equal(np.asarray(found), np.asarray(expected))
    assert [round(each) for each in found.info["dpi"]] == [300, 300]
    assert hands.exported(id_, "ora", edits).startswith(b"PK")
    assert hands.exported(id_, "psd", edits).startswith(b"8BPS")


def png_head(width: int, height: int) -> bytes:
    """A PNG that promises a size, and has no pixels to speak of."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (png_head(100_000, 100_000), "100,000 × 100,000 pixels are more than"),
        (png_head(100_000, 900), "truncated PNG"),
        (picture()[:500], "truncated PNG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "PNG"),
        (b"\xff\xd8\xff" + b"<script>" * 50, "JPEG"),
        (b"II*\0" + b"\xff" * 500, "TIFF"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(hands: Hands, data: bytes, reason: str) -> None:
    _, progress = hands.prepared(data)
    assert progress
    assert progress.state == "failed"
    assert reason in progress.reason
    assert "\n" not in progress.reason
    assert hands.prepared(picture())[1] == Progress("done")  # and the painter works on


def test_what_is_beside_a_picture_goes_nowhere(hands: Hands) -> None:
    lines, buffer, about = drawing(size=100), io.BytesIO(), Image.Exif()
    about[0x010E] = "where I live"
    about.get_ifd(0x8825)[1] = "N"
    lines.save(buffer, "PNG", exif=about)
    id_, progress = hands.prepared(buffer.getvalue() + b"<script>alert(1)</script>")
    assert progress == Progress("done")
    exported = hands.exported(id_, "png", Edits())
    assert not Image.open(io.BytesIO(exported)).getexif()
    for data in (exported, gzip.decompress(hands.blobs.read(id_, "planes"))):
        assert b"script" not in data
        assert b"where I live" not in data


def test_strangers_send_25_million_pixels(hands: Hands) -> None:
    hands.painter._limits = PUBLIC
    _, progress = hands.prepared(png_head(5001, 5000))
    assert progress
    assert "25,000,000" in progress.reason


def test_a_file_may_not_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    image = encode(Image.effect_noise((4000, 4000), 90), "x.png")
    with closing(Decoder(memory=OWN.decode_memory)) as decoder:
        assert decoder(picture(), 10**6).size == (240, 200)
        monkeypatch.setattr("irodori.web.decoder.SECONDS", 0.05)
        with pytest.raises(Exception, match="memory or time"):
            decoder(image, 10**8)


def test_another_checkpoint_reads_a_drawing_anew(hands: Hands, model: Path, tmp_path: Path) -> None:
    id_, _ = hands.prepared(picture())
    other = save(tmp_path / "other.pt", palette=6)
    first, _ = hands.painter._reading(id_, str(model))
    second, _ = hands.painter._reading(id_, str(other))
    assert (first is second, hands.painter._reading(id_, str(model))[0] is first) == (False, True)
    assert [each.memory.palettes.shape[1] for each in (first, second) if each.memory] == [4, 6]


def test_a_restart_is_no_attempt(hands: Hands, tmp_path: Path) -> None:
    id_ = hands.give(picture())
    arguments = ["--storage", tmp_path.as_uri(), "--database", f"sqlite:///{tmp_path / 'web.sqlite'}"]
    process = PainterProcess(arguments, hands.rows)
    while hands.rows.progress(id_, "prepare", 0) == Progress("waiting"):
        time.sleep(0.005)
    assert hands.rows.progress(id_, "prepare", 0) == Progress("painting")
    process.stop()
    assert [tuple(row) for row in hands.rows._all(select(JOBS.c.attempts, JOBS.c.owner))] == [(0, "")]


def test_the_decoder_has_little_memory() -> None:
    image = encode(Image.new("RGB", (12_000, 8_000)), "x.png")
    with closing(Decoder(memory=500 << 20)) as decoder:
        with pytest.raises(Exception, match="memory"):
            decoder(image, 100_000_000)
        assert decoder(picture(), 100_000_000).size == (240, 200)  # by the next process


def test_a_decoder_that_dies_is_replaced() -> None:
    with closing(Decoder(memory=OWN.decode_memory)) as decoder:
        assert decoder(picture(), 10**6).size == (240, 200)
        assert decoder.pid
        os.kill(decoder.pid, signal.SIGKILL)
        with suppress(Exception):
            decoder(picture(), 10**6)
        assert decoder(picture(), 10**6).size == (240, 200)


def test_what_has_expired_goes_with_all_its_files(hands: Hands, tmp_path: Path) -> None:
    id_, _ = hands.prepared(picture())
    orphan, under_way = new_id(), new_id()
    for each in (orphan, under_way):
        hands.blobs.write(each, "drawing", b"x")
    os.utime(tmp_path / "web" / orphan / "drawing", (1, 1))
    Cleaner(hands.rows, hands.blobs, OWN).clean()
    assert {drawing for drawing, _ in hands.blobs.drawings()} == {id_, under_way}
    Cleaner(hands.rows, hands.blobs, replace(OWN, kept=-1.0)).clean()
    assert {drawing for drawing, _ in hands.blobs.drawings()} == {under_way}
    assert hands.rows.known() == set()


def sent(page: Page, count: int) -> list[str]:
    return [page.post("/drawings", picture(600 + number, 400))["id"] for number in range(count)]


def test_whatever_is_killed_loses_nothing(tmp_path: Path, model: Path) -> None:
    edits = {"hints": [{"x": 0.5, "y": 0.5, "colour": "#c03020", "scope": "area"}]}
    with serving(tmp_path, model, warm=False) as page:
        answer = requests.get(f"{page.address}/readyz", timeout=30)
        assert (answer.status_code, "loaded" in answer.json()["state"]) == (503, True)
        ids = sent(page, 6)  # they wait
        while page.state(ids[1]) == "waiting":
            time.sleep(0.02)
        before = page.painter()
        os.kill(before, signal.SIGKILL)  # with a drawing in hand
        assert [page.coloured(each)["state"] for each in ids] == ["done"] * 6
        assert page.painter() != before
        place = f"{page.address}/api/drawings/{ids[0]}/edits"
        assert requests.put(place, json=edits, headers={"If-Match": '"0"'}, timeout=30).ok
        ids += sent(page, 2)
        export = page.post(f"/drawings/{ids[0]}/exports/png")["place"]
        painter = page.painter()
        page.process.kill()
        end = time.monotonic() + 10
        while Path(f"/proc/{painter}").exists():  # it ends by itself
            assert time.monotonic() < end
            time.sleep(0.05)
    with serving(tmp_path, model, warm=False) as page:
        assert [page.coloured(each)["state"] for each in ids] == ["done"] * 8
        found = page.finished(export)
        assert requests.get(f"{page.address}/api/drawings/{ids[0]}/edits", timeout=30).json()["hints"] == edits["hints"]
        assert requests.get(f"{page.address}/readyz", timeout=30).json() == {"state": "ready", "done": 9}
    lines = Image.open(io.BytesIO(picture(600, 400)))
    expected = Colorizer.load(model)(lines, guide_of(Edits.model_validate(edits)))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(found.content))), np.asarray(expected))


def test_a_model_that_is_not_there_ends_the_page_with_a_line(tmp_path: Path) -> None:
    with serving(tmp_path, "missing", warm=False) as page:
        assert page.process.stderr
        assert page.process.wait(60) == 1
        assert page.process.stderr.read().splitlines()[-1].startswith("model 'missing' has no checkpoint")
