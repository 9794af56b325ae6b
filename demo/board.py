"""Serves pictures on this machine as safebooru.org does: listings, tags, files, robots.txt.

``python -m demo.board --port 8765`` serves the demo's drawings until Ctrl-C.
"""

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

from demo import answers, gallery
from demo.answers import Answer
from demo.faults import Faults
from demo.search import BoardPost, search

DEFAULT_LIMIT, MAX_LIMIT = 100, 1000
DEPTH_WALL = 200_000  # posts; beyond it the site answers with an error instead of a page
_HOST = "127.0.0.1"
_PIECE = 1024


@dataclass(frozen=True)
class LoggedRequest:
    """A request that was answered.

    Attributes:
        time: when it began, in seconds of time.monotonic().
        path: path and query.
        user_agent: value of the User-Agent header, "" if there was none.
        status: HTTP status code of the answer.
        in_flight: number of requests being answered when it began, itself included.
    """

    time: float
    path: str
    user_agent: str
    status: int
    in_flight: int


class Board:
    """Serves posts on the loopback interface while used as a context manager.

    Args:
        posts: the posts to serve, in any order.
        faults: the faults to inject; None: none.
        port: TCP port to listen on; 0: any free one.

    Attributes:
        requests: the requests that were answered, in the order in which their answers ended.

    Raises:
        OSError: if the port is in use or not allowed.
        OverflowError: if the port is not within 0..65535.
    """

    def __init__(self, posts: Sequence[BoardPost], faults: Faults | None = None, port: int = 0) -> None:
        self.requests: list[LoggedRequest] = []
        self._posts = list(posts)
        self._faults = faults or Faults()
        self._lock = threading.Lock()
        self._in_flight = 0
        self._api_requests = 0
        self._file_requests: Counter[int] = Counter()
        self._server = _Server((_HOST, port), type("BoardHandler", (_Handler,), {"board": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self._server.server_port}"

    def upload(self, *posts: BoardPost) -> None:
        """Adds posts, also while a client reads the board: a live board gets uploads during a crawl, too."""
        self._posts = [*self._posts, *posts]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, requested_range: str = "") -> Answer:
        """Returns the answer to a GET request, with any fault that applies to it.

        Args:
            path: path and query.
            requested_range: value of the Range header, "" if there is none.
        """
        parts = urlsplit(path)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        if parts.path == "/robots.txt":
            return Answer(b"User-agent: *\nAllow: /\n", "text/plain")
        if parts.path.startswith("/images/"):
            return self._file(parts.path, requested_range)
        if parts.path == "/index.php" and query.get("page") == "dapi":
            return self._faults.on_api(self._next_api_number(), self._api(query))
        if parts.path == "/index.php" and query.get("s") == "view":
            return self._post_page(query.get("id", ""))
        return answers.not_found()

    def _api(self, query: dict[str, str]) -> Answer:
        limit = min(_whole_number(query.get("limit", ""), DEFAULT_LIMIT), MAX_LIMIT)
        if query.get("s") == "tag":
            return answers.tag_listing(self._posts, query.get("name", ""), limit)
        if query.get("s") != "post":
            return Answer(b"", answers.HTML)
        offset = _whole_number(query.get("pid", ""), 0) * limit
        if offset > DEPTH_WALL:
            return answers.refusal("Search error: API limited due to abuse.")
        found = search(self._posts, query.get("tags", ""))
        page = [self._fields(post) for post in found[offset : offset + limit]]
        if query.get("json") == "1":
            return answers.json_listing(page)
        return answers.xml_listing(page, len(found), offset)

    def _fields(self, post: BoardPost) -> answers.Fields:
        return self._faults.on_listed(post, answers.post_fields(post, self.url))

    def _file(self, path: str, requested_range: str) -> Answer:
        directory, _, image = path.removeprefix("/images/").partition("/")
        for post in self._posts:
            if post.image == image and str(post.directory) == directory:
                attempt = self._next_attempt(post.id)
                return self._faults.on_file(post, attempt, answers.file(post, requested_range))
        return answers.not_found()

    def _post_page(self, post_id: str) -> Answer:
        found = [post for post in self._posts if str(post.id) == post_id]
        return answers.post_page(found[0]) if found else answers.not_found()

    def _next_api_number(self) -> int:
        with self._lock:
            self._api_requests += 1
            return self._api_requests - 1

    def _next_attempt(self, post_id: int) -> int:
        with self._lock:
            self._file_requests[post_id] += 1
            return self._file_requests[post_id] - 1

    def begin(self) -> int:
        """Counts a request that begins and returns the number of requests in flight, itself included."""
        with self._lock:
            self._in_flight += 1
            return self._in_flight

    def end(self, request: LoggedRequest) -> None:
        """Counts a request that ends and logs it, before its last bytes are sent: a client that has them finds it."""
        with self._lock:
            self._in_flight -= 1
            self.requests.append(request)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints errors of the board, but no traceback for each client that hangs up."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # head and body are two writes: with Nagle's algorithm the body of a small file waits 40 ms for an acknowledgement
    disable_nagle_algorithm = True
    board: ClassVar[Board]

    def do_GET(self) -> None:
        started, in_flight = time.monotonic(), self.board.begin()
        answer = self.board.answer(self.path, self.headers.get("Range", ""))
        agent = self.headers.get("User-Agent", "")
        body = answer.body[: answer.sent]
        self.close_connection = self.close_connection or answer.sent is not None
        try:
            last = self._send_but_last_piece(answer, body)
        finally:
            self.board.end(LoggedRequest(started, self.path, agent, answer.status, in_flight))
        self.wfile.write(last)

    def _send_but_last_piece(self, answer: Answer, body: bytes) -> bytes:
        if answer.sent != 0:
            self._send_head(answer)
        while answer.pause_s and len(body) > _PIECE:
            self.wfile.write(body[:_PIECE])
            body = body[_PIECE:]
            time.sleep(answer.pause_s)
        return body

    def _send_head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Writes nothing to stderr: the board keeps its own log."""


def _whole_number(text: str, default: int) -> int:
    return int(text) if text.isdecimal() else default


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.board", description="Serves the demo's drawings.")
    parser.add_argument("--port", type=int, default=8765, help="where to listen (default %(default)s)")
    port = parser.parse_args().port
    try:
        board = Board([], port=port)
    except (OSError, OverflowError) as error:
        raise SystemExit(f"cannot listen on port {port} ({error}): give another with --port") from None
    board.upload(*gallery.demo_posts())
    with board:
        print(f"The demo's drawings are at {board.url} (Ctrl-C stops)", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
