"""`make up` for real: everything it starts, what it is for, and that nothing of it stays.

The tests share one stack, in their order.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
import requests

from cyclegan.training.interruption import SECONDS_TO_SAVE
from deploy.child import marked, stop
from deploy.ports import HOST, free_port, is_free
from deploy.seaweed import PORT_OFFSETS
from deploy.up import MARK
from drills.unreliable_storage import small_disk

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
START_SECONDS, RUN_SECONDS, STOP_SECONDS = 400.0, 240.0, 120.0  # on a machine that does other things too

# a training: it lasts, and saves when it is asked to stop
TRAINING = """
import time
from pathlib import Path
from prefect import flow

HERE = Path(__file__).parent

@flow(name="long-training")
def long_training():
    (HERE / "started").touch()
    try:
        time.sleep(600)
    except BaseException:
        (HERE / "saved").touch()
        raise
"""


class Stack:
    """One `make up` in a folder, on ports of its own. Entering starts it, leaving ends what a failed test left."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.ui_port, self.web_port, self.s3_port = free_port(), free_port(), free_port(PORT_OFFSETS.values())
        self.api = f"http://{HOST}:{self.ui_port}/api"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PREFECT_"))}
        self.env = clean | {
            "IRODORI_RUN_FOLDER": str(folder),
            "IRODORI_UI_PORT": str(self.ui_port),
            "IRODORI_WEB_PORT": str(self.web_port),
            "IRODORI_S3_PORT": str(self.s3_port),
            "PREFECT_HOME": str(folder / "home"),
            # nothing listens there: no connection of the stack to itself may go through a proxy
            "HTTP_PROXY": f"http://{HOST}:9",
            "ALL_PROXY": f"socks://{HOST}:9",
            **variables,
        }
        self._out = folder / "out.txt"

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        with self._out.open("w") as out:
            self.process = subprocess.Popen(
                [PYTHON, "-m", "deploy.up"], cwd=ROOT, env=self.env, stdout=out, stderr=out, start_new_session=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.process.poll() is None:
                self.stop(signal.SIGTERM)
        finally:
            stop([*marked(MARK, str(self.folder)), *alive(self.process)], SECONDS_TO_SAVE)
            self.process.wait()

    @property
    def output(self) -> str:
        return self._out.read_text()

    def wait_until_ready(self) -> None:
        wait_for(lambda: "Irodori is ready" in self.output or self.process.poll() is not None, START_SECONDS)
        assert self.process.poll() is None, self.output
        self.members = psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def is_gone(self) -> bool:
        """No process of it runs, and nothing listens on its ports."""
        ports = [self.ui_port, self.web_port, *(self.s3_port + offset for offset in PORT_OFFSETS.values())]
        return not any(process.is_running() for process in self.members) and all(map(is_free, ports))

    def prefect(self, *command: str, cwd: Path = ROOT) -> str:
        """What a user types in another terminal; the server is found by the plugin."""
        script = [str(Path(PYTHON).parent / "prefect"), "--no-prompt", *command]
        done = subprocess.run(script, cwd=cwd, env=self.env, capture_output=True, text=True, timeout=RUN_SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def find(self, what: str, **criteria: Any) -> list[dict[str, Any]]:
        """Objects of one kind, by the server's own filters."""
        answer = requests.post(f"{self.api}/{what}/filter", json=criteria, timeout=60)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found


def alive(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    return [psutil.Process(process.pid)] if process.poll() is None else []


def wait_for(ready: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("up")) as stack:
        stack.wait_until_ready()
        yield stack


pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_ready_message_names_places_and_commands(stack: Stack) -> None:
    assert "/ needs 2 GB of disk, besides pictures and models; " in stack.output.splitlines()[0]
    for part in (f"http://{HOST}:{stack.ui_port}\n", f"http://{HOST}:{stack.s3_port} ", "s3://irodori\n"):
        assert part in stack.output
    assert "prefect deployment run train-cyclegan" in stack.output
    assert requests.get(f"http://{HOST}:{stack.ui_port}", timeout=60).ok
    page = f"http://{HOST}:{stack.web_port}"
    assert page in stack.output
    assert requests.get(f"{page}/api/models", timeout=60).json()["models"] == []  # none is trained yet


def test_the_credentials_that_it_writes_down_are_its_owner_s_only(stack: Stack) -> None:
    assert (stack.folder / "env").stat().st_mode & 0o777 == 0o600
    assert "AWS_SECRET_ACCESS_KEY" in (stack.folder / "env").read_text()


def test_everything_listens_on_loopback_only(stack: Stack) -> None:
    found = [one for process in stack.members for one in process.net_connections(kind="inet")]
    listening = [one.laddr for one in found if one.status == psutil.CONN_LISTEN]
    assert {address.ip for address in listening} == {HOST}
    assert {address.port for address in listening} >= {stack.ui_port, stack.web_port, stack.s3_port}


def test_the_server_knows_pools_limits_and_automations(stack: Stack) -> None:
    pools = {pool["name"]: pool["concurrency_limit"] for pool in stack.find("work_pools")}
    assert pools == {"cpu": 4, "gpu": 1}
    assert [(one["name"], one["limit"]) for one in stack.find("v2/concurrency_limits") if ":" not in one["name"]] == [
        ("gpu", 1)
    ]
    automations = sorted(automation["name"] for automation in stack.find("automations"))
    assert automations == ["colorize-inbox-on-arrival", "silent-runs-crash"]
    names = sorted(deployment["name"] for deployment in stack.find("deployments"))
    assert names == ["build-dataset", "colorize-inbox", "full-pipeline", "train-cyclegan"]


def test_the_bare_name_runs_a_deployment(stack: Stack) -> None:
    output = stack.prefect("deployment", "run", "train-cyclegan", "--param", "dataset=none-such")
    assert "Creating flow run for deployment 'train-cyclegan/train-cyclegan'" in output
    runs: list[dict[str, Any]] = []

    def ended() -> bool:
        runs[:] = [run for run in stack.find("flow_runs") if run["parameters"].get("dataset") == "none-such"]
        return bool(runs) and runs[0]["state_type"] not in ("SCHEDULED", "PENDING", "RUNNING")

    wait_for(ended, RUN_SECONDS)
    # it reached the bucket, and says what is missing
    assert runs[0]["state_name"] == "Failed"
    assert "none-such" in runs[0]["state"]["message"]
    # kept in memory, as by default, the GPU slot of a training would be lost for ever with a killed server
    assert (stack.folder / "prefect/concurrency_leases").is_dir()


def test_the_inbox_is_colorized_on_schedule_and_on_arrival(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "a.png").write_bytes(b"not yet a drawing")
    send = [PYTHON, "-m", "irodori.cli.app", "send", str(tmp_path / "page")]
    done = subprocess.run(send, cwd=ROOT, env=stack.env, capture_output=True, text=True, timeout=RUN_SECONDS)
    assert (done.returncode, done.stdout) == (0, "1 files are in the inbox of s3://irodori\n"), done.stderr

    def creators() -> set[str]:
        return {str((run["created_by"] or {}).get("type")) for run in stack.find("flow_runs")}

    wait_for(lambda: creators() >= {"SCHEDULE", "AUTOMATION"}, RUN_SECONDS)


def test_a_second_stack_in_the_folder_is_refused(stack: Stack) -> None:
    other = subprocess.run(
        [PYTHON, "-m", "deploy.up"], cwd=ROOT, env=stack.env, capture_output=True, text=True, timeout=STOP_SECONDS
    )
    assert other.returncode == 1
    assert other.stderr == f"the stack in {stack.folder} runs already; IRODORI_RUN_FOLDER chooses another folder\n"


def test_ctrl_c_lets_a_training_save_and_leaves_nothing(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "long_training.py").write_text(TRAINING)
    # that folder has no prefect.toml, and therefore no plugin
    stack.env["PREFECT_API_URL"], stack.env["NO_PROXY"] = stack.api, HOST
    del stack.env["ALL_PROXY"]
    stack.prefect("deploy", "long_training.py:long_training", "--name", "it", "--pool", "gpu", cwd=tmp_path)
    stack.prefect("deployment", "run", "long-training/it", cwd=tmp_path)
    wait_for((tmp_path / "started").exists, RUN_SECONDS)
    time.sleep(2)
    stack.members = psutil.Process(stack.process.pid).children(recursive=True)
    assert any("prefect.engine" in process.cmdline() for process in stack.members)
    assert stack.stop(signal.SIGINT) == 0
    assert stack.output.endswith("Stopped.\n")
    assert (tmp_path / "saved").exists()
    assert stack.is_gone()
    assert not (stack.folder / "env").exists()


def test_again_on_the_same_state_with_a_folder_as_storage(stack: Stack, tmp_path: Path) -> None:
    assert stack.process.poll() is not None
    with Stack(stack.folder, IRODORI_STORAGE=tmp_path.as_uri()) as again:
        again.wait_until_ready()
        assert len(again.find("deployments")) == 5
        assert len(again.find("automations")) == 2
        assert "IntegrityError" not in (again.folder / "logs/server.log").read_text()
        last = [run for run in again.find("flow_runs") if run["state_name"] == "Crashed"]
        assert "terminat" in json.dumps([run["state"]["message"] for run in last])  # the training said so itself
        (worker,) = [process for process in again.members if process.cmdline()[-3:-2] == ["gpu"]]
        worker.kill()
        assert again.process.wait(STOP_SECONDS) == 1
        assert "the gpu worker ended with signal 9; its log" in again.output
        assert again.is_gone()


def test_sigterm_while_it_starts(tmp_path: Path) -> None:
    with Stack(tmp_path / "run") as stack:
        wait_for(lambda: (stack.folder / "logs/server.log").exists(), START_SECONDS)
        stack.members = psutil.Process(stack.process.pid).children(recursive=True)
        assert stack.stop(signal.SIGTERM) == 0
        assert stack.is_gone()


def test_a_taken_port_is_named_with_its_variable(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "run")
    with socket.create_server((HOST, stack.ui_port)), stack:
        assert stack.process.wait(STOP_SECONDS) == 1
    assert stack.output.splitlines()[-1] == (
        f"port {stack.ui_port} is taken by another program; choose another with IRODORI_UI_PORT"
    )


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    with Stack(tmp_path / "run", IRODORI_UI_PORT="here") as stack:
        assert stack.process.wait(STOP_SECONDS) == 1
    assert stack.output.startswith("IRODORI_UI_PORT: ")
    assert len(stack.output.splitlines()) == 1


def test_a_disk_that_is_too_small_is_told_before_anything_starts(tmp_path: Path) -> None:
    with small_disk(tmp_path / "run", megabytes=50), Stack(tmp_path / "run") as stack:
        assert stack.process.wait(STOP_SECONDS) == 1
        (line,) = stack.output.splitlines()
        assert "needs 2 GB of disk, besides pictures and models; only 0." in line
        assert line.endswith(" GB are free: free some, or name a folder with IRODORI_RUN_FOLDER")
        assert not (stack.folder / "s3").exists()


def test_a_failed_test_leaves_nothing_of_its_stack(tmp_path: Path) -> None:
    """Not even of one whose supervisor was killed in the middle of its start."""
    with pytest.raises(AssertionError, match="failed"), Stack(tmp_path / "run") as stack:
        wait_for(lambda: (stack.folder / "logs/server.log").exists(), START_SECONDS)
        stack.process.kill()
        raise AssertionError("failed")
    assert marked(MARK, str(stack.folder)) == []
