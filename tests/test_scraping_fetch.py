"""Tests the HTTP client: retries, rate limits, resumed downloads, robots.txt and refused addresses."""

import gzip
import hashlib
import itertools
import logging
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from scraping import permissions
from scraping.fetch import Fetcher, FetchError, shared_fetcher
from scraping.politeness import Politeness
from scraping.post import Post, SourceError
from tests.scripted_server import Reply, Request, ScriptedServer

PICTURE = b"\x89PNG" + bytes(range(256)) * 400
QUICK = Politeness(api_per_second=1000, files_per_second=1000, retries=3, backoff_s=0.01, timeout_s=2)


def limits(**changes: object) -> Politeness:
    return Politeness.model_validate(QUICK.model_dump() | changes)


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(QUICK) as fetcher:
        yield fetcher


def in_turn(*replies: Reply | bytes) -> Callable[[Request], Reply | bytes]:
    """Makes a script that sends each reply once and repeats the last one."""
    turns = itertools.chain(replies, itertools.repeat(replies[-1]))
    return lambda _request: next(turns)


def test_a_file_arrives_with_its_digest(fetcher: Fetcher) -> None:
    with ScriptedServer(in_turn(PICTURE)) as server:
        download = fetcher.download(f"{server.url}/a.png")
    assert download.data == PICTURE
    assert download.md5 == hashlib.md5(PICTURE).hexdigest()
    assert download.md5_ok is None


@pytest.mark.parametrize(("claimed", "ok"), [(hashlib.md5(PICTURE).hexdigest(), True), ("0" * 32, False)])
def test_another_digest_is_told_not_raised(fetcher: Fetcher, claimed: str, ok: bool) -> None:
    with ScriptedServer(in_turn(PICTURE)) as server:
        post = Post(id="x:1", file_url=f"{server.url}/a.png", post_url=server.url, md5=claimed)
        download = fetcher.download(post)
    assert (download.data, download.md5_ok) == (PICTURE, ok)


def test_the_user_agent_is_honest() -> None:
    with ScriptedServer(in_turn(b"ok")) as server, Fetcher(limits(contact="me@example.org")) as fetcher:
        fetcher.get_text(server.url)
    agents = {request.headers["User-Agent"] for request in server.log + server.robots_log}
    assert agents == {"Irodori/0.1 (+me@example.org)"}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 522])
def test_a_passing_failure_is_tried_again(fetcher: Fetcher, status: int) -> None:
    with ScriptedServer(in_turn(Reply(status=status), Reply(status=status), PICTURE)) as server:
        assert fetcher.download(f"{server.url}/a.png").data == PICTURE
    assert len(server.log) == 3


def test_attempts_are_bounded(fetcher: Fetcher) -> None:
    with ScriptedServer(in_turn(Reply(status=500))) as server:
        with pytest.raises(FetchError, match=r"answered 500 Internal Server Error \(4 attempts\)$"):
            fetcher.download(f"{server.url}/a.png")
    assert len(server.log) == 4


def test_a_missing_file_is_not_asked_for_again_but_a_missing_listing_is(fetcher: Fetcher) -> None:
    with ScriptedServer(in_turn(Reply(status=404))) as server:
        with pytest.raises(FetchError, match=r"answered 404 Not Found$"):
            fetcher.download(f"{server.url}/a.png")
        assert len(server.log) == 1
        with pytest.raises(FetchError, match=r"404 Not Found \(4 attempts\)$"):
            fetcher.get_text(f"{server.url}/index.php")
        assert len(server.log) == 5


def test_waits_between_attempts_grow() -> None:
    with ScriptedServer(in_turn(Reply(status=500))) as server, Fetcher(limits(backoff_s=0.05)) as fetcher:
        with pytest.raises(FetchError):
            fetcher.download(f"{server.url}/a.png")
    gaps = [b.time - a.time for a, b in itertools.pairwise(server.log)]
    assert [gap >= least for gap, least in zip(gaps, [0.05, 0.1, 0.2], strict=True)] == [True] * 3
    assert sum(gaps) < 15  # in another unit it would be minutes; a busy machine may add to it


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


