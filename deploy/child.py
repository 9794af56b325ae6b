"""Starts the stack's child processes in their own sessions, watches them, and stops them with all descendants."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from deploy import DeployError

POLL_SECONDS = 0.2
LAST_LINES = 12


class Child:
    """A command run as a context manager: entering starts it, leaving stops it and its descendants.

    On leaving, the descendants get SIGTERM and up to `grace` seconds first, and only then the command itself. A
    Prefect worker that is stopped kills its flow runs at once, but a flow run that gets SIGTERM itself saves its
    checkpoint and reports its end.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str], grace: float = 10.0
    ) -> None:
        """Prepares the command; entering the context starts it.

        Args:
            name: what error messages call it.
            command: program and arguments.
            log: file for its output; overwritten.
            env: its whole environment.
            grace: seconds between SIGTERM and SIGKILL.
        """
        self.name = name
        self.log = log
        self._command = list(command)
        self._env = dict(env)
        self._grace = grace
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # so that Ctrl-C in the terminal reaches only the supervisor, which stops its children in order
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            process = psutil.Process(self._process.pid)
            stop(process.children(recursive=True), self._grace)
            stop([process], self._grace)
        self._process.wait()
        self._process = None

    @property
    def succeeded(self) -> bool:
        """True if the command has ended with exit status 0."""
        return self._process is not None and self._process.poll() == 0

    def check(self) -> None:
        """Checks that the command still runs.

        Raises:
            DeployError: if it has ended; the message contains the last lines of its log.
        """
        if self._process is not None and (status := self._process.poll()) is not None:
            how = f"exit status {status}" if status >= 0 else f"signal {-status}"
            raise DeployError(f"the {self.name} ended with {how}; {self._last_lines()}")

    def wait_until(
        self, ready: Callable[[], bool], *, seconds: float, pause: Callable[[float], None] = time.sleep
    ) -> None:
        """Polls `ready` until it is true.

        Args:
            ready: returns whether the command is ready.
            seconds: the timeout.
            pause: sleeps for a number of seconds; may raise to end the wait.

        Raises:
            DeployError: if the command ends first, or at the timeout; the message contains the log's last lines.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise DeployError(f"the {self.name} was not ready within {seconds:.0f} s; {self._last_lines()}")
            pause(POLL_SECONDS)

    def _last_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "\n  ".join([f"its log {self.log} ends with:", *lines])


def stop(processes: Sequence[psutil.Process], grace: float) -> None:
    """Sends SIGTERM to each process, waits up to `grace` seconds for all, and sends SIGKILL to those still running."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    deadline = time.monotonic() + grace
    while any(map(_is_running, processes)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS / 4)
    for process in filter(_is_running, processes):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def marked(variable: str, value: str) -> list[psutil.Process]:
    """Returns the processes, except this one, that were started with this environment variable set to this value."""
    this = psutil.Process()
    others = [process for process in psutil.process_iter(["environ"]) if process != this]
    return [process for process in others if (process.info["environ"] or {}).get(variable) == value]


def _is_running(process: psutil.Process) -> bool:
    """Tells whether a process still runs; a zombie does not: it has ended, and its parent has not waited for it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
