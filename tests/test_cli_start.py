"""Tests the start of the command `irodori`, which takes a second."""

import signal
import subprocess
import sys


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
