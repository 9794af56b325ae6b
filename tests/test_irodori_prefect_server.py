"""Tests what people see where Prefect's server cannot start."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from irodori.errors import PipelineError
from irodori.prefect_server import check_home, temporary_server

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWER = "9725c1cbee35", "ffffffffffff"  # the first of Prefect's migrations; one of a Prefect to come


def migrated(home: Path, *revisions: str) -> Path:
    home.mkdir(exist_ok=True)
    with closing(sqlite3.connect(home / "prefect.db")) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.executemany("INSERT INTO alembic_version VALUES (?)", [(revision,) for revision in revisions])
        database.commit()
    return home


def test_a_home_of_this_or_an_older_prefect_is_fine(tmp_path: Path) -> None:
    check_home(tmp_path / "none")
    check_home(migrated(tmp_path / "old", OLDEST))
    check_home(migrated(tmp_path / "empty"))
    (tmp_path / "prefect.db").touch()  # a server that is starting
    check_home(tmp_path)


def test_a_home_of_a_newer_prefect_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PipelineError) as error:
        check_home(migrated(tmp_path / "new", OLDEST, NEWER))
    assert str(error.value).startswith(f"{tmp_path}/new/prefect.db was made by a newer Prefect than the installed 3.")
    assert str(error.value).endswith(": update Irodori's environment, or set PREFECT_HOME to another folder")
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "postgresql+asyncpg://elsewhere/prefect")
    check_home(tmp_path / "new")


def test_a_home_whose_database_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "prefect.db").write_bytes(b"no database" * 100)
    with pytest.raises(PipelineError, match=r"prefect\.db: file is not a database; move it away"):
        check_home(tmp_path)


def test_a_server_that_is_too_slow_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "7")
    slow = RuntimeError("Timed out while attempting to connect to ephemeral Prefect API server.")
    for error in (slow, httpx.ReadTimeout("timed out")):
        with pytest.raises(PipelineError, match=r"was not ready within 7 s: set PREFECT_SERVER_EPHEMERAL_.* to more"):
            with temporary_server():
                raise error
    with pytest.raises(PipelineError, match="ended while it started"), temporary_server():
        raise RuntimeError(f"{slow} Ephemeral server process exited with code 1.\nTraceback")
    with pytest.raises(RuntimeError, match="of our own"), temporary_server():
        raise RuntimeError("of our own")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("revision", "line"),
    [
        (NEWER, "was made by a newer Prefect than the installed"),
        ("", "server was not ready within 1 s: set PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS to more"),
    ],
)
def test_training_says_it_in_a_line(tmp_path: Path, revision: str, line: str) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("IRODORI_", "PREFECT_"))}
    env = clean | {
        "PREFECT_HOME": str(migrated(tmp_path / "home", revision) if revision else tmp_path),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "1",
        "IRODORI_RUN_FOLDER": str(tmp_path / "no-stack"),
        "IRODORI_STORAGE": (tmp_path / "storage").as_uri(),
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "socks://127.0.0.1:9",
    }
    command = [sys.executable, "-m", "irodori.cli.app", "train"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and [each for each in done.stderr.splitlines() if line in each], done.stderr
    assert "Traceback" not in done.stderr
