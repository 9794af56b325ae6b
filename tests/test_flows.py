"""Tests the whole pipeline on a real Prefect server, from a board over HTTP into a folder and into S3."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from prefect import State

from demo.board import Board
from demo.drawings import Drawing
from flows.build_dataset import build_dataset
from flows.colorize_inbox import colorize_inbox
from flows.train_cyclegan import train_cyclegan
from irodori.models import Model, Served
from storage import NotFound, Storage, open_storage
from storage.manifest import rows_from
from tasks.scrape import Query
from tests.flow_factories import COLOUR, LINEART, QUICK, TINY, copy_of, fill_inbox, posts

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.slow]

ROOT = Path(__file__).resolve().parent.parent
SIZE = 48


POSTS = posts(24)


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    with Board(POSTS) as board:
        yield board


def build(board_url: str, **changes: object) -> "State[None]":
    parameters = {
        "dataset": "tiny", "lineart": LINEART, "colour": COLOUR, "size": SIZE, "source": board_url,
        "politeness": QUICK, **changes,
    }  # fmt: skip
    return build_dataset(**parameters, return_state=True)


def manifest(storage: Storage, key: str = "datasets/tiny/manifest.csv") -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(storage.read(key)), keep_default_na=False, dtype=str)


def contents(storage: Storage) -> dict[str, bytes]:
    return {e.key: storage.read(e.key) for e in storage.list("datasets/") if "manifest" not in e.key}


@pytest.fixture(scope="module")
def built(board: Board, prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Storage:
    """Builds a dataset in a folder without interruption; tests must not change it."""
    from irodori.settings import settings

    url = tmp_path_factory.mktemp("built").as_uri()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IRODORI_STORAGE", url)
        settings.cache_clear()
        assert build(board.url).is_completed()
    settings.cache_clear()
    return open_storage(url)


def test_every_listed_post_is_accounted_for(built: Storage, board: Board) -> None:
    table = manifest(built)
    assert not table.duplicated(["domain", "id", "stage"]).any()
    assert set(table["status"]) <= {"ok", "dropped", "failed"}
    assert ((table["reason"] != "") == (table["status"] != "ok")).all()
    host = board.url.removeprefix("http://")
    for domain, query in (("A", "lineart"), ("B", "-lineart")):
        listed = {f"{host}:{post.id}" for post in POSTS if ("lineart" in post.tags.split()) == (query == "lineart")}
        mine = table[table["domain"] == domain]
        entered = {stage: set(rows["id"]) for stage, rows in mine.groupby("stage")}
        ok = {stage: set(rows.loc[rows["status"] == "ok", "id"]) for stage, rows in mine.groupby("stage")}
        assert entered["scrape"] == listed
        assert entered["dedupe"] == ok["scrape"]
        assert entered["resize"] == ok["dedupe"]
        assert domain == "B" or entered["normalize"] == ok["resize"]


def test_what_is_wrong_with_an_image_is_said(built: Storage) -> None:
    table = manifest(built)
    reasons = table[table["status"] != "ok"].groupby(["stage", "status"])["reason"].apply(set).to_dict()
    assert reasons["dedupe", "dropped"] == {"same pixels as another picture"}
    assert any("truncated" in reason for reason in reasons["scrape", "failed"])
    assert "coloured picture under a lineart tag" in reasons["scrape", "dropped"]
    assert any("sunglasses" in reason for reason in reasons["scrape", "dropped"])


def test_bytes_are_where_the_rows_say(built: Storage) -> None:
    table = manifest(built)
    for row in rows_from(table[table["key"] != ""]):
        data = built.read(row.key)
        if row.stage in ("resize", "normalize"):
            image = Image.open(io.BytesIO(data))
            assert min(image.size) == SIZE
            assert image.mode == ("L" if row.domain == "A" else "RGB")


def test_a_second_build_does_nothing(
    built: Storage, board: Board, environment: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    environment(storage=built.url)
    before = {entry.key: entry.version for entry in built.list("")}
    asked = sum("/images/" in request.path for request in board.requests)
    assert build(board.url).is_completed()
    assert {entry.key: entry.version for entry in built.list("")} == before
    # for HTTP the download of the truncated file is complete, so it is not repeated
    assert sum("/images/" in request.path for request in board.requests) == asked


def test_a_coloured_picture_under_a_lineart_tag_can_move(
    built: Storage, board: Board, tmp_path: Path, environment: Callable[..., None]
) -> None:
    environment(storage=tmp_path.as_uri())
    assert build(board.url, wrong_domain="move").is_completed()
    moving = open_storage(tmp_path.as_uri())
    table, dropping = manifest(moving), manifest(built)
    moved = table[table["moved_from"] != ""]
    assert moved[["domain", "stage", "status", "moved_from"]].to_numpy().tolist() == [["B", "scrape", "ok", "A"]]
    # it is an exact copy of a picture that is among the coloured ones already
    mine = table[(table["id"] == moved["id"].item()) & (table["domain"] == "B")]
    assert mine["stage"].tolist() == ["scrape", "dedupe"] and "dropped" in mine["status"].tolist()
    assert len(table) == len(dropping) + 2
    versions = {entry.key: entry.version for entry in moving.list("")}
    assert build(board.url, wrong_domain="move").is_completed()
    assert {entry.key: entry.version for entry in moving.list("")} == versions


def test_s3_gets_the_same(built: Storage, board: Board, s3_url: str, environment: Callable[..., None]) -> None:
    environment(storage=s3_url)
    assert build(board.url).is_completed()
    bucket = open_storage(s3_url)
    assert contents(bucket) == contents(built)
    without_time = [manifest(storage).drop(columns="updated_at") for storage in (bucket, built)]
    pd.testing.assert_frame_equal(without_time[0], without_time[1])


@pytest.mark.parametrize("rows", [20, 55, 110])
def test_killed_and_started_again(
    built: Storage, board: Board, prefect_server: str, tmp_path: Path, environment: Callable[..., None], rows: int
) -> None:
    """A build is killed after about ``rows`` rows; the next one ends with the same manifest and the same bytes."""
    storage = open_storage(tmp_path.as_uri())
    kill_when(start(storage, board, prefect_server), storage, rows)
    environment(storage=storage.url)
    assert build(board.url).is_completed()
    assert_same(storage, built)


def test_two_at_once_one_killed(built: Storage, board: Board, prefect_server: str, storage: Storage) -> None:
    """Two builds of one dataset do not know of each other; the surviving one also does what the killed one left."""
    killed, other = (start(storage, board, prefect_server) for _ in range(2))
    kill_when(killed, storage, 60)
    assert other.wait() == 0
    assert_same(storage, built)


def start(storage: Storage, board: Board, prefect_server: str) -> "subprocess.Popen[bytes]":
    """Starts a build in a separate process; exit status 0 means that it completed."""
    env = os.environ | {"IRODORI_STORAGE": storage.url, "PREFECT_API_URL": prefect_server, "BOARD": board.url}
    code = "import os; from tests.test_flows import build; exit(not build(os.environ['BOARD']).is_completed())"
    return subprocess.Popen([sys.executable, "-c", code], env=env, cwd=ROOT, start_new_session=True)


def kill_when(process: "subprocess.Popen[bytes]", storage: Storage, rows: int) -> None:
    """Kills a process as soon as the manifest has so many rows, whichever process recorded them."""
    while process.poll() is None and count_rows(storage) < rows:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"


def assert_same(storage: Storage, built: Storage) -> None:
    """Compares every byte of the files, and every row of the manifest except its times."""
    assert contents(storage) == contents(built)
    again, whole = (manifest(each).drop(columns="updated_at") for each in (storage, built))
    pd.testing.assert_frame_equal(again, whole)


def count_rows(storage: Storage) -> int:
    num_rows = 0
    for entry in storage.list("datasets/tiny/manifest"):
        with suppress(NotFound):  # a merge deleted it meanwhile
            num_rows += storage.read(entry.key).count(b"\n") - 1
    return num_rows


def test_train_then_colorize(built: Storage, tmp_path: Path, environment: Callable[..., None]) -> None:
    storage = copy_of(built, tmp_path)
    environment(storage=storage.url)
    assert train_cyclegan("tiny", "tiny", "demo", TINY, return_state=True).is_completed()
    table = manifest(storage)
    trained = table[table["stage"] == "train"]
    assert set(trained["split"]) == {"train", "held-out"}
    checkpoints = {entry.key for entry in storage.list("models/tiny/runs/") if entry.key.endswith(".pt")}
    best = best_of(storage)
    assert best.checkpoint in checkpoints
    versions = {entry.key: entry.version for entry in storage.list("models/") if "best" not in entry.key}
    assert train_cyclegan("tiny", "tiny", "demo", TINY, return_state=True).is_completed()
    assert {e.key: e.version for e in storage.list("models/") if "best" not in e.key} == versions

    fill_inbox(storage)
    given = {entry.key for entry in storage.list("inbox/")}
    assert colorize_inbox("tiny", 0.0, return_state=True).is_completed()
    outbox = {entry.key: entry.version for entry in storage.list("outbox/") if "/_" not in entry.key}
    assert set(outbox) == {"outbox/page 1/ü.png", "outbox/page 1/wide.jpg"}
    assert Image.open(io.BytesIO(storage.read("outbox/page 1/wide.jpg"))).size == (130, 61)
    reasons = {e.key: storage.read(e.key).decode() for e in storage.list("failed/") if e.key.endswith(".reason.txt")}
    assert set(reasons) == {f"failed/{name}.reason.txt" for name in ("notes.txt", "page 1/cut.png", "huge.png")}
    assert re.search("truncated", reasons["failed/page 1/cut.png.reason.txt"])
    assert {entry.key for entry in storage.list("inbox/")} == given  # finished=keep
    rows = manifest(storage, "inbox-manifest.csv")
    assert rows["status"].value_counts().to_dict() == {"failed": 3, "ok": 2}

    assert colorize_inbox("tiny", 0.0, return_state=True).is_completed()
    assert {e.key: e.version for e in storage.list("outbox/") if "/_" not in e.key} == outbox
    storage.write("inbox/page 1/ü.png", Drawing(7).render("A", 72))
    assert colorize_inbox("tiny", 0.0, return_state=True).is_completed()
    assert Image.open(io.BytesIO(storage.read("outbox/page 1/ü.png"))).size == (72, 72)


def test_processes_that_train_together_are_one_flow_run(
    built: Storage, tmp_path: Path, environment: Callable[..., None]
) -> None:
    storage = copy_of(built, tmp_path)
    environment(storage=storage.url)
    together = TINY.model_copy(update={"processes": 2})
    assert train_cyclegan("tiny", "tiny", "demo", together, return_state=True).is_completed()
    best = best_of(storage)
    assert storage.exists(best.checkpoint)
    (result,) = [entry.key for entry in storage.list("models/tiny/runs/") if entry.key.endswith("/result.json")]
    assert storage.read(result) == storage.read("models/tiny/best.json")


def best_of(storage: Storage) -> Served:
    return Model(storage.url, "tiny").best()


def test_plain_lines_for_what_a_user_can_cause(
    built: Storage, board: Board, tmp_path: Path, environment: Callable[..., None], s3_url: str
) -> None:
    environment(storage=tmp_path.as_uri())

    def line(state: "State[Any]") -> str:
        assert state.is_failed()
        assert state.message is not None and "\n" not in state.message and "Traceback" not in state.message
        return state.message

    assert "no_such_tag" in line(build(board.url, lineart=Query(tags="no_such_tag")))
    assert "127.0.0.1:9" in line(build("http://127.0.0.1:9"))
    assert "run build-dataset first" in line(train_cyclegan("nowhere", "m", "demo", TINY, return_state=True))
    assert colorize_inbox("nobody", 0.0, return_state=True).is_completed()  # an empty inbox is no error
    open_storage(tmp_path.as_uri()).write("inbox/a.png", Drawing(3).render("A", 64))
    state = colorize_inbox("nobody", 0.0, return_state=True)
    # scheduled runs must not fail every minute until the model is trained
    assert state.is_completed() and state.name == "Waiting"
    assert state.message and "1 drawings wait: model 'nobody' has no checkpoint" in state.message
    environment(storage=built.url)
    assert "size 48" in line(build(board.url, size=64))
    environment(storage="s3://no-such-bucket-here")
    assert "no bucket 'no-such-bucket-here'" in line(build(board.url))
    environment(storage="somewhere")
    assert "bad storage URL 'somewhere'" in line(build(board.url))
