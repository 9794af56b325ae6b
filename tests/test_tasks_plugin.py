"""Tests the Prefect plugin: short deployment names with both clients, and finding the server of `make up`."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks import plugin

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def deployment(prefect_server: str) -> Iterator[str]:
    """Makes a deployment train-nothing of a flow train-nothing; yields its id."""
    from prefect import flow
    from prefect.client.orchestration import get_client

    plugin.take_bare_names()
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(flow(name="train-nothing")(lambda: None))
        deployment_id = client.create_deployment(flow_id, "train-nothing")
        yield str(deployment_id)
        client.delete_deployment(deployment_id)  # other tests list what their server has


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train-nothing", "train-nothing/train-nothing"])
def test_both_clients_take_bare_and_full_names(deployment: str, name: str) -> None:
    from prefect.client.orchestration import get_client

    async def read() -> str:
        async with get_client() as client:
            return str((await client.read_deployment_by_name(name)).id)

    with get_client(sync_client=True) as client:
        assert str(client.read_deployment_by_name(name).id) == deployment
    assert asyncio.run(read()) == deployment


@pytest.mark.slow
@pytest.mark.parametrize("name", ["no-such", "train-nothing/no-such"])
def test_unknown_names_stay_unknown(deployment: str, name: str) -> None:
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client, pytest.raises(ObjectNotFound):
        client.read_deployment_by_name(name)


@pytest.mark.slow
def test_prefect_loads_it_in_this_folder_and_nothing_heavy_with_it() -> None:
    code = "import sys, prefect; print([name in sys.modules for name in ('tasks.plugin', 'torch', 'storage')])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (result.stdout.strip(), result.stderr) == ("[True, False, False]", "")


def test_the_running_server_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRODORI_RUN_FOLDER", str(tmp_path))
    assert plugin.running_server() is None
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/api"
        (tmp_path / "env").write_text(f"export IRODORI_STORAGE=s3://irodori\nexport PREFECT_API_URL={url}\n")
        assert plugin.running_server() == url
    assert plugin.running_server() is None  # the server was killed and left its file behind
