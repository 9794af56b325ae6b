"""Tests the HTTP client's requests: how files and texts arrive, what is tried again, and when it gives up."""

import hashlib
import itertools
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from scraping.fetch import Fetcher, FetchError
from scraping.post import Post, SourceError
from tests.fetching import PICTURE, in_turn, limits
from tests.scripted_server import Reply, Request, ScriptedServer


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
