"""When the next request to a host may go out: rate, crawl delay and pauses that the server asks for."""

import time
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from pyrate_limiter import InMemoryBucket, Limiter, Rate
from pyrate_limiter.abstracts import AbstractBucket, RateItem
from requests import PreparedRequest, Response
from requests_ratelimiter import LimiterAdapter
from requests_ratelimiter.buckets import HostBucketFactory

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

    def wait(self, host: str) -> None:
        """Return when `host` may be asked again."""
        while (rest := self._until.get(host, 0.0) - time.monotonic()) > 0:
            time.sleep(rest)


class HostBuckets(HostBucketFactory):
    """One request each 1 / per_second seconds and host, or slower where robots.txt has a crawl delay."""

    def __init__(self, per_second: float) -> None:
        super().__init__([])
        self.interval_s = 1 / per_second
        self.crawl_delay_s: dict[str, float] = {}

    def get(self, item: RateItem) -> AbstractBucket:
        """The bucket of the host that the item names, made at its first request."""
        if item.name not in self.buckets:
            delay = min(self.crawl_delay_s.get(item.name, 0.0), CRAWL_DELAY_MAX_S)
            interval_ms = max(1, round(1000 * max(self.interval_s, delay)))
            self.buckets[item.name] = InMemoryBucket([Rate(1, interval_ms)])
            self.schedule_leak(self.buckets[item.name])
        bucket: AbstractBucket = self.buckets[item.name]
        return bucket


class PacedAdapter(LimiterAdapter):
    """Sends each request, retries and redirects too, when its host's pace allows it."""

    def __init__(self, buckets: HostBuckets, pauses: Pauses, connections: int) -> None:
        limiter = Limiter(buckets, buffer_ms=1)
        super().__init__(limiter=limiter, limit_statuses=(), pool_maxsize=connections)
        self.pauses = pauses

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Wait for the host's turn, then send."""
        self.pauses.wait(urlsplit(request.url or "").netloc)
        response: Response = super().send(request, *args, **kwargs)
        return response