def test_a_server_that_asks_for_hours_is_left_alone(fetcher: Fetcher) -> None:
    with ScriptedServer(in_turn(Reply(status=429, headers={"Retry-After": "7200"}))) as server:
        with pytest.raises(FetchError, match=r"429 Too Many Requests; it asks to come back in 7,200 s"):
            fetcher.download(f"{server.url}/a.png")
    assert len(server.log) == 1


def test_a_host_that_refuses_again_and_again_is_left_alone(fetcher: Fetcher) -> None:
    challenge = Reply(b"<html>Just a moment...</html>", 403, {"cf-mitigated": "challenge"})
    with ScriptedServer(in_turn(challenge)) as server:
        for _ in range(4):
            with pytest.raises(FetchError, match=r"403 Forbidden: a check for browsers \(Cloudflare\);"):
                fetcher.download(f"{server.url}/a.png")
        with pytest.raises(SourceError, match=r"another source; gave up after 5 times in a row$"):
            fetcher.download(f"{server.url}/a.png")
        assert len(server.log) == 5


def test_a_success_between_refusals_keeps_the_host(fetcher: Fetcher) -> None:
    with ScriptedServer(lambda r: PICTURE if "ok" in r.path else Reply(status=403)) as server:
        for _ in range(4):
            for _ in range(3):
                with pytest.raises(FetchError):
                    fetcher.download(f"{server.url}/refused")
            fetcher.download(f"{server.url}/ok")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (
            "http://127.0.0.1:9",
            "cannot reach 127.0.0.1:9: connection refused; check the address and the network",
        ),
        (
            "http://no-such-host.invalid",
            "cannot reach no-such-host.invalid: no address is known for that name",
        ),
    ],
)
def test_an_unreachable_host_ends_the_run_in_one_line(address: str, words: str) -> None:
    with Fetcher(limits(give_up_after=2)) as fetcher:
        with pytest.raises(FetchError):
            fetcher.get_text(f"{address}/index.php")
        with pytest.raises(SourceError) as caught:
            fetcher.get_text(f"{address}/index.php")
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def test_a_server_that_comes_back_was_only_away() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with Fetcher(limits(retries=5, backoff_s=0.1)) as fetcher, ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(fetcher.download, f"http://127.0.0.1:{port}/{n}") for n in range(8)]
        time.sleep(0.25)
        with ScriptedServer(in_turn(PICTURE), port=port):
            assert [download.result().data for download in waiting] == [PICTURE] * 8


def test_silence_is_bounded() -> None:
    given_up = threading.Event()

    def silent(request: Request) -> bytes:
        given_up.wait(60)
        return b""

    with ScriptedServer(silent) as server, Fetcher(limits(timeout_s=1.0, retries=1)) as fetcher:
        with pytest.raises(FetchError, match=r"was silent for 1 s \(2 attempts\)$"):
            fetcher.download(f"{server.url}/a.png")
        given_up.set()


def test_a_slow_drip_is_bounded_in_time() -> None:
    drip = Reply(PICTURE, piece=10, pause_s=0.05)
    with ScriptedServer(in_turn(drip)) as server, Fetcher(limits(deadline_s=0.5)) as fetcher:
        started = time.monotonic()
        with pytest.raises(FetchError, match=r"sent only \d+ bytes in deadline_s = 0.5 s$"):
            fetcher.download(f"{server.url}/a.png")
        assert time.monotonic() - started < 60  # the whole would take minutes


@pytest.mark.parametrize("length", [-1, None])
def test_size_is_bounded_with_and_without_a_content_length(length: int | None) -> None:
    with ScriptedServer(in_turn(Reply(PICTURE, length=length))) as server:
        with Fetcher(limits(max_bytes=50_000)) as fetcher:
            with pytest.raises(FetchError, match=r"bytes are more than max_bytes = 50,000$"):
                fetcher.download(f"{server.url}/a.png")
    assert len(server.log) == 1


def ranged(request: Request, data: bytes, breaks_after: int, **headers: str) -> Reply:
    """Serves at most `breaks_after` bytes of the requested range, then closes the connection."""
    start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    if not start:
        return Reply(data[:breaks_after], 200, headers, len(data))
    content_range = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
    return Reply(data[start : start + breaks_after], 206, headers | content_range, len(data) - start)


