"""Limits the rate of requests to each host: rate limit, crawl delay, and pauses that the server asks for."""

import time
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from pyrate_limiter import AbstractBucket, BucketFactory, InMemoryBucket, Limiter, Rate, RateItem
from requests import PreparedRequest, Response

from scraping.guard import GuardedAdapter

CRAWL_DELAY_MAX_S = 60.0


class Pauses:
    """The pauses that hosts have asked for, shared by all rate limits."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = Lock()

    def ask(self, host: str, seconds: float) -> None:
        """Starts a pause: no request to `host` starts in the next `seconds`."""
        with self._lock:
            self._until[host] = max(self._until.get(host, 0.0), time.monotonic() + seconds)

    def rest(self, host: str) -> float:
        """Returns the seconds until the next request to `host` may start; 0 or less means now."""
        return self._until.get(host, 0.0) - time.monotonic()


class Pace(BucketFactory):
    """A rate limit for each host: one request every 1 / `per_second` seconds, or every crawl delay if that is longer.

    Attributes:
        crawl_delay_s: the crawl delay in robots.txt by host, in seconds; at most CRAWL_DELAY_MAX_S counts.
    """

    def __init__(self, per_second: float, pauses: Pauses) -> None:
        self.crawl_delay_s: dict[str, float] = {}
        self._interval_s = 1 / per_second
        self._pauses = pauses
        self._buckets: dict[str, InMemoryBucket] = {}
        self._limiter = Limiter(self, buffer_ms=1)

    def wait(self, host: str) -> None:
        """Blocks until the caller may send its request to `host`."""
        while True:
            while (rest := self._pauses.rest(host)) > 0:
                time.sleep(rest)
            self._limiter.try_acquire(host)
            if self._pauses.rest(host) <= 0:  # a pause may have begun while the limiter blocked
                return

    def wrap_item(self, name: str, weight: int = 1) -> RateItem:
        """Returns an item for one request to the host `name`; called by the limiter."""
        now = self._bucket(name).now()  # type: ignore[no-untyped-call]
        return RateItem(name, now, weight)

    def get(self, item: RateItem) -> AbstractBucket:
        """Returns the bucket of the item's host; called by the limiter."""
        return self._bucket(item.name)

    def _bucket(self, host: str) -> InMemoryBucket:
        if host not in self._buckets:
            delay = min(self.crawl_delay_s.get(host, 0.0), CRAWL_DELAY_MAX_S)
            bucket = InMemoryBucket([Rate(1, max(1, round(1000 * max(self._interval_s, delay))))])
            self.schedule_leak(bucket)
            self._buckets[host] = bucket
        return self._buckets[host]


class PacedAdapter(GuardedAdapter):
    """Sends each request, including redirects and retries, within its host's rate limit."""

    def __init__(self, pace: Pace, connections: int) -> None:
        super().__init__(pool_maxsize=connections)
        self.pace = pace

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Waits until the rate limit allows the request, then sends it."""
        self.pace.wait(urlsplit(request.url or "").netloc)
        return super().send(request, *args, **kwargs)
