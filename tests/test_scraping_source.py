"""Tests how a source is chosen by its address, and that accounts are sent but never logged."""

import logging
from collections.abc import Iterator

import pytest

from scraping.booru import Booru
from scraping.danbooru import DanbooruBoard
from scraping.fetch import Fetcher
from scraping.gelbooru import GelbooruBoard
from scraping.moebooru import MoebooruBoard
from scraping.politeness import Politeness
from scraping.source import SourceError, open_source
from tests.scripted_server import ScriptedServer


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(Politeness(api_per_second=1000, retries=1, backoff_s=0)) as fetcher:
        yield fetcher


@pytest.mark.parametrize(
    ("address", "kind", "name"),
    [
        ("https://safebooru.org", GelbooruBoard, "safebooru.org"),
        ("https://safebooru.org/index.php?page=post&s=list", GelbooruBoard, "safebooru.org"),
        ("http://127.0.0.1:8765/", GelbooruBoard, "127.0.0.1:8765"),
        ("https://danbooru.donmai.us", DanbooruBoard, "danbooru.donmai.us"),
        ("https://safebooru.donmai.us", DanbooruBoard, "safebooru.donmai.us"),
        ("https://yande.re", MoebooruBoard, "yande.re"),
        ("https://konachan.com", MoebooruBoard, "konachan.com"),
    ],
)
def test_the_address_tells_the_board(fetcher: Fetcher, address: str, kind: type[object], name: str) -> None:
    source = open_source(address, fetcher)
    assert isinstance(source, Booru)
    assert type(source.board) is kind
    assert source.board.name == name


@pytest.mark.parametrize(
    "address",
    ["", "safebooru.org", "ftp://x.org", "http://", "http://[", "file://host/share"],
)
def test_an_unknown_address_is_one_clear_line(fetcher: Fetcher, address: str) -> None:
    with pytest.raises(SourceError, match=r"^'.*' is no source: give the address of a board such as https://"):
        open_source(address, fetcher)


def test_gelbooru_wants_its_account(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GELBOORU_API_KEY", raising=False)
    monkeypatch.setenv("GELBOORU_USER_ID", "17")
    with pytest.raises(SourceError, match="wants an account: set GELBOORU_API_KEY"):
        open_source("https://gelbooru.com", fetcher)


def test_the_account_is_sent_and_never_logged(fetcher: Fetcher, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    account = {"api_key": "s3cret", "user_id": "17"}
    with ScriptedServer(lambda _: b'{"@attributes":{"count":1},"post":{"id":9}}') as server:
        source = Booru(GelbooruBoard(server.url, fetcher, account=account))
        assert [post.id for post in source.posts("x", 1)] == [f"{server.host}:9"]
    assert server.log[0].query.items() >= account.items()
    assert "api_key=…" in caplog.text
    assert "s3cret" not in caplog.text
