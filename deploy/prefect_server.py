"""Starts a Prefect server for this process and its child processes, for drills and benchmarks."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.child import Child
from deploy.ports import HOST, answers, free_port
from irodori.loopback import keep_loopback_direct
from irodori.stack import UNTRACKED


@contextmanager
def prefect_server(folder: Path) -> Iterator[None]:
    """Runs a Prefect server that this process and its child processes use; `folder` holds its state and log."""
    keep_loopback_direct()
    port = free_port()
    own = {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_API_DATABASE_TIMEOUT": "60",
    }
    os.environ.update(own | UNTRACKED)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
    with Child("Prefect server", command, log=folder / "prefect.log", env=os.environ) as server:
        server.wait_until(lambda: answers(f"http://{HOST}:{port}/api/health"), seconds=180)
        os.environ["PREFECT_API_URL"] = f"http://{HOST}:{port}/api"
        yield
