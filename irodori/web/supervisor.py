"""Keeps a painter running beside the page, and removes what has expired."""

import logging
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Thread

from irodori.web.blobs import Blobs
from irodori.web.limits import OWN, Limits
from irodori.web.painter import READY, REFUSED
from irodori.web.rows import Rows

_SLOWEST = 30.0  # seconds between two starts of a painter that dies again and again
_EACH_MINUTE = 60.0
_ORPHAN = OWN.kept_at_most  # seconds; younger files without a row may be those of another page on this storage
_log = logging.getLogger(__name__)


class PainterProcess:
    """A painter in a process of its own; when that dies, another one takes over what it had in hand."""

    def __init__(self, arguments: Sequence[str], rows: Rows) -> None:
        """Starts it.

        Args:
            arguments: of `python -m irodori.web.painter`, without its owner.
            rows: where the jobs are.
        """
        self._arguments, self._rows = list(arguments), rows
        self._stopping = Event()
        self._process: subprocess.Popen[str] | None = None
        self.problem, self.refused, self._was_ready = "the model is being loaded", False, False
        self._thread = Thread(target=self._run, name="painter", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The process that works now."""
        return self._process.pid if self._process else None

    def join(self) -> None:
        """Waits until no painter is started any more."""
        self._thread.join()

    def stop(self) -> None:
        """Ends the process; what it had in hand is done when the page starts again."""
        self._stopping.set()
        if self._process:
            self._process.kill()
        self._thread.join()

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            self._run_once()
            failures = 0 if time.monotonic() - started > _SLOWEST else failures + 1
            if self.refused:
                return
            self._stopping.wait(min(_SLOWEST, 2.0 ** (failures - 2)))

    def _run_once(self) -> None:
        owner = secrets.token_hex(8)
        command = [sys.executable, "-m", "irodori.web.painter", *self._arguments, "--owner", owner]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._stopping.is_set():  # since this one was asked for
            self._process.kill()
        assert self._process.stdin and self._process.stdout
        with self._process.stdin, self._process.stdout:
            for line in self._process.stdout:
                if line.strip() == READY:
                    self.problem, self._was_ready = "", True
                elif line.startswith(REFUSED):  # later, the storage or the database is away for a while
                    self.problem, self.refused = line.removeprefix(REFUSED).strip(), not self._was_ready
            self._process.wait()
        with suppress(Exception):  # without it, the lease ends by itself
            self._rows.release(owner, tried=not self._stopping.is_set())
        if not self.refused:
            self.problem = "the painter stopped, and is being started again"


class Cleaner:
    """Each minute removes what has expired: first it is marked, then its files go, then its row."""

    def __init__(self, rows: Rows, blobs: Blobs, limits: Limits) -> None:
        self._rows, self._blobs, self._limits = rows, blobs, limits
        self._ended = Event()
        self._thread = Thread(target=self._run, name="cleaner", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def clean(self) -> None:
        """Removes what has expired, and files that no row knows."""
        for drawing in self._rows.expire(self._limits):
            self._blobs.remove_all(drawing)
            self._rows.remove(drawing)
        self._blobs.remove_thumbnails(time.time() - self._limits.kept)
        written: dict[str, float] = {}
        for drawing, modified in self._blobs.drawings():
            written[drawing] = max(modified, written.get(drawing, 0.0))
        known = self._rows.known()  # read after the files: an upload writes its row last
        for drawing, modified in written.items():
            if drawing not in known and modified < time.time() - _ORPHAN:
                self._blobs.remove_all(drawing)

    def _run(self) -> None:
        while True:
            try:
                self.clean()
            except Exception as error:  # the storage may be away for a while
                _log.warning("what has expired could not be removed: %s", error)
            if self._ended.wait(_EACH_MINUTE):
                return
