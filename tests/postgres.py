"""Runs a PostgreSQL of the tests' own, where there is one: Debian's package `postgresql`, or whatever is on PATH."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.ports import free_port


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return places[-1] if places else None


@contextmanager
def postgres() -> Iterator[str]:
    """Yields the URL of an empty database; skips the test where there is no PostgreSQL."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="irodori-postgres-") as scratch:
        folder, user = Path(scratch), {}
        if os.geteuid() == 0:  # it refuses to run as root
            user = {"user": "postgres"}
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        port = free_port()

        def run(program: str, *words: object) -> None:
            command = [str(binaries / program), "-D", str(folder / "data"), *map(str, words)]
            subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=120, **user)  # type: ignore[call-overload]

        run("initdb", "--auth=trust", "--username=tests", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://tests@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
