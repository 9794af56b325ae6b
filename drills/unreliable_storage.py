"""Makes storage fail at random: outages alternate with pauses, of lengths and kinds that a seed decides."""

import http.client
import os
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from deploy.ports import HOST

PAUSE_SECONDS, OUTAGE_SECONDS = (1.0, 5.0), (0.5, 8.0)  # shortest and longest
FAILING_SHARE = 0.8  # of the requests in an outage
_FAULTS = ("500", "503", "refused", "unanswered", "cut short")
_HOP_BY_HOP = {"connection", "expect", "transfer-encoding", "content-length"}

Outage = Callable[[], AbstractContextManager[object]]


class Outages(threading.Thread):
    """Starts one outage after another, with pauses between them, while used as a context manager.

    Args:
        outages: functions that return a context manager, during which the storage fails; one is chosen each time.
        rng: decides which outage comes next and how long outages and pauses take.

    Attributes:
        count: number of outages so far.
    """

    def __init__(self, outages: Sequence[Outage], rng: random.Random) -> None:
        super().__init__(daemon=True)
        self._outages, self._rng, self._over, self.count = outages, rng, threading.Event(), 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: object, error: object, trace: TracebackType | None) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(self._rng.uniform(*PAUSE_SECONDS)):
            with self._rng.choice(self._outages)():
                self.count += 1
                self._over.wait(self._rng.uniform(*OUTAGE_SECONDS))


@contextmanager
def small_disk(folder: Path, megabytes: int = 64) -> Iterator[list[Outage]]:
    """Puts a folder on a small disk of its own while used as a context manager.

    Args:
        folder: the folder to create. As root it gets a tmpfs, otherwise it is an ordinary folder.
        megabytes: size of the disk.

    Yields:
        Its outages: as root a full and a read-only disk, otherwise missing write permission.
    """
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        yield [lambda: _forbidden(folder)]
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield [lambda: _full(folder), lambda: _read_only(folder)]
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _full(folder: Path) -> Iterator[None]:
    filler = folder / ".filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    yield
    filler.unlink()


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    """Remounts the disk read-only. That fails while a file is open for writing, so it tries for a second."""
    deadline = time.monotonic() + 1
    while not _remounted(folder, "ro") and time.monotonic() < deadline:
        time.sleep(0.02)
    yield
    _remounted(folder, "rw")


def _remounted(folder: Path, mode: str) -> bool:
    command = ["mount", "-o", f"remount,{mode}", str(folder)]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


@contextmanager
def _forbidden(folder: Path) -> Iterator[None]:
    private = folder / ".irodori"  # every write begins with a temporary file in it
    private.mkdir(exist_ok=True)
    private.chmod(0o500)
    yield
    private.chmod(0o700)


class UnreliableS3(ThreadingHTTPServer):
    """Passes requests on to an S3 server while used as a context manager; in an outage most of them fail.

    A request that fails is answered with 500 or 503, refused, carried out but not answered, or answered in part.

    Args:
        upstream: address of the S3 server.
        rng: decides which requests fail and how.

    Attributes:
        upstream: host and port of the S3 server.
        endpoint: address of this proxy.
        faults: number of failed requests, by kind.
    """

    daemon_threads = True

    def __init__(self, upstream: str, rng: random.Random) -> None:
        super().__init__((HOST, 0), _Exchange)
        self.upstream = urlsplit(upstream).netloc
        self.endpoint = f"http://{HOST}:{self.server_port}"
        self.faults: Counter[str] = Counter()
        self._rng, self._failing = rng, threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @contextmanager
    def outage(self) -> Iterator[None]:
        self._failing.set()
        yield
        self._failing.clear()

    def fault(self) -> str:
        """Returns the kind of failure for the next request, "" for none."""
        if not self._failing.is_set() or self._rng.random() > FAILING_SHARE:
            return ""
        fault = self._rng.choice(_FAULTS)
        self.faults[fault] += 1
        return fault

    def handle_error(self, *_: object) -> None:
        """Prints nothing: killed clients break connections off."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: UnreliableS3

    def _exchange(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.fault()
        if fault.isdigit():
            return self._answer(int(fault), {}, b"")
        if fault == "refused":
            return self._hang_up()
        status, headers, answer = self._pass_on(body)
        if fault == "unanswered":
            return self._hang_up()
        self._answer(status, headers, answer, len(answer) // 2 if fault == "cut short" else None)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _exchange

    def _pass_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.server.upstream, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():  # Host, too, because the signature covers it
            if name.lower() not in _HOP_BY_HOP:
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), data

    def _answer(self, status: int, headers: dict[str, str], body: bytes, sent: int | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _HOP_BY_HOP or (name.lower() == "content-length" and self.command == "HEAD"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])
        if sent is not None:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Prints nothing."""
