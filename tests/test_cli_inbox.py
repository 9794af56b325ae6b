"""Tests `irodori send` and `irodori fetch` as people type them, over a folder and over S3."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from irodori.cli.app import app
from storage import Storage, open_storage

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent


def irodori(storage_url: str, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Runs `irodori` where no stack runs."""
    env = os.environ | {"IRODORI_STORAGE": storage_url, "IRODORI_RUN_FOLDER": str(folder / "no-stack")}
    command = [sys.executable, "-m", "irodori.cli.app", *words]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)


Typed = Callable[..., Result]


@pytest.fixture
def typed(environment: Callable[..., None], tmp_path: Path) -> Typed:
    """Calls `irodori` in this process, where no stack runs: ``typed(storage.url, "send", folder)``."""

    def call(storage_url: str, *words: object) -> Result:
        environment(storage=storage_url, run_folder=str(tmp_path / "no-stack"))
        return CliRunner().invoke(app, [*map(str, words)])

    return call


def sent(storage: Storage) -> dict[str, bytes]:
    """What is in the inbox, without what is hidden."""
    return {entry.key: storage.read(entry.key) for entry in storage.list("inbox/") if "/." not in entry.key}


def test_a_folder_is_sent_under_its_own_name_without_what_nobody_put_there(storage: Storage, tmp_path: Path) -> None:
    folder = tmp_path / "page 7"
    for name in (
        "a.png", "deep/ü.png", "_palette.png", ".hidden.png", "deep/.DS_Store", ".git/b.png", "@eaDir/a.png/thumb.jpg",
        "#recycle/c.png", "._a.png", "_contact-sheet.png",
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    done = irodori(storage.url, tmp_path, "send", str(folder))
    assert (done.returncode, done.stdout) == (0, f"3 files are in the inbox of {storage.url}\n"), done.stderr
    assert sent(storage) == {
        "inbox/page 7/a.png": b"a.png",
        "inbox/page 7/deep/ü.png": "deep/ü.png".encode(),
        "inbox/page 7/_palette.png": b"_palette.png",
    }


def test_a_second_folder_of_the_same_name_replaces_nothing(storage: Storage, tmp_path: Path, typed: Typed) -> None:
    first, second = tmp_path / "2025/page 1", tmp_path / "2026/page 1"
    for folder in (first, second):
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(f"a of {folder}".encode())
        (folder / "same.png").write_bytes(b"the same")
    (second / "new.png").write_bytes(b"new")
    assert typed(storage.url, "send", first).exit_code == 0
    done = typed(storage.url, "send", second)
    line = "inbox/page 1/a.png was sent from another folder: it stays; rename this folder, or replace it with --again"
    assert (done.exit_code, done.stderr) == (1, f"{second}/a.png: {line}\n")
    assert done.stdout == f"2 files are in the inbox of {storage.url}\n"
    assert sent(storage)["inbox/page 1/a.png"] == f"a of {first}".encode()
    (first / "a.png").write_bytes(b"a, drawn anew")
    assert typed(storage.url, "send", first).exit_code == 0
    assert sent(storage)["inbox/page 1/a.png"] == b"a, drawn anew"
    for entry in list(storage.list("inbox/page 1/a.png")):  # coloured, and moved to done/
        storage.delete(entry.key)
    assert typed(storage.url, "send", second).exit_code == 1
    assert "inbox/page 1/a.png" not in sent(storage)
    assert typed(storage.url, "send", second, "--again").exit_code == 0
    assert sent(storage)["inbox/page 1/a.png"] == f"a of {second}".encode()


def test_what_another_program_put_into_the_inbox_stays(tmp_path: Path, typed: Typed) -> None:
    storage, folder = open_storage((tmp_path / "storage").as_uri()), tmp_path / "page"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"mine")
    storage.write("inbox/page/a.png", b"of an S3 client")
    assert typed(storage.url, "send", folder).exit_code == 1
    assert sent(storage) == {"inbox/page/a.png": b"of an S3 client"}


