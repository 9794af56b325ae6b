"""Tests child processes: they report how they ended and leave no processes running."""

import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from deploy import DeployError
from deploy.child import Child, marked, stop
from deploy.ports import HOST, free_port, is_free

# like a worker with a flow run: the grandchild has its own session and records that it was asked to stop
GRANDCHILD = """
import pathlib, signal, sys, time
def leave(*_):
    pathlib.Path(sys.argv[1], "asked").touch()
    sys.exit()
signal.signal(signal.SIGTERM, leave)
pathlib.Path(sys.argv[1], "ready").touch()
time.sleep(60)
"""
PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]], start_new_session=True)
time.sleep(60)
"""


def python(tmp_path: Path, code: str, *arguments: str, grace: float = 10.0) -> Child:
    command = [sys.executable, "-c", code, *arguments]
    return Child("test child", command, log=tmp_path / "child.log", env=os.environ, grace=grace)


def wait_for(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_dead_child_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with python(tmp_path, "print('no such database'); raise SystemExit(3)") as child:
        with pytest.raises(DeployError, match="the test child ended with exit status 3") as error:
            child.wait_until(lambda: False, seconds=30)
    assert str(error.value).endswith("no such database")


def test_a_killed_child_is_reported_with_its_signal(tmp_path: Path) -> None:
    with python(tmp_path, "import os; os.kill(os.getpid(), 9)") as child:
        with pytest.raises(DeployError, match="ended with signal 9"):
            child.wait_until(lambda: False, seconds=30)


def test_a_slow_child_is_reported(tmp_path: Path) -> None:
    with python(tmp_path, "import time; time.sleep(60)") as child:
        with pytest.raises(DeployError, match="was not ready within 0 s"):
            child.wait_until(lambda: False, seconds=0)


def test_success_is_not_an_error(tmp_path: Path) -> None:
    with python(tmp_path, "pass") as child:
        child.wait_until(lambda: child.succeeded, seconds=30)


def test_what_a_child_started_is_asked_to_stop_before_the_child(tmp_path: Path) -> None:
    before = children()
    with python(tmp_path, PARENT, str(tmp_path), GRANDCHILD):
        wait_for((tmp_path / "ready").exists)
        started = children() - before
        assert len({os.getsid(process.pid) for process in started} - {os.getsid(0)}) == 2
    assert (tmp_path / "asked").exists()
    assert not any(map(runs, started))


def test_who_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    before = children()
    with python(tmp_path, deaf, grace=0.5) as child:
        wait_for(lambda: "ready" in child.log.read_text())
        (process,) = children() - before
    assert not runs(process)


def test_marked_processes_are_found_and_stopped_wherever_they_are(tmp_path: Path) -> None:
    os.environ["IRODORI_TEST_MARK"] = str(tmp_path)
    try:
        with python(tmp_path, PARENT, str(tmp_path), GRANDCHILD):
            wait_for((tmp_path / "ready").exists)
            found = marked("IRODORI_TEST_MARK", str(tmp_path))
            assert len(found) == 2
            stop(found, 10)
            assert not any(map(runs, found))
            assert marked("IRODORI_TEST_MARK", "elsewhere") == []
    finally:
        del os.environ["IRODORI_TEST_MARK"]


def test_ports() -> None:
    port = free_port((0, 1))
    with socket.create_server((HOST, port + 1)):
        assert is_free(port)
        assert not is_free(port + 1)
    assert is_free(port + 1)