def test_a_broken_download_continues_where_it_stopped(fetcher: Fetcher) -> None:
    with ScriptedServer(lambda r: ranged(r, PICTURE, 40_000, ETag='"v1"')) as server:
        assert fetcher.download(f"{server.url}/a.png").data == PICTURE
    assert [r.headers.get("Range") for r in server.log] == [None, "bytes=40000-", "bytes=80000-"]
    assert [r.headers.get("If-Range") for r in server.log] == [None, '"v1"', '"v1"']


def test_a_compressed_file_is_not_continued_but_fetched_again(fetcher: Fetcher) -> None:
    compressed = gzip.compress(PICTURE)
    broken = Reply(compressed[:200], headers={"Content-Encoding": "gzip"}, length=len(compressed))
    whole = Reply(compressed, headers={"Content-Encoding": "gzip"})
    with ScriptedServer(in_turn(broken, whole)) as server:
        assert fetcher.download(f"{server.url}/a.png").data == PICTURE
    assert all("Range" not in request.headers for request in server.log)


def test_a_server_without_ranges_sends_the_whole_file_again(fetcher: Fetcher) -> None:
    broken = Reply(PICTURE[:30_000], length=len(PICTURE))
    with ScriptedServer(in_turn(broken, PICTURE)) as server:
        assert fetcher.download(f"{server.url}/a.png").data == PICTURE
    assert len(server.log) == 2


@pytest.mark.parametrize("content_range", ["bytes 5-9/10", "nonsense", "bytes 30000-30009/9"])
def test_a_continuation_at_a_wrong_place_starts_again(fetcher: Fetcher, content_range: str) -> None:
    wrong = Reply(b"0123456789", 206, {"Content-Range": content_range})
    replies: list[Reply | bytes] = [Reply(PICTURE[:30_000], length=len(PICTURE)), wrong, PICTURE]
    with ScriptedServer(in_turn(*replies)) as server:
        assert fetcher.download(f"{server.url}/a.png").data == PICTURE
    assert "Range" not in server.log[2].headers


def test_a_range_that_no_longer_exists_starts_again(fetcher: Fetcher) -> None:
    replies: list[Reply | bytes] = [Reply(PICTURE[:30_000], length=len(PICTURE)), Reply(status=416), PICTURE]
    with ScriptedServer(in_turn(*replies)) as server:
        assert fetcher.download(f"{server.url}/a.png").data == PICTURE


def test_a_file_that_always_breaks_off_has_a_reason(fetcher: Fetcher) -> None:
    with ScriptedServer(in_turn(Reply(b"x" * 10, length=99))) as server:
        with pytest.raises(FetchError, match=r"broke off in the middle \(4 attempts\)$"):
            fetcher.download(f"{server.url}/a.png")


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"", "empty"), (b"\n<!DOCTYPE html><p>no", "a web page instead"), (b"<HTML>", "a web page instead")],
)
def test_what_is_no_picture_has_a_reason(fetcher: Fetcher, body: bytes, words: str) -> None:
    with ScriptedServer(in_turn(body)) as server, pytest.raises(FetchError, match=words):
        fetcher.download(f"{server.url}/a.png")


def test_a_post_without_a_file_has_a_reason(fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match="gives no file"):
        fetcher.download(Post(id="x:1", file_url="", post_url="https://example.org/1"))


def test_redirects_are_followed_within_the_site(fetcher: Fetcher) -> None:
    with ScriptedServer(
        lambda r: Reply(PICTURE) if r.path == "/b" else Reply(status=302, headers={"Location": "/b"})
    ) as server:
        download = fetcher.download(f"{server.url}/a")
    assert (download.data, download.url) == (PICTURE, f"{server.url}/b")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://elsewhere.example/x", "elsewhere.example does not belong to 127.0.0.1"),
        ("http://169.254.169.254/latest", "169.254.169.254 does not belong to 127.0.0.1"),
        ("file:///etc/passwd", "not a web address"),
        ("http://[", "not a web address"),
    ],
)
def test_redirects_out_of_the_site_are_refused(fetcher: Fetcher, target: str, words: str) -> None:
    with ScriptedServer(in_turn(Reply(status=302, headers={"Location": target}))) as server:
        with pytest.raises(FetchError, match=words):
            fetcher.download(f"{server.url}/a.png")