def test_what_cannot_be_sent_is_listed_and_the_rest_sent(tmp_path: Path, typed: Typed) -> None:
    storage, folder = open_storage((tmp_path / "storage").as_uri()), tmp_path / "page"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"a")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "gone").symlink_to("nowhere")
    (folder / "back\\slash.png").touch()
    os.mkfifo(folder / "pipe.png")
    (folder / os.fsdecode("表紙.png".encode("shift-jis"))).touch()
    (folder / "more").symlink_to(tmp_path)
    done = typed(storage.url, "send", folder)
    assert (done.exit_code, done.stdout) == (1, f"1 files are in the inbox of {storage.url}\n")
    assert "Traceback" not in done.stderr
    for words in (
        "loop.png: a link that leads back to itself", "gone: a link to a file that is gone",
        "slash.png: the inbox leaves names with a backslash or control characters alone: rename it",
        "pipe.png: a pipe or a device, not a file", "its name is not UTF-8: rename it", "left out: 1 link to a folder",
    ):  # fmt: skip
        assert words in done.stderr
    assert sent(storage) == {"inbox/page/a.png": b"a"}


def test_a_folder_that_the_inbox_would_leave_alone_is_refused(tmp_path: Path, typed: Typed) -> None:
    (tmp_path / ".hidden").mkdir()
    done = typed(tmp_path.as_uri(), "send", tmp_path / ".hidden")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "the inbox leaves the name" in done.stderr


def test_the_outbox_is_fetched_and_only_what_is_new_again(storage: Storage, tmp_path: Path, typed: Typed) -> None:
    def fetched(number: int) -> str:
        done = typed(storage.url, "fetch", folder)
        line = f"{number} files copied from the outbox of {storage.url} to {folder}\n"
        assert done.stdout == line, done.stderr
        return done.stderr

    folder = tmp_path / "colour"
    for key in ("outbox/a.png", "outbox/page/b.png", "inbox/c.png", "outbox-not/d.png", "outbox/.irodori.jsonl"):
        storage.write(key, key.encode())
    assert fetched(2) == ""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.png") if path.is_file()}
    assert {name: path.read_bytes() for name, path in found.items()} == {
        "a.png": b"outbox/a.png",
        "page/b.png": b"outbox/page/b.png",
    }
    os.utime(found["a.png"], (1e9, 1e9))  # what its time is, does not matter
    storage.write("outbox/page/b.png", b"of a better model")
    assert fetched(1) == ""
    assert found["page/b.png"].read_bytes() == b"of a better model"
    found["a.png"].write_bytes(b"touched up since")
    assert fetched(0) == ""
    storage.write("outbox/a.png", b"of a better model")
    assert fetched(0) == (
        f"outbox/a.png: {folder}/a.png was changed since it was made: it stays; fetch into another folder\n"
    )
    assert found["a.png"].read_bytes() == b"touched up since"


def test_fetching_beside_the_folder_that_was_sent_leaves_the_drawings(tmp_path: Path, typed: Typed) -> None:
    storage, folder = open_storage((tmp_path / "storage").as_uri()), tmp_path / "work/page 7"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"the drawing")
    for name in ("a.png", "b.png", "back\\slash.png"):
        storage_path = tmp_path / "storage/outbox/page 7" / name
        storage_path.parent.mkdir(parents=True, exist_ok=True)
        storage_path.write_bytes(b"the colours")
    (tmp_path / "work/page 7/b.png").mkdir()
    storage.write("outbox/page 8/c.png", b"the colours")
    done = typed(storage.url, "fetch", tmp_path / "work")
    assert (done.exit_code, done.stdout.split()[0]) == (1, "1")
    assert f"outbox/page 7/a.png: {folder}/a.png is not of irodori: it stays; fetch into another folder" in done.stderr
    assert (folder / "a.png").read_bytes() == b"the drawing"
    assert (tmp_path / "work/page 8/c.png").read_bytes() == b"the colours"
    assert len(done.stderr.splitlines()) == 3


@pytest.mark.parametrize("words", [["send", "."], ["fetch", "colour"]])
def test_a_storage_that_is_none_is_told_in_a_line(tmp_path: Path, words: list[str]) -> None:
    done = irodori("somewhere", tmp_path, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("bad storage URL 'somewhere'") and done.stderr.count("\n") == 1


def test_the_command_tells_its_version(tmp_path: Path) -> None:
    done = irodori(tmp_path.as_uri(), tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, f"irodori {version('irodori')}\n")
