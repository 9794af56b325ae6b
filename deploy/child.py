"""Child processes of the stack: started in sessions of their own, watched, and stopped without remains."""

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
    """A command run as a context manager: entering starts it, leaving stops it and all that it started.

    Its output goes to `log`. On leaving, the processes that it started get SIGTERM and up to `grace` seconds
    first, and only then the command itself: a Prefect worker that is stopped kills its flow runs at once,
    while a flow run that is asked to stop saves its checkpoint and reports its end.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str], grace: float = 10.0
    ) -> None:
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
                # a Ctrl-C in the terminal must reach only the supervisor, which stops its children in order
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
        """Whether the command has ended with exit status 0."""
        return self._process is not None and self._process.poll() == 0

    def check(self) -> None:
        """Raise DeployError, with the last lines of its log, if the command has ended."""
        if self._process is not None and (status := self._process.poll()) is not None:
            how = f"exit status {status}" if status >= 0 else f"signal {-status}"
            raise DeployError(f"the {self.name} ended with {how}; {self._last_lines()}")

    def wait_until(
        self, ready: Callable[[], bool], *, seconds: float, pause: Callable[[float], None] = time.sleep
    ) -> None:
        """Poll `ready` until it is true; DeployError if the command ends before or `seconds` have passed."""
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
    """SIGTERM to each, up to `grace` seconds for all of them to leave, then SIGKILL to what remains."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    deadline = time.monotonic() + grace
    while any(map(_runs, processes)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS / 4)
    for process in filter(_runs, processes):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def marked(variable: str, value: str) -> list[psutil.Process]:
    """Processes, other than this one, that were started with this environment variable set to this value."""
    this = psutil.Process()
    others = [process for process in psutil.process_iter(["environ"]) if process != this]
    return [process for process in others if (process.info["environ"] or {}).get(variable) == value]


def _runs(process: psutil.Process) -> bool:
    """Not so a zombie: it has ended, whether or not its parent has taken notice."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