def test_endless_redirects_end(fetcher: Fetcher) -> None:
    with ScriptedServer(in_turn(Reply(status=302, headers={"Location": "/again"}))) as server:
        with pytest.raises(FetchError, match="exceeded 5 redirects"):
            fetcher.download(f"{server.url}/a.png")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://127.0.0.1:9/x", "//evil.example/x", "gopher://x/"])
def test_a_board_cannot_send_us_elsewhere(fetcher: Fetcher, url: str) -> None:
    with pytest.raises(FetchError, match=r"does not belong to safebooru\.org|not a web address"):
        fetcher.download(Post(id="x:1", file_url=url, post_url="https://safebooru.org/1"))


def test_a_public_site_cannot_send_us_to_a_private_address(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = {"safebooru.org": "104.26.10.1", "a.safebooru.org": "10.0.0.7", "b.safebooru.org": "fd00::1"}
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port: [(2, 1, 6, "", (addresses[host], 0))])
    permissions.is_private.cache_clear()
    for host in ("a.safebooru.org", "b.safebooru.org"):
        reason = permissions.objection(f"https://{host}/a.png", "https://safebooru.org")
        assert reason == f"{host} is a private address, but safebooru.org is public"
    assert permissions.objection("https://safebooru.org/a.png", "https://safebooru.org") is None
    permissions.is_private.cache_clear()


