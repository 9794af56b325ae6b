"""Tests `irodori train` as people type it, on a Prefect server: what they get wrong is one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--dataset", "nowhere"], "dataset 'nowhere' has no lineart (domain A): run build-dataset first"),
        (["--dataset", "../Up"], "dataset: Value error, '../Up' cannot be the name of a folder"),
    ],
)
def test_what_is_wrong_with_a_dataset_is_the_last_line(
    tmp_path: Path, prefect_server: str, words: list[str], line: str
) -> None:
    """Which the flow finds out, and it runs in the stack that `make up` has written down."""
    (tmp_path / "env").write_text(
        f"export IRODORI_STORAGE={(tmp_path / 'data').as_uri()}\nexport PREFECT_API_URL={prefect_server}\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith(("IRODORI_", "PREFECT_API"))}
    env |= {"IRODORI_RUN_FOLDER": str(tmp_path), "PREFECT_HOME": str(tmp_path / "prefect")}
    env |= {"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "socks://127.0.0.1:9"}  # where nothing listens
    command = [sys.executable, "-m", "irodori.cli.app", "train", *words]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and line in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr and "temporary server" not in done.stderr
    assert not (tmp_path / "data" / "models").exists()
