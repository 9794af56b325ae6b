"""What can go wrong on the way to a host, in one line each."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from urllib.parse import urlsplit

from requests import Response, exceptions
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)

from scraping.post import SourceError


class FetchError(Exception):
    """One answer or file cannot be had; str() is the reason, in one line."""


class AttemptError(Exception):
    """One attempt failed. `passing`: another may not; `refused_by`: the host that seems closed to us."""

    def __init__(self, reason: str, *, passing: bool = True, refused_by: str = "") -> None:
        super().__init__(reason)
        self.passing = passing
        self.refused_by = refused_by


class Patience:
    """Counts what was refused in a row by each host, and ends the run when it is too much."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._failures: dict[str, int] = {}
        self._lock = Lock()

    def served(self, host: str) -> None:
        """The host works."""
        with self._lock:
            self._failures[host] = 0

    def refused(self, host: str, reason: str) -> None:
        """The host refused one more thing, or could not be reached for it; SourceError at the limit."""
        with self._lock:
            self._failures[host] = num_failures = self._failures.get(host, 0) + 1
        if num_failures >= self._limit:
            raise SourceError(f"{reason}; gave up after {num_failures} times in a row")


@contextmanager
def plain_errors(url: str, timeout_s: float) -> Iterator[None]:
    """Turn what requests and urllib3 raise into one line without the query, which may hold a key."""
    host = _host_of(url)
    try:
        yield
    except exceptions.SSLError:
        raise FetchError(f"{host} has no valid TLS certificate; check address and clock") from None
    except exceptions.ConnectionError as error:
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        if not isinstance(reason, ConnectTimeoutError):  # a refused connection is one, too
            raise AttemptError(f"{host} broke the connection") from None
        line = f"cannot reach {host}: {_why_unreachable(reason)}; check the address and the network"
        raise AttemptError(line, refused_by=host) from None
    except (exceptions.Timeout, ReadTimeoutError):
        raise AttemptError(f"{host} was silent for {timeout_s:g} s") from None
    except exceptions.TooManyRedirects as error:
        raise FetchError(f"{host}: {str(error).lower()}") from None
    except (HTTPError, exceptions.ChunkedEncodingError):
        raise AttemptError(f"{host} broke off in the middle") from None
    except exceptions.RequestException as error:
        raise FetchError(f"cannot ask {host}: {type(error).__name__}") from None
    except ValueError:  # by urllib.parse
        raise FetchError(f"{host} leads to what is not a web address") from None


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return repr(url[:100])


def _why_unreachable(reason: Exception) -> str:
    if isinstance(reason, NameResolutionError):
        return "no address is known for that name"
    if isinstance(reason, NewConnectionError):
        return re.sub(r"^.*: (\[Errno -?\d+\] )?", "", str(reason)).lower()
    return "it does not answer"


def explain(response: Response) -> str:
    """What an error answer says for itself, as ": text", or ""."""
    if response.headers.get("cf-mitigated") == "challenge":
        return ": a check for browsers (Cloudflare)"
    body = bytes(response.raw.read1(4096, decode_content=True) or b"").strip()
    if b"Just a moment" in body:
        return ": a check for browsers"
    try:
        answer = json.loads(body)
        text = answer.get("message") or answer.get("reason") or answer.get("error")
    except (ValueError, AttributeError):
        return ""
    return f": {' '.join(str(text).split())[:200]}" if text else ""
