"""Runs the whole stack on this machine until Ctrl-C: `python -m deploy.up`.

It starts the S3 server, the Prefect server, `deploy.setup`, a worker for each pool, and the web page. It stops them in
the opposite order, so that a training can still save its checkpoint and report its end. Everything listens on 127.0.0.1
only and keeps its state in one folder.
"""

import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

from filelock import FileLock, Timeout
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from cyclegan.training.interruption import SECONDS_TO_SAVE
from deploy import POOLS, DeployError
from deploy.child import Child, marked, stop
from deploy.ports import HOST, answers, require_free
from deploy.seaweed import PORT_OFFSETS, SeaweedFS
from irodori.errors import PipelineError
from irodori.loopback import keep_loopback_direct
from irodori.prefect_server import check_home
from irodori.stack import own_variables, set_defaults

PROJECT = Path(__file__).resolve().parent.parent
BUCKET = "irodori"
MARK = "IRODORI_STACK"  # set in the environment of every process of the stack, so that all can be found and stopped
START_SECONDS = 180.0  # the first start of the server takes 25 s on two idle cores
WATCH_SECONDS = 0.5
NEEDED_GB = 1  # Prefect's database and logs
NEEDED_GB_S3 = 1  # the S3 server reserves this much for a bucket
TO_TRY = """
To try, in another terminal, in this folder, with .venv activated:
  prefect deployment run build-dataset --watch      scrape and prepare a dataset
  prefect deployment run train-cyclegan --watch     train on it
  irodori send FOLDER                               drawings into the inbox, which is looked at every minute
  irodori fetch FOLDER                              what has been colorized

Ctrl-C stops all of it.
"""


class Settings(BaseSettings):
    """Settings of the stack, read from IRODORI_* variables and the file .env."""

    model_config = SettingsConfigDict(env_prefix="IRODORI_", frozen=True)

    storage: str | None = Field(None, description="unset: a local S3 server; else the storage to use instead")
    run_folder: Annotated[Path, AfterValidator(Path.absolute)] = Field(
        PROJECT / ".run", description="database, objects, credentials and logs"
    )
    ui_port: int = Field(4200, ge=1, le=65_535, description="Prefect's server and UI")
    web_port: int = Field(8100, ge=1, le=65_535, description="the web page")
    s3_port: int = Field(8333, ge=1, le=65_535 - max(PORT_OFFSETS.values()), description="S3 server")


class Stopped(Exception):
    """A signal asked this process to stop."""


class StopSignals:
    """Records SIGINT, SIGTERM and SIGHUP, which end the stack only while it sleeps in :meth:`pause`.

    An exception raised by a signal handler could come between the start of a process and its registration.
    """

    def __init__(self) -> None:
        self._received = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def pause(self, seconds: float) -> None:
        """Sleeps.

        Raises:
            Stopped: if a signal has been received.
        """
        time.sleep(seconds)
        if self._received:
            raise Stopped

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._received = True


def up(settings: Settings, pause: Callable[[float], None]) -> None:
    """Runs the stack until it is stopped or one of its processes ends.

    Args:
        settings: folder, ports and storage.
        pause: sleeps for a number of seconds; raises Stopped after a signal.

    Raises:
        Stopped: after a signal.
        DeployError: if a process ends or does not start, or the stack runs already.
        PipelineError: if the installed Prefect cannot use the folder's database.
    """
    folder, api = settings.run_folder, f"http://{HOST}:{settings.ui_port}/api"
    with ExitStack() as stack:
        stack.enter_context(_exclusive_lock(folder))
        require_free([settings.ui_port], "choose another with IRODORI_UI_PORT")
        require_free([settings.web_port], "choose another with IRODORI_WEB_PORT")
        check_home(folder / "prefect")
        print(_check_disk(settings), flush=True)
        print(f"Starting; the first time takes a minute. Logs: {os.path.relpath(folder)}/", flush=True)
        s3 = None if settings.storage else stack.enter_context(_s3(settings, pause))
        shown = {"PREFECT_API_URL": api} | _storage(settings, s3)
        page_address = f"http://{HOST}:{settings.web_port}"
        env = (
            {"IRODORI_PAGE": page_address}
            | os.environ
            | shown
            | {"PREFECT_HOME": f"{folder}/prefect", "DO_NOT_TRACK": "1"}
        )
        server = stack.enter_context(_server(settings, env))
        server.wait_until(lambda: answers(f"{api}/health"), seconds=START_SECONDS, pause=pause)
        with _python("deploy.setup", name="setup", folder=folder, env=env) as setup:
            setup.wait_until(lambda: setup.succeeded, seconds=START_SECONDS, pause=pause)
        workers = [stack.enter_context(_worker(pool, folder, env)) for pool in POOLS]
        page = stack.enter_context(_page(settings, env))
        page.wait_until(lambda: answers(f"{page_address}/healthz"), seconds=START_SECONDS, pause=pause)
        stack.enter_context(_variables_file(folder / "env", shown))
        print(ready_message(settings, shown, s3), flush=True)
        while True:
            for child in [server, page, *workers, *([s3] if s3 else [])]:
                child.check()
            pause(WATCH_SECONDS)


