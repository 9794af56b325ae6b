"""Tests how fast the HTTP client may be: its rates and connections, and the pauses that a server asks for."""

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from scraping.fetch import Fetcher, shared_fetcher
from scraping.politeness import Politeness
from tests.fetching import PICTURE, QUICK, in_turn, limits
from tests.scripted_server import Reply, Request, ScriptedServer


def date_in(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(("status", "as_date"), [(429, False), (503, True)])
def test_retry_after_is_honoured_by_all_threads(
    fetcher: Fetcher, caplog: pytest.LogCaptureFixture, status: int, as_date: bool
) -> None:
    def script(_: Request) -> Reply | bytes:
        # a date has whole seconds only: this one is one to two seconds ahead
        again = date_in(2) if as_date else "1"
        return Reply(status=status, headers={"Retry-After": again}) if len(server.log) == 1 else b"ok"

    with ScriptedServer(script) as server, caplog.at_level("INFO", logger="scraping.fetch"):
        with ThreadPoolExecutor(3) as pool:
            first = pool.submit(fetcher.get_text, f"{server.url}/first")
            while "attempt 2" not in caplog.text:  # the client has read the answer then
                time.sleep(0.005)
            others = [pool.submit(fetcher.download, f"{server.url}/{n}") for n in range(2)]
        assert first.result() == "ok"
        assert all(other.result().data == b"ok" for other in others)
    assert min(request.time for request in server.log[1:]) - server.log[0].time >= 0.9


def test_a_pause_also_stops_those_who_wait_for_their_turn() -> None:
    busy = Reply(status=429, headers={"Retry-After": "2"})  # read by the client before the next one's turn
    with ScriptedServer(in_turn(busy, PICTURE)) as server, Fetcher(limits(files_per_second=1)) as fetcher:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: fetcher.download(f"{server.url}/{n}"), range(4)))
    starts = sorted(request.time for request in server.log)
    assert starts[1] - starts[0] >= 1.9


def test_the_crawl_delay_slows_the_pace(fetcher: Fetcher) -> None:
    started = time.monotonic()
    with ScriptedServer(in_turn(PICTURE), Reply(b"User-agent: *\nCrawl-delay: 0.3\n")) as server:
        for _ in range(3):
            fetcher.download(f"{server.url}/a.png")
    assert_paced(started, server, 0.3)


def assert_paced(started: float, server: ScriptedServer, interval_s: float) -> None:
    """No request reached the server before its turn, counted from before the first: a busy machine only adds to it."""
    early = [
        number
        for number, start in enumerate(sorted(request.time for request in server.log))
        if start - started < number * (interval_s - 0.001)  # turns are in whole milliseconds
    ]
    assert not early


def test_all_threads_together_keep_rate_and_connections() -> None:
    slow, started = Reply(PICTURE, pause_s=0.05), time.monotonic()
    with ScriptedServer(in_turn(slow)) as server:
        with Fetcher(limits(files_per_second=40, connections=3)) as fetcher, ThreadPoolExecutor(12) as pool:
            list(pool.map(lambda n: fetcher.download(f"{server.url}/{n}"), range(40)))
    assert len(server.log) == 40
    assert max(request.in_flight for request in server.log) <= 3
    assert_paced(started, server, 1 / 40)


def test_listings_and_files_have_their_own_pace() -> None:
    with ScriptedServer(in_turn(b"ok")) as server, Fetcher(limits(api_per_second=2)) as fetcher:
        started = time.monotonic()
        for _ in range(40):
            fetcher.download(f"{server.url}/a.png")
        assert time.monotonic() - started < 39 / 2
        started = time.monotonic()
        for _ in range(3):
            fetcher.get_text(server.url)
        assert time.monotonic() - started >= 0.99


def test_one_fetcher_a_process_also_through_pickle() -> None:
    with shared_fetcher(QUICK) as fetcher:
        assert pickle.loads(pickle.dumps(fetcher)) is fetcher
    with Fetcher(QUICK) as own:
        assert pickle.loads(pickle.dumps(own)) is fetcher


def test_threads_that_start_together_share_one_fetcher() -> None:
    politeness = limits(retries=7)
    with ThreadPoolExecutor(16) as pool:
        fetchers = list(pool.map(lambda _: shared_fetcher(politeness), range(64)))
    assert len(set(map(id, fetchers))) == 1


def test_processes_share_the_limits() -> None:
    share = Politeness(api_per_second=1, files_per_second=2, connections=4).shared_between(4)
    assert (share.api_per_second, share.files_per_second, share.connections) == (0.25, 0.5, 1)


@pytest.mark.parametrize(
    "wrong", [{"files_per_second": 0}, {"connections": 0}, {"contact": "a\nb"}, {"retries": -1}, {"speed": 9}]
)
def test_limits_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Politeness.model_validate(wrong)


def test_a_shorter_pause_does_not_shorten_a_longer_one(caplog: pytest.LogCaptureFixture) -> None:
    """Two are asked at once; the one that is answered later asks for less quiet."""
    both = threading.Barrier(2, timeout=60)

    def script(request: Request) -> Reply | bytes:
        number = server.log.index(request)
        if number > 1:
            return PICTURE
        both.wait()
        while number == 1 and "attempt 2" not in caplog.text:  # the client has read the first answer then
            time.sleep(0.005)
        return Reply(status=429, headers={"Retry-After": "1" if number else "3"})

    with ScriptedServer(script) as server, Fetcher(limits(timeout_s=60)) as fetcher, ThreadPoolExecutor(2) as pool:
        with caplog.at_level("INFO", logger="scraping.fetch"):
            assert all(pool.map(lambda n: fetcher.download(f"{server.url}/{n}"), range(2)))
    assert len(server.log) == 4
    assert server.log[2].time - server.log[1].time >= 2.9
