"""Downloads within stated limits, and resumes interrupted downloads; threads share one Fetcher."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore, Lock
from typing import Any, Self, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import requests
from protego import Protego
from requests import Response
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential, wait_random
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from scraping.failures import AttemptError, FetchError, Patience, explain, plain_errors
from scraping.guard import GuardedAdapter
from scraping.pacing import Pace, PacedAdapter, Pauses
from scraping.partial import Partial
from scraping.permissions import objection, opts_out
from scraping.politeness import AGENT, Politeness
from scraping.post import Download, Post

__all__ = ["Download", "FetchError", "Fetcher", "shared_fetcher"]

logger = logging.getLogger(__name__)
T = TypeVar("T")

CHUNK_BYTES = 1 << 16
CONNECT_TIMEOUT_S = 10.0
REDIRECTS_MAX = 5
# temporary failures, which are retried; Cloudflare answers 520 to 527 for a server that is down
PASSING = frozenset({408, 416, 425, 429, 500, 502, 503, 504, *range(520, 528)})
UNAVAILABLE = PASSING | frozenset(range(500, 600))  # a robots.txt that cannot be read now, by RFC 9309
PASSING_API = PASSING | {403, 404}  # the APIs of boards also answer these while they limit the rate


class Fetcher:
    """Fetches text and files within the limits of a Politeness.

    It is thread-safe; all threads together keep the limits. Unpickling returns the receiving process's own
    shared Fetcher for the same Politeness.
    """

    def __init__(self, politeness: Politeness | None = None) -> None:
        self.politeness = politeness or Politeness()
        self._slots = BoundedSemaphore(self.politeness.connections)
        self._patience = Patience(self.politeness.give_up_after)
        self._pauses = Pauses()
        self._paces = [
            Pace(per_second, self._pauses)
            for per_second in (self.politeness.api_per_second, self.politeness.files_per_second)
        ]
        self._api, self._files = (self._session(pace) for pace in self._paces)
        self._robots_session = self._session(None)
        self._robots: dict[str, Protego] = {}
        self._robots_lock = Lock()

    def __reduce__(self) -> tuple[Callable[[Politeness], "Fetcher"], tuple[Politeness]]:
        return shared_fetcher, (self.politeness,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        for session in (self._api, self._files, self._robots_session):
            session.close()
        for pace in self._paces:
            pace.close()

    def get_text(self, url: str, params: Mapping[str, str | int] | None = None) -> str:
        """Returns the body at `url` as text; see :meth:`get`."""
        return self.get(url, params, str)

    def get(self, url: str, params: Mapping[str, str | int] | None, read: Callable[[str], T]) -> T:
        """Returns `read` applied to the body at `url`; retries the request if it raises ValueError.

        Raises:
            FetchError: if the body cannot be fetched (its text is one line).
            SourceError: if the host has refused too many requests in a row (its text is one line).
        """
        full_url = f"{url}?{urlencode(params)}" if params else url

        def attempt() -> T:
            body = bytearray()
            with self._open(self._api, full_url, url, PASSING_API) as response:
                self._receive(response, body)
            try:
                return read(body.decode("utf-8-sig", "replace"))
            except ValueError as error:
                raise AttemptError(f"{urlsplit(url).netloc} {error}") from None

        return self._with_retries(attempt)

    def download(self, post: Post | str) -> Download:
        """Downloads the file of a post, or of a URL that is trusted to name its own site.

        A wrong MD5 digest is no error, because sites re-encode files; the result's `md5_ok` tells it.

        Raises:
            FetchError: if this file cannot be fetched (its text is one line).
            SourceError: if its host has refused too many requests in a row (its text is one line).
        """
        if isinstance(post, str):
            post = Post(id=post, file_url=post, post_url=post)
        if not post.file_url:
            raise FetchError("the source gives no file for this post (deleted or restricted)")
        partial = Partial()
        self._with_retries(lambda: self._download(post, partial))
        data = bytes(partial.data)
        _check_picture(data)
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return Download(data, partial.url, md5, md5 == post.md5 if post.md5 else None)

    def _download(self, post: Post, partial: Partial) -> None:
        headers = partial.headers()
        with self._open(self._files, post.file_url, post.post_url, PASSING, headers=headers) as response:
            partial.begin(response)
            self._check_size(partial.size or 0)
            if directive := opts_out(response.headers.get("X-Robots-Tag", ""), AGENT):
                raise FetchError(f"the site forbids use for AI (X-Robots-Tag: {directive})")
            self._receive(response, partial.data)
        partial.check_whole()

    def _check_size(self, num_bytes: int) -> None:
        if num_bytes > self.politeness.max_bytes:
            raise FetchError(f"{num_bytes:,} bytes are more than max_bytes = {self.politeness.max_bytes:,}")

    def _receive(self, response: Response, body: bytearray) -> None:
        """Appends the body of `response`, limited by `max_bytes` and, however slow the server is, `deadline_s`."""
        deadline = time.monotonic() + self.politeness.deadline_s
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
            body += chunk
            self._check_size(len(body))
            if time.monotonic() > deadline:
                raise FetchError(
                    f"{urlsplit(response.url).netloc} sent only {len(body):,} bytes "
                    f"in deadline_s = {self.politeness.deadline_s:g} s"
                )

    @contextmanager
    def _open(
        self, session: requests.Session, url: str, site: str, passing: frozenset[int], **kwargs: Any
    ) -> Iterator[Response]:
        """Sends one permitted, rate-limited request and yields a successful answer; errors have one line."""
        with self._slots, plain_errors(url, self.politeness.timeout_s):
            self._check_permitted(url, site)
            with self._send(session, url, site, **kwargs) as response:
                self._check_status(response, passing)
                yield response

    def _session(self, pace: Pace | None) -> requests.Session:
        session = requests.Session()
        session.headers["User-Agent"] = self.politeness.user_agent
        session.max_redirects = REDIRECTS_MAX
        adapter = PacedAdapter(pace, self.politeness.connections) if pace else GuardedAdapter()
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session

    def _send(self, session: requests.Session, url: str, site: str, **kwargs: Any) -> Response:
        def check_redirect(response: Response, **_: object) -> None:
            if response.is_redirect:
                with _closed_on_error(response):
                    target = urljoin(response.url, response.headers["Location"])
                    self._check_permitted(target, site, robots=session is not self._robots_session)

        timeout_s = self.politeness.timeout_s
        return session.get(
            url,
            stream=True,
            timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s),
            hooks={"response": check_redirect},
            **kwargs,
        )

    def _check_permitted(self, url: str, site: str, *, robots: bool = True) -> None:
        """Checks that the site may refer to `url` and that the robots.txt of its host allows it; else FetchError."""
        if problem := objection(url, site):
            raise FetchError(problem)
        if robots and self.politeness.respect_robots:
            parts = urlsplit(url)
            if not self._robots_of(f"{parts.scheme}://{parts.netloc}").can_fetch(url, AGENT):
                raise FetchError(
                    f"robots.txt of {parts.netloc} asks robots to stay away from {parts.path}; "
                    "if the site allows you in, set respect_robots to false"
                )

    def _robots_of(self, origin: str) -> Protego:
        with self._robots_lock:
            if origin not in self._robots:
                robots = Protego.parse(self._read_robots(origin))
                for pace in self._paces:
                    pace.crawl_delay_s[urlsplit(origin).netloc] = robots.crawl_delay(AGENT) or 0.0
                self._robots[origin] = robots
            return self._robots[origin]

    def _read_robots(self, origin: str) -> str:
        """Returns the text of robots.txt; "" if there is none: by RFC 9309, any status from 400 to 499 but 429."""
        with self._send(self._robots_session, f"{origin}/robots.txt", origin) as response:
            if response.status_code in UNAVAILABLE:
                self._check_status(response, UNAVAILABLE)
            if not response.ok:
                return ""
            body = bytearray()
            self._receive(response, body)
            return body.decode("utf-8-sig", "replace")

    def _check_status(self, response: Response, passing: frozenset[int]) -> None:
        """Returns if the status is a success; otherwise raises the matching error."""
        host, status = urlsplit(response.url).netloc, response.status_code
        if status in {200, 206}:
            self._patience.served(host)
            return
        reason = f"{host} answered {status} {response.reason}{explain(response)}"
        if status == 401:
            reason = f"{reason}; it wants an account"
        if status == 403:
            reason = f"{reason}; wait an hour, ask less often, or use another source"
            raise AttemptError(reason, passing=403 in passing, refused_by=host)
        if status in {429, 503}:
            self._pause(host, response.headers.get("Retry-After", ""), reason)
        raise AttemptError(reason, passing=status in passing)

    def _pause(self, host: str, retry_after: str, reason: str) -> None:
        """Pauses requests to the host for the time in its Retry-After header (seconds or a date)."""
        try:
            seconds = Retry().parse_retry_after(retry_after)
        except InvalidHeader:
            return
        if seconds > self.politeness.retry_after_max_s:
            reason = f"{reason}; it asks to come back in {seconds:,.0f} s: run this again then"
            raise AttemptError(reason, passing=False, refused_by=host)
        self._pauses.ask(host, seconds)

    def _with_retries(self, attempt: Callable[[], T]) -> T:
        """Runs `attempt` until it succeeds or fails permanently, with at most `retries` retries."""
        limits = self.politeness
        retrying = Retrying(
            stop=stop_after_attempt(limits.retries + 1),
            wait=wait_exponential(limits.backoff_s, limits.backoff_max_s) + wait_random(0, limits.backoff_s),
            retry=retry_if_exception(lambda error: isinstance(error, AttemptError) and error.passing),
            before_sleep=_log_attempt,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except AttemptError as error:
            reason = f"{error} ({limits.retries + 1} attempts)" if error.passing else str(error)
            if error.refused_by:
                self._patience.refused(error.refused_by, reason)
            raise FetchError(reason) from None


def shared_fetcher(politeness: Politeness) -> Fetcher:
    """Returns the one Fetcher of this process for these limits, so that all its threads keep them together."""
    with _SHARED_LOCK:  # without it, two threads could each build one
        return _shared_fetcher(politeness)


_SHARED_LOCK = Lock()
_shared_fetcher = cache(Fetcher)


@contextmanager
def _closed_on_error(response: Response) -> Iterator[None]:
    try:
        yield
    except BaseException:
        response.close()
        raise


def _check_picture(data: bytes) -> None:
    start = data[:512].lstrip().lower()
    if not data:
        raise FetchError("the file is empty (0 bytes)")
    if start.startswith((b"<!doctype html", b"<html")):
        raise FetchError("the server sent a web page instead of a picture")


def _log_attempt(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    wait_s = state.next_action.sleep if state.next_action else 0.0
    logger.info("%s; attempt %d in %.1f s", error, state.attempt_number + 1, wait_s)
