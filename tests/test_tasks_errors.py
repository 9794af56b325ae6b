"""Tests that errors users can cause end a run as Failed with one line, and that bugs keep their traceback."""

from pathlib import Path
from typing import Any

import pytest

from tasks.errors import plain_errors

FULL = Path("/dev/full")


@plain_errors
def write(path: Path) -> Any:
    return path.write_bytes(b"x" * 100_000)


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_temporary_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    state: Any = write(FULL)
    assert state.is_failed()
    assert state.message == f"no space is left for temporary files in {tmp_path}: free some, or set TMPDIR"


def test_other_errors_of_the_system_are_raised(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError):
        write(Path(__file__) / "x")
