"""Tests downloads that break off: they go on where they stopped if the server can, else begin again."""

import gzip

import pytest

from scraping.fetch import Fetcher, FetchError
from tests.fetching import PICTURE, in_turn
from tests.scripted_server import Reply, Request, ScriptedServer


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
