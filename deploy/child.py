"""Child processes of the stack: started in a session of their own, watched, and stopped as a whole."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

POLL_SECONDS = 0.2


class ChildError(Exception):
    """A process of the stack ended by itself or was not ready in time; the message shows its last lines."""


class Child:
    """A command run as a context manager: entering starts it, leaving stops it and all that it started."""

    def __init__(
        self, name: str, command: Sequence[str | Path], *, log: Path, env: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = log
        self._command = [str(part) for part in command]
        self._env = dict(env)
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
        self.stop()

    def check(self) -> None:
        """Raise ChildError if the process has ended."""
        if self._process is not None and (status := self._process.poll()) is not None:
            raise ChildError(f"{self.name} ended with {_describe(status)}; {self._last_lines()}")

    def wait_until(
        self, ready: Callable[[], bool], *, seconds: float, pause: Callable[[float], None] = time.sleep
    ) -> None:
        """Poll `ready` until it is true; ChildError when the process ends first or `seconds` have passed."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ChildError(f"{self.name} was not ready within {seconds:.0f} s; {self._last_lines()}")
            pause(POLL_SECONDS)

    def stop(self, seconds: float = 10.0) -> None:
        """SIGTERM, up to `seconds` to leave, then SIGKILL to what remains of the child's process group."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._process = None

    def _last_lines(self, count: int = 12) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-count:]
        return "\n  ".join([f"its log {self.log} ends with:", *lines])


def _describe(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"
