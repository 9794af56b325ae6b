"""Tests where the HTTP client may not go: off the site, to private addresses, and where a site asks it to stay away."""

import itertools
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from scraping import permissions
from scraping.fetch import Fetcher, FetchError
from scraping.post import Post
from tests.fetching import PICTURE, in_turn, limits
from tests.scripted_server import Reply, ScriptedServer


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


@pytest.mark.parametrize("status", [429, 500, 501, 503, 505, 511, 529, 599])
def test_a_site_whose_robots_txt_fails_is_left_alone(fetcher: Fetcher, status: int) -> None:
    with ScriptedServer(in_turn(PICTURE), Reply(status=status)) as server:
        with pytest.raises(FetchError, match=rf"answered {status}"):
            fetcher.download(f"{server.url}/a.png")
    assert server.log == []


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
