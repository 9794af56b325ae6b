"""Tests the start of the command `irodori`, which takes a second."""

import os
import signal
import subprocess
import sys

import pytest

from irodori.cli.start import main


def test_ctrl_c_while_it_is_being_imported_ends_it_without_a_traceback() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "irodori.cli.start", "train", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.split()[-1:] == ["typer"]:  # the first of many parts
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert not out and "Traceback" not in err


@pytest.mark.parametrize(("asked", "policy"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_do_not_spin_while_they_wait_unless_asked_to(
    asked: str | None, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["irodori", "--help"])
    monkeypatch.setenv("OMP_WAIT_POLICY", asked or "")
    if asked is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    with pytest.raises(SystemExit):
        main()
    assert os.environ["OMP_WAIT_POLICY"] == policy
