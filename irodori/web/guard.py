"""Stands before the page: who may call, from which pages, under which name, and what browsers may do with answers."""

import ipaddress
import json
import logging
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from irodori.web.refusal import Refused
from storage import StorageError

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MOST_OPEN = 512  # calls at one time
_log = logging.getLogger(__name__)
_SAFE = ("GET", "HEAD", "OPTIONS")
_MINUTE = 60.0


class Guard:
    """ASGI middleware.

    It refuses names that this machine does not have (against DNS rebinding), calls that other web pages make, calls
    without the token where one is needed, and more calls a minute than a client may make.
    """

    def __init__(self, app: ASGIApp, *, names: Sequence[str] = (), token: str = "", calls_each: int) -> None:
        """Makes a guard.

        Args:
            app: what it stands before.
            names: host names of this page, besides those of this machine and addresses in numbers.
            token: what calls must bear in `Authorization: Bearer`; "": nothing.
            calls_each: calls in a minute that one client may make.
        """
        own = socket.gethostname().lower()
        self._app, self._token = app, token
        self._names = {"localhost", own, f"{own}.local", *(name.lower() for name in names)}
        self._calls, self._open = _Calls(calls_each), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a call, or passes it on."""
        if scope["type"] != "http":
            return

        begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        self._open += 1
        try:
            self._check(scope, Headers(scope=scope))
            await self._app(scope, receive, send_guarded)
        except Refused as refused:
            await _answer(refused, send_guarded)
        except Exception as error:
            if begun:
                raise
            await _answer(_explained(error), send_guarded)
        finally:
            self._open -= 1

    def _check(self, scope: Scope, headers: Headers) -> None:
        host = headers.get("host", "")
        if self._open > MOST_OPEN:
            raise Refused(503, "too many call at this moment: try again soon", 5)
        if not self._is_own(host):
            raise Refused(421, f"this page is not called {host[:80]!r}: start it with --name, or use its address")
        if scope["method"] not in _SAFE and not _is_from_here(headers, host):
            raise Refused(403, "this call comes from another web page, and is not carried out")
        if scope["path"].startswith("/api/"):
            given = headers.get("authorization", "").removeprefix("Bearer ").encode()
            if self._token and not secrets.compare_digest(given, self._token.encode()):
                raise Refused(401, "open the page by the whole link that its owner has, with what comes after the #")
            self._calls.note(client_of(scope))

    def _is_own(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and not host.endswith("]") else host
        if name.lower() in self._names:
            return True
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True


def client_of(scope: Scope) -> str:
    """Returns the client's address; of IPv6, the network that one household has."""
    try:
        address = ipaddress.ip_address((scope.get("client") or ("",))[0])
    except ValueError:
        return "unknown"
    address = getattr(address, "ipv4_mapped", None) or address
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)


class _Calls:
    """Counts the calls of each client in the present minute."""

    def __init__(self, most: int, clock: Callable[[], float] = monotonic) -> None:
        self._most, self._clock = most, clock
        self._minute, self._counts = 0.0, Counter[str]()

    def note(self, client: str) -> None:
        minute, into = divmod(self._clock(), _MINUTE)
        if minute != self._minute:
            self._minute, self._counts = minute, Counter()
        self._counts[client] += 1
        if self._counts[client] > self._most:
            raise Refused(429, f"more than {self._most} calls in a minute: wait a little", 1 + int(_MINUTE - into))


def _is_from_here(headers: Headers, host: str) -> bool:
    """Tells whether a call that changes something comes from this page, or from no page at all."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == host


def as_json(refused: Refused) -> tuple[bytes, dict[str, str]]:
    """Returns the body and headers of the answer to a call that is refused."""
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    if refused.retry_after is not None:
        headers["Retry-After"] = str(refused.retry_after)
    return json.dumps({"error": str(refused)}).encode(), headers


def _explained(error: Exception) -> Refused:
    """Returns what a caller is told of a fault of this side; the log says the rest."""
    _log.error("a call of the page failed", exc_info=error)
    if isinstance(error, StorageError | SQLAlchemyError):
        return Refused(503, "the storage or the database of this page does not answer: try again soon", 10)
    return Refused(500, "the page met a fault of its own; its log says which")


async def _answer(refused: Refused, send: Send) -> None:
    body, headers = as_json(refused)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
