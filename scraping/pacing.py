"""When the next request to a host may go out: rate, crawl delay, and pauses that the server asks for."""

import time
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from pyrate_limiter import AbstractBucket, BucketFactory, InMemoryBucket, Limiter, Rate, RateItem
from requests import PreparedRequest, Response

from scraping.guard import GuardedAdapter

CRAWL_DELAY_MAX_S = 60.0


class Pauses:
    """Hosts that asked for quiet, shared by everything that talks to them."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = Lock()

    def ask(self, host: str, seconds: float) -> None:
        """Let no request to `host` start in the next `seconds`."""
        with self._lock:
            self._until[host] = max(self._until.get(host, 0.0), time.monotonic() + seconds)

    def rest(self, host: str) -> float:
        """Seconds until `host` may be asked again; 0 or less for now."""
        return self._until.get(host, 0.0) - time.monotonic()


class Pace(BucketFactory):
    """One request each 1 / per_second seconds and host, or slower where robots.txt has a crawl delay."""

    def __init__(self, per_second: float, pauses: Pauses) -> None:
        self.crawl_delay_s: dict[str, float] = {}
        self._interval_s = 1 / per_second
        self._pauses = pauses
        self._buckets: dict[str, InMemoryBucket] = {}
        self._limiter = Limiter(self, buffer_ms=1)

    def wait(self, host: str) -> None:
        """Return when it is the caller's turn to ask `host`."""
        while True:
            while (rest := self._pauses.rest(host)) > 0:
                time.sleep(rest)
            self._limiter.try_acquire(host)
            if self._pauses.rest(host) <= 0:  # a pause may have begun while we waited for our turn
                return

    def wrap_item(self, name: str, weight: int = 1) -> RateItem:
        """One request to the host `name`, for the limiter."""
        now = self._bucket(name).now()  # type: ignore[no-untyped-call]
        return RateItem(name, now, weight)

    def get(self, item: RateItem) -> AbstractBucket:
        """The bucket of the host that the item names, for the limiter."""
        return self._bucket(item.name)

    def _bucket(self, host: str) -> InMemoryBucket:
        if host not in self._buckets:
            delay = min(self.crawl_delay_s.get(host, 0.0), CRAWL_DELAY_MAX_S)
            bucket = InMemoryBucket([Rate(1, max(1, round(1000 * max(self._interval_s, delay))))])
            self.schedule_leak(bucket)
            self._buckets[host] = bucket
        return self._buckets[host]


class PacedAdapter(GuardedAdapter):
    """Sends each request, redirects and repetitions too, at its host's pace."""

    def __init__(self, pace: Pace, connections: int) -> None:
        super().__init__(pool_maxsize=connections)
        self.pace = pace

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Wait for the host's turn, then send."""
        self.pace.wait(urlsplit(request.url or "").netloc)
        return super().send(request, *args, **kwargs)