def ready_message(settings: Settings, shown: Mapping[str, str], s3: SeaweedFS | None) -> str:
    """Returns the message with the addresses of the running stack and the commands to try."""
    folder = os.path.relpath(settings.run_folder)
    places = [("web page", f"http://{HOST}:{settings.web_port}")]
    places += [("Prefect UI", f"http://{HOST}:{settings.ui_port}"), ("storage", shown["IRODORI_STORAGE"])]
    if s3:
        places += [("S3 endpoint", f"{s3.endpoint}   (credentials: {folder}/env)")]
        places += [("browse it", f"{s3.files_url}{BUCKET}/")]
    places += [("state, logs", f"{folder}/")]
    lines = [f"  {name:<12} {place}" for name, place in places]
    return "\n".join(["", "Irodori is ready.", "", *lines, TO_TRY])


def _check_disk(settings: Settings) -> str:
    """Returns a line on the disk space that the stack needs and that there is.

    Raises:
        DeployError: if there is too little (its text is one line).
    """
    needed = NEEDED_GB + (0 if settings.storage else NEEDED_GB_S3)
    free = shutil.disk_usage(settings.run_folder).free / 1e9
    line = f"{os.path.relpath(settings.run_folder)}/ needs {needed} GB of disk, besides pictures and models"
    if free < needed:
        raise DeployError(f"{line}; only {free:.1f} GB are free: free some, or name a folder with IRODORI_RUN_FOLDER")
    return f"{line}; {free:,.0f} GB are free."


def _s3(settings: Settings, pause: Callable[[float], None]) -> SeaweedFS:
    remedy = "choose another first port with IRODORI_S3_PORT"
    return SeaweedFS(settings.run_folder / "s3", port=settings.s3_port, remedy=remedy, pause=pause)


def _storage(settings: Settings, s3: SeaweedFS | None) -> dict[str, str]:
    """Returns the environment variables that name the flows' storage; creates the bucket."""
    if s3 is None:
        return {"IRODORI_STORAGE": str(settings.storage)}
    s3.create_bucket(BUCKET)
    return {"IRODORI_STORAGE": f"s3://{BUCKET}"} | s3.environment


def _server(settings: Settings, env: Mapping[str, str]) -> Child:
    start = ("prefect", "server", "start", "--host", HOST, "--port", str(settings.ui_port))
    return _python(*start, name="server", folder=settings.run_folder, env=env)


def _worker(pool: str, folder: Path, env: Mapping[str, str]) -> Child:
    start = ("prefect", "worker", "start", "--pool", pool, "--name", pool, "--type", "process")
    return _python(*start, name=f"{pool} worker", folder=folder, env=env, grace=SECONDS_TO_SAVE)


def _page(settings: Settings, env: Mapping[str, str]) -> Child:
    database = f"sqlite:///{settings.run_folder / 'web.sqlite'}"
    start = ("irodori.cli.start", "serve", "--port", str(settings.web_port))
    return _python(*start, name="web page", folder=settings.run_folder, env={"IRODORI_DATABASE": database, **env})


def _python(*command: str, name: str, folder: Path, env: Mapping[str, str], grace: float = 10.0) -> Child:
    log = folder / "logs" / f"{name.replace(' ', '-')}.log"
    return Child(name, [sys.executable, "-u", "-m", *command], log=log, env=env, grace=grace)


@contextmanager
def _exclusive_lock(folder: Path) -> Iterator[None]:
    """Holds the folder's lock; before and after, stops all processes of the stack, also those a killed one left."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DeployError(f"the stack in {folder} runs already; IRODORI_RUN_FOLDER chooses another folder") from None
    os.environ[MARK] = str(folder)
    try:
        stop(marked(MARK, str(folder)), SECONDS_TO_SAVE)
        yield
    finally:
        stop(marked(MARK, str(folder)), SECONDS_TO_SAVE)
        lock.release()


@contextmanager
def _variables_file(path: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Writes the variables to a file for `source` and for tasks/plugin.py, which exists while the stack runs."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def main() -> int:
    """Runs the stack; returns exit status 0 after a signal, or 1 with a line on stderr after an error."""
    os.chdir(PROJECT)  # Prefect looks for prefect.toml and prefect.yaml here, and workers run flows here
    signals = StopSignals()
    try:
        set_defaults(own_variables())
        keep_loopback_direct()
        up(Settings(), signals.pause)
    except Stopped:
        print("Stopped.", flush=True)
        return 0
    except ValidationError as error:
        first = error.errors()[0]
        print(f"IRODORI_{str(first['loc'][0]).upper()}: {first['msg']}", file=sys.stderr)
    except (DeployError, PipelineError) as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
