"""Turns failures of HTTP requests into errors of one line, and counts the refusals of each host."""

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
    """One answer or file cannot be fetched; str() is the reason, in one line."""


class AttemptError(Exception):
    """One attempt failed.

    Attributes:
        passing: whether the failure is temporary, so that a retry may succeed.
        refused_by: the host that refused the request or could not be reached; "" if none.
    """

    def __init__(self, reason: str, *, passing: bool = True, refused_by: str = "") -> None:
        super().__init__(reason)
        self.passing = passing
        self.refused_by = refused_by


class Patience:
    """Counts the consecutive refusals of each host, and ends the run at a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._failures: dict[str, int] = {}
        self._lock = Lock()

    def served(self, host: str) -> None:
        """Resets the count of a host that has answered."""
        with self._lock:
            self._failures[host] = 0

    def refused(self, host: str, reason: str) -> None:
        """Counts one more request that the host refused or that could not reach it.

        Raises:
            SourceError: when the count reaches the limit (its text is one line).
        """
        with self._lock:
            self._failures[host] = num_failures = self._failures.get(host, 0) + 1
        if num_failures >= self._limit:
            raise SourceError(f"{reason}; gave up after {num_failures} times in a row")


@contextmanager
def plain_errors(url: str, timeout_s: float) -> Iterator[None]:
    """Turns errors of requests and urllib3 into errors of one line, without the query, which may contain a key.

    Raises:
        FetchError: if a retry cannot help.
        AttemptError: if a retry may succeed.
    """
    host = _host_of(url)
    try:
        yield
    except exceptions.SSLError:
        raise FetchError(f"{host} has no valid TLS certificate; check address and clock") from None
    except exceptions.ConnectionError as error:
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        if not isinstance(reason, ConnectTimeoutError):  # NewConnectionError, a refused connection, is a subclass
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
    except ValueError:  # raised by urllib.parse
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
    """Returns the reason that an error answer gives, as ": text", or ""."""
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
