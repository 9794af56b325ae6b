"""`irodori send` and `irodori fetch`: into the inbox and out of the outbox, whatever runs or does not run."""

from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from irodori.cli.app import app, main
from irodori.settings import settings
from storage import Storage


def call(storage: Storage, monkeypatch: pytest.MonkeyPatch, *words: object) -> Result:
    monkeypatch.setenv("IRODORI_STORAGE", storage.url)
    try:
        return CliRunner().invoke(app, list(map(str, words)))
    finally:
        settings.cache_clear()


def test_a_folder_goes_into_the_inbox_under_its_name(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "page 7"
    (folder / "ü").mkdir(parents=True)
    for name in ("a.png", "ü/b.png", ".hidden"):
        (folder / name).write_bytes(name.encode())
    done = call(storage, monkeypatch, "send", folder)
    assert done.exit_code == 0 and f"2 files are in the inbox of {storage.url}" in done.output
    found = {entry.key: storage.read(entry.key) for entry in storage.list("inbox/")}
    assert found == {"inbox/page 7/a.png": b"a.png", "inbox/page 7/ü/b.png": "ü/b.png".encode()}


def test_only_what_is_new_comes_out_of_the_outbox(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.write("outbox/page 7/a.png", b"one")
    storage.write("outbox/b.png", b"two")
    storage.write("inbox/c.png", b"not this")
    done = call(storage, monkeypatch, "fetch", tmp_path / "colour")
    assert done.exit_code == 0 and "2 files copied" in done.output
    fetched = {path.relative_to(tmp_path / "colour").as_posix(): path for path in (tmp_path / "colour").rglob("*.png")}
    assert {name: path.read_bytes() for name, path in fetched.items()} == {"page 7/a.png": b"one", "b.png": b"two"}
    assert "0 files copied" in call(storage, monkeypatch, "fetch", tmp_path / "colour").output


def test_a_storage_that_cannot_be_used_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IRODORI_STORAGE", "ftp://nowhere")
    monkeypatch.setattr("sys.argv", ["irodori", "fetch", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    settings.cache_clear()
    assert str(ended.value).startswith("bad storage URL 'ftp://nowhere'") and "\n" not in str(ended.value)


def test_the_command_tells_its_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"irodori {version('irodori')}\n"
