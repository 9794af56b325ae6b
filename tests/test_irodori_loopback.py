"""Tests that connections to this machine go through no proxy, whatever the environment says."""

import os
import subprocess
import sys
from pathlib import Path

import boto3
import httpx
import pytest
import requests

from deploy.ports import HOST, free_port
from deploy.seaweed import SeaweedFS
from irodori.loopback import keep_loopback_direct
from tests.scripted_server import Reply, ScriptedServer

ROOT = Path(__file__).resolve().parent.parent
HOSTS = "localhost,127.0.0.1,::1"
NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (*NAMES, *map(str.upper, NAMES)):
        monkeypatch.setenv(name, "")  # so that it is undone, whatever sets it
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize(
    ("given", "bypassed"),
    [
        ({}, None),
        ({"HTTP_PROXY": "http://proxy:8080"}, HOSTS),
        ({"all_proxy": "socks5://proxy:1080"}, HOSTS),
        ({"https_proxy": "proxy:8080", "no_proxy": "intern.example, 10.0.0.1"}, f"intern.example,10.0.0.1,{HOSTS}"),
        ({"HTTP_PROXY": "http://proxy:8080", "NO_PROXY": "127.0.0.1"}, "127.0.0.1,localhost,::1"),
        ({"HTTP_PROXY": "http://proxy:8080", "NO_PROXY": "*"}, "*"),
    ],
)
def test_what_bypasses_the_proxy(clean: pytest.MonkeyPatch, given: dict[str, str], bypassed: str | None) -> None:
    for name, value in given.items():
        clean.setenv(name, value)
    for _ in range(2):
        keep_loopback_direct()
        assert os.environ.get("NO_PROXY") == bypassed
        assert bypassed in (None, "*") or os.environ["no_proxy"] == bypassed
    assert all(os.environ[name] == value for name, value in given.items() if name.lower() != "no_proxy")


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h", "socks"])
def test_every_client_reaches_this_machine(clean: pytest.MonkeyPatch, s3_server: SeaweedFS, scheme: str) -> None:
    """Nothing listens where the proxy should be; `socks` is what desktops set."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        clean.setenv(name, f"{scheme}://{HOST}:{free_port()}")
    keep_loopback_direct()
    with ScriptedServer(lambda request: Reply(b"ok")) as server:
        assert requests.get(server.url, timeout=10).text == "ok"
        with httpx.Client() as client:
            assert client.get(server.url).text == "ok"
    assert boto3.client("s3").list_buckets()["Buckets"]
    with pytest.raises(requests.ConnectionError):  # everything else goes there
        requests.get("http://192.0.2.1/", timeout=10)


@pytest.mark.parametrize("module", ["flows", "demo.__main__", "irodori.cli.app", "deploy.up"])
def test_what_people_start_does_it_first(module: str) -> None:
    calls = {"irodori.cli.app": "sys.argv = ['irodori', '--version']; main()", "deploy.up": "main()"}
    call = f"try:\n    {calls.get(module, 'pass')}\nfinally:\n    print(os.environ['NO_PROXY'])"
    code = f"import sys, os\nfrom {module} import *\n{call}"
    clean = {name: value for name, value in os.environ.items() if name.lower() not in NAMES}
    env = clean | {"HTTP_PROXY": "http://proxy:8080", "IRODORI_UI_PORT": "none"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines()[-1] == HOSTS, done.stderr
