"""Tests `irodori send` and `irodori fetch` as people type them, over a folder and over S3."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from storage import Storage

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent


def irodori(storage_url: str, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Runs `irodori` where no stack runs."""
    env = os.environ | {"IRODORI_STORAGE": storage_url, "IRODORI_RUN_FOLDER": str(folder / "no-stack")}
    command = [sys.executable, "-m", "irodori.cli.app", *words]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)


def test_a_folder_is_sent_under_its_own_name_without_what_is_hidden(storage: Storage, tmp_path: Path) -> None:
    folder = tmp_path / "page 7"
    for name in ("a.png", "deep/ü.png", ".hidden.png", "deep/.DS_Store"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    done = irodori(storage.url, tmp_path, "send", str(folder))
    assert (done.returncode, done.stdout) == (0, f"2 files are in the inbox of {storage.url}\n"), done.stderr
    assert {entry.key: storage.read(entry.key) for entry in storage.list("")} == {
        "inbox/page 7/a.png": b"a.png",
        "inbox/page 7/deep/ü.png": "deep/ü.png".encode(),
    }


def test_the_outbox_is_fetched_and_only_what_is_newer_again(storage: Storage, tmp_path: Path) -> None:
    def fetched(number: int) -> None:
        done = irodori(storage.url, tmp_path, "fetch", str(folder))
        line = f"{number} files copied from the outbox of {storage.url} to {folder}\n"
        assert (done.returncode, done.stdout) == (0, line), done.stderr

    folder = tmp_path / "colour"
    for key in ("outbox/a.png", "outbox/page/b.png", "inbox/c.png", "outbox-not/d.png"):
        storage.write(key, key.encode())
    fetched(2)
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in found.items()} == {
        "a.png": b"outbox/a.png",
        "page/b.png": b"outbox/page/b.png",
    }
    found["a.png"].write_bytes(b"touched up since")
    found["page/b.png"].write_bytes(b"of an earlier model")
    os.utime(found["page/b.png"], (1e9, 1e9))
    fetched(1)
    assert found["a.png"].read_bytes() == b"touched up since"
    assert found["page/b.png"].read_bytes() == b"outbox/page/b.png"


@pytest.mark.parametrize("words", [["send", "."], ["fetch", "colour"]])
def test_a_storage_that_is_none_is_told_in_a_line(tmp_path: Path, words: list[str]) -> None:
    done = irodori("somewhere", tmp_path, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("bad storage URL 'somewhere'") and done.stderr.count("\n") == 1


def test_the_command_tells_its_version(tmp_path: Path) -> None:
    done = irodori(tmp_path.as_uri(), tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, f"irodori {version('irodori')}\n")
