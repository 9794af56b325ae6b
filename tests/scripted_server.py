"""Runs a real HTTP server on the loopback interface that answers as a test scripts it and logs the requests."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """A request that the server got.

    Attributes:
        target: path and query.
        headers: its headers.
        time: when it began, in seconds of time.monotonic().
        in_flight: number of requests in progress when it began, itself included.
    """

    target: str
    headers: Mapping[str, str]
    time: float
    in_flight: int
    method: str = "GET"
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass(frozen=True)
class Reply:
    """An answer to send.

    Attributes:
        body: the body.
        status: HTTP status code.
        headers: headers besides those for the length.
        length: value of the Content-Length header; -1: the true length; None: no header, a chunked body.
        piece: bytes to send at a time.
        pause_s: seconds to wait after each piece.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = -1
    piece: int = 1 << 16
    pause_s: float = 0.0


class ScriptedServer:
    """Serves answers from a script while used as a context manager.

    Args:
        script: returns the answer to a request.
        robots: answer to /robots.txt; None: status 404.
        port: TCP port to listen on; 0: any free one.

    Attributes:
        log: the requests in the order of their arrival, without those for /robots.txt.
        robots_log: the requests for /robots.txt.
        host: host and port of the server.
        url: its address.
    """

    def __init__(self, script: Callable[[Request], Reply | bytes], robots: Reply | None = None, port: int = 0) -> None:
        self.log: list[Request] = []
        self.robots_log: list[Request] = []
        self._script = script
        self._robots = robots or Reply(status=404)
        self._in_flight = 0
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"server_script": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def begin(self, target: str, headers: Mapping[str, str], method: str = "GET", body: bytes = b"") -> Reply:
        with self._lock:
            self._in_flight += 1
            request = Request(target, headers, time.monotonic(), self._in_flight, method, body)
            (self.robots_log if request.path == "/robots.txt" else self.log).append(request)
        reply = self._robots if request.path == "/robots.txt" else self._script(request)
        return reply if isinstance(reply, Reply) else Reply(reply)

    def end(self) -> None:
        with self._lock:
            self._in_flight -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_script: ScriptedServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self._send(self.server_script.begin(self.path, dict(self.headers), self.command, body))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            self.server_script.end()

    do_GET = do_PUT = _answer

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(reply.body) if reply.length == -1 else reply.length))
        self.end_headers()
        for start in range(0, len(reply.body), reply.piece):
            piece = reply.body[start : start + reply.piece]
            self.wfile.write(piece if reply.length is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
            time.sleep(reply.pause_s)
        if reply.length is None:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = self.close_connection or (reply.length or -1) > len(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        pass
