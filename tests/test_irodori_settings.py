"""Tests where settings come from: the environment, .env, the stack of `make up`; and where data rests by default."""

import os
from pathlib import Path

import pytest

from irodori import settings, stack
from irodori.cli.app import main
from irodori.errors import PipelineError
from irodori.settings import Settings


def test_the_environment_goes_before_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "env").write_text(
        "export IRODORI_STORAGE=s3://stack\nexport AWS_ENDPOINT_URL_S3='http://127.0.0.1:9'\n"
    )
    monkeypatch.setenv("IRODORI_RUN_FOLDER", str(tmp_path))
    monkeypatch.setenv("IRODORI_STORAGE", "file:///mine")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "")
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    stack.use_stack()
    assert os.environ["IRODORI_STORAGE"] == "file:///mine"
    assert os.environ["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:9"


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "with the mark of Windows' editor"])
def test_the_command_reads_the_file_that_make_up_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    (tmp_path / ".env").write_text(f"{mark}IRODORI_STORAGE=file:///of/the/file\nIRODORI_SOURCE=file:///pictures\n")
    monkeypatch.setattr(stack, "PROJECT", tmp_path)
    monkeypatch.setattr("sys.argv", ["irodori", "--version"])
    monkeypatch.setenv("IRODORI_SOURCE", "file:///of/the/environment")
    monkeypatch.setenv("IRODORI_STORAGE", "")
    monkeypatch.delenv("IRODORI_STORAGE")
    with pytest.raises(SystemExit, match="0"):
        main()
    assert Settings().storage == "file:///of/the/file"
    assert Settings().source == "file:///of/the/environment"


def test_a_file_of_variables_that_is_no_text_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("IRODORI_SOURCE=file:///pictures", encoding="utf-16")
    monkeypatch.setattr(stack, "PROJECT", tmp_path)
    with pytest.raises(SystemExit, match=r"\.env is not UTF-8: save it as such"):
        main()


def test_data_rests_beside_a_checkout_and_else_with_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IRODORI_STORAGE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert Settings().storage == (stack.PROJECT / "data").as_uri()
    monkeypatch.setattr(settings, "_PROJECT", tmp_path / "site-packages")
    assert Settings().storage == (tmp_path / "share" / "irodori").as_uri()


def test_a_page_is_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRODORI_PAGE", "127.0.0.1:8100")
    settings.settings.cache_clear()
    with pytest.raises(PipelineError, match=r"^IRODORI_PAGE: .*is no address of a page"):
        settings.settings()
    settings.settings.cache_clear()
