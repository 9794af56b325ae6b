"""What `make up` tells a Prefect server: when each flow runs, what becomes of a second run, and the GPU's limit."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent
TRAINING = """
from flows.train_cyclegan import train_cyclegan
state = train_cyclegan("nowhere", "nothing", return_state=True)
print(state.message)
"""

pytestmark = pytest.mark.slow


class Server:
    """Prefect's, by its API."""

    def __init__(self, api: str) -> None:
        self.api = api

    def find(self, what: str) -> list[dict[str, Any]]:
        """All objects of one kind."""
        answer = requests.post(f"{self.api}/{what}/filter", json={}, timeout=60)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    def post(self, path: str, **content: Any) -> Any:
        answer = requests.post(f"{self.api}/{path}", json=content, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@pytest.fixture(scope="module")
def server(prefect_server: str) -> Iterator[Server]:
    """Prepared as `make up` does it; the other tests find their server without deployments again."""
    server = Server(prefect_server)
    kinds = ("deployments", "automations", "work_pools", "v2/concurrency_limits")
    before = {kind: [one["id"] for one in server.find(kind)] for kind in kinds}
    env = os.environ | {"PREFECT_API_URL": prefect_server}
    done = subprocess.run([sys.executable, "-m", "deploy.setup"], cwd=ROOT, env=env, capture_output=True, text=True)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        yield server
    finally:
        for kind in kinds:
            for one in server.find(kind):
                if one["id"] not in before[kind]:
                    name = one["name"] if kind == "work_pools" else one["id"]
                    requests.delete(f"{prefect_server}/{kind}/{name}", timeout=60)


def deployments(server: Server) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in server.find("deployments")}


def test_the_inbox_alone_has_a_schedule_and_that_is_each_minute(server: Server) -> None:
    schedules = {name: one["schedules"] for name, one in deployments(server).items()}
    (every_minute,) = schedules.pop("colorize-inbox")
    assert every_minute["active"]
    assert (every_minute["schedule"]["cron"], every_minute["schedule"]["timezone"]) == ("* * * * *", "UTC")
    assert not any(schedules.values())


def test_what_becomes_of_a_second_run(server: Server) -> None:
    limits = {
        name: (one["global_concurrency_limit"]["limit"], one["concurrency_options"]["collision_strategy"])
        for name, one in deployments(server).items()
    }
    assert limits == {
        "build-dataset": (1, "ENQUEUE"),
        "train-cyclegan": (1, "ENQUEUE"),
        "full-pipeline": (1, "ENQUEUE"),
        "colorize-inbox": (1, "CANCEL_NEW"),
    }


def test_trainings_run_where_the_gpu_is(server: Server) -> None:
    pools = {name: one["work_pool_name"] for name, one in deployments(server).items()}
    assert pools == {
        "build-dataset": "cpu",
        "colorize-inbox": "cpu",
        "train-cyclegan": "gpu",
        "full-pipeline": "gpu",
    }


def test_an_arrival_starts_the_inbox_s_flow_and_silence_ends_a_run(server: Server) -> None:
    automations = {one["name"]: one for one in server.find("automations")}
    arrival = automations["colorize-inbox-on-arrival"]
    assert arrival["enabled"] and arrival["trigger"]["posture"] == "Reactive"
    assert arrival["trigger"]["expect"] == ["inbox.images.arrived"]
    assert arrival["trigger"]["match"] == {"prefect.resource.id": "irodori.inbox"}
    (action,) = arrival["actions"]
    inbox = deployments(server)["colorize-inbox"]["id"]
    assert (action["type"], action["deployment_id"]) == ("run-deployment", inbox)

    silence = automations["silent-runs-crash"]
    assert silence["enabled"] and silence["trigger"]["posture"] == "Proactive"
    assert silence["trigger"]["within"] == 90
    assert silence["trigger"]["after"] == ["prefect.flow-run.heartbeat"]
    assert [(one["type"], one["state"]) for one in silence["actions"]] == [("change-flow-run-state", "CRASHED")]


def test_two_trainings_share_the_gpu_one_after_the_other(server: Server, tmp_path: Path) -> None:
    """While its one slot is taken a training asks for it, is refused, and does not begin."""
    (limit,) = [one for one in server.find("v2/concurrency_limits") if ":" not in one["name"]]
    taken = server.post(
        "v2/concurrency_limits/increment-with-lease", names=[limit["name"]], slots=1, mode="concurrency"
    )
    variables = {
        "PREFECT_API_URL": server.api,
        "IRODORI_STORAGE": tmp_path.as_uri(),
        "PREFECT_LOGGING_INTERNAL_LEVEL": "DEBUG",
    }
    log, command = tmp_path / "log.txt", [sys.executable, "-c", TRAINING]
    with log.open("w") as output:
        training = subprocess.Popen(command, cwd=ROOT, env=os.environ | variables, stdout=output, stderr=output)
    try:
        # Prefect's own word for it, in its log; there is no other trace of who waits
        wait_for(lambda: training.poll() is not None or "Unable to acquire concurrency slot" in log.read_text())
        assert training.poll() is None, "it did not wait"
        assert "run build-dataset first" not in log.read_text()
        server.post("v2/concurrency_limits/decrement-with-lease", lease_id=taken["lease_id"])
        assert training.wait(120) == 0
        assert "run build-dataset first" in log.read_text()
        wait_for(lambda: active_slots(server, limit["name"]) == 0)
    finally:
        training.kill()
        training.wait()


def active_slots(server: Server, name: str) -> int:
    (found,) = [one["active_slots"] for one in server.find("v2/concurrency_limits") if one["name"] == name]
    return int(found)


def wait_for(ready: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.2)