@pytest.fixture
def rebinding(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yields a host name that resolves to a public address the first time and to this machine from then on."""
    name, answers = "rebinding.example", itertools.chain(["93.184.216.34"], itertools.repeat("127.0.0.1"))
    look_up = socket.getaddrinfo

    def answer(host: str | bytes | None, *args: Any, **kwargs: Any) -> Any:
        return look_up(next(answers) if host in (name, name.encode()) else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    permissions.is_private.cache_clear()
    yield name
    permissions.is_private.cache_clear()


def test_a_name_that_turns_private_gets_no_request(fetcher: Fetcher, rebinding: str) -> None:
    with ScriptedServer(in_turn(PICTURE)) as server:
        with pytest.raises(FetchError, match=r"^rebinding\.example now leads to the private address 127\.0\.0\.1"):
            fetcher.download(server.url.replace("127.0.0.1", rebinding) + "/a.png")
        assert (server.log, server.robots_log) == ([], [])


def test_nor_does_it_without_robots_txt(rebinding: str) -> None:
    with ScriptedServer(in_turn(PICTURE)) as server, Fetcher(limits(respect_robots=False)) as fetcher:
        with pytest.raises(FetchError, match="private address"):
            fetcher.download(server.url.replace("127.0.0.1", rebinding) + "/a.png")
        assert server.log == []


@pytest.mark.parametrize(
    ("host", "site", "same"),
    [
        ("cdn.donmai.us", "danbooru.donmai.us", True),
        ("img3.gelbooru.com", "gelbooru.com", True),
        ("files.yande.re", "yande.re", True),
        ("safebooru.org.evil.example", "safebooru.org", False),
        ("evilsafebooru.org", "safebooru.org", False),
        ("evil.co.uk", "board.co.uk", False),
        ("img.board.co.uk", "board.co.uk", True),
        ("10.0.0.1", "192.0.0.1", False),
        ("localhost", "board", False),
    ],
)
def test_which_hosts_belong_to_a_site(host: str, site: str, same: bool) -> None:
    assert permissions.same_site(host, site) is same


def test_robots_txt_is_obeyed_and_asked_for_once(fetcher: Fetcher) -> None:
    robots = Reply(b"User-agent: irodori\nDisallow: /private\n\nUser-agent: *\nDisallow: /\n")
    with ScriptedServer(in_turn(PICTURE), robots) as server:
        for _ in range(3):
            fetcher.download(f"{server.url}/open/a.png")
            with pytest.raises(FetchError, match=r"^robots.txt of .* asks .* to stay away from /private/a.png"):
                fetcher.download(f"{server.url}/private/a.png")
    assert len(server.robots_log) == 1
    assert {request.path for request in server.log} == {"/open/a.png"}


def test_robots_txt_may_forbid_a_query(fetcher: Fetcher) -> None:
    with ScriptedServer(in_turn(b"ok"), Reply(b"User-agent: *\nDisallow: /index.php?page=dapi\n")) as server:
        assert fetcher.get_text(f"{server.url}/index.php", {"page": "post"}) == "ok"
        with pytest.raises(FetchError, match=r"stay away from /index\.php;"):
            fetcher.get_text(f"{server.url}/index.php", {"page": "dapi", "api_key": "s3cret"})


def test_robots_txt_also_holds_behind_a_redirect(fetcher: Fetcher) -> None:
    moved = Reply(status=302, headers={"Location": "/private/a.png"})
    with ScriptedServer(in_turn(moved), Reply(b"User-agent: *\nDisallow: /private\n")) as server:
        with pytest.raises(FetchError, match=r"stay away from /private/a\.png"):
            fetcher.download(f"{server.url}/a.png")
    assert len(server.log) == 1


def test_robots_txt_can_be_set_aside() -> None:
    with ScriptedServer(in_turn(PICTURE), Reply(b"User-agent: *\nDisallow: /\n")) as server:
        with Fetcher(limits(respect_robots=False)) as fetcher:
            assert fetcher.download(f"{server.url}/a.png").data == PICTURE
    assert server.robots_log == []


def test_a_site_whose_robots_txt_fails_is_left_alone(fetcher: Fetcher) -> None:
    with ScriptedServer(in_turn(PICTURE), Reply(status=503)) as server:
        with pytest.raises(FetchError, match=r"answered 503"):
            fetcher.download(f"{server.url}/a.png")
    assert server.log == []


def test_the_crawl_delay_slows_the_pace(fetcher: Fetcher) -> None:
    started = time.monotonic()
    with ScriptedServer(in_turn(PICTURE), Reply(b"User-agent: *\nCrawl-delay: 0.3\n")) as server:
        for _ in range(3):
            fetcher.download(f"{server.url}/a.png")
    assert_paced(started, server, 0.3)


@pytest.mark.parametrize(
    ("header", "directive"),
    [
        ("noai", "noai"),
        ("noindex, NoImageAI", "noimageai"),
        ("irodori: noai", "noai"),
        ("otherbot: noai", None),
        ("noindex, nofollow", None),
        ("", None),
    ],
)
def test_opting_out_of_ai_is_respected(fetcher: Fetcher, header: str, directive: str | None) -> None:
    with ScriptedServer(in_turn(Reply(PICTURE, headers={"X-Robots-Tag": header}))) as server:
        if directive is None:
            assert fetcher.download(f"{server.url}/a.png").data == PICTURE
        else:
            with pytest.raises(FetchError, match=rf"forbids use for AI \(X-Robots-Tag: {directive}\)$"):
                fetcher.download(f"{server.url}/a.png")


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


def test_a_key_in_the_query_shows_up_nowhere(fetcher: Fetcher, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "scraping")
    with ScriptedServer(in_turn(Reply(status=500))) as server, pytest.raises(FetchError) as caught:
        fetcher.get_text(server.url, {"api_key": "s3cret"})
    assert server.log[0].query == {"api_key": "s3cret"}
    with pytest.raises(FetchError) as unreachable:
        fetcher.get_text("http://127.0.0.1:9/", {"api_key": "s3cret"})
    assert "attempt 2 in" in caplog.text
    assert "s3cret" not in caplog.text + str(caught.value) + str(unreachable.value)


def test_a_text_that_cannot_be_read_is_asked_for_again(fetcher: Fetcher) -> None:
    with ScriptedServer(in_turn(b"", b"4", b"5")) as server:
        assert fetcher.get(server.url, None, int) == 4
    assert len(server.log) == 2


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
