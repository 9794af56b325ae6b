"""Opens the board at an address."""

import os
from urllib.parse import urlsplit

from scraping.booru import Board, Booru
from scraping.danbooru import DanbooruBoard
from scraping.fetch import Fetcher
from scraping.gelbooru import GelbooruBoard
from scraping.moebooru import MoebooruBoard
from scraping.post import Post, Source, SourceError

__all__ = ["DEFAULT_SOURCE", "Post", "Source", "SourceError", "open_source"]

DEFAULT_SOURCE = "https://safebooru.org"
DANBOORU = "donmai.us"
MOEBOORUS = frozenset({"yande.re", "konachan.com", "konachan.net"})
GELBOORU = "gelbooru.com"


def open_source(address: str, fetcher: Fetcher) -> Source:
    """Returns the source at an address, without sending a request.

    Args:
        address: "https://safebooru.org" or any other board that runs Gelbooru 0.2; danbooru.donmai.us; gelbooru.com
            (with GELBOORU_API_KEY and GELBOORU_USER_ID in the environment); yande.re; konachan.com.
        fetcher: sends the requests.

    Raises:
        SourceError: if the address is no web address, or GELBOORU_* variables are missing (its text is one line).
    """
    try:
        parts = urlsplit(address.strip())
        host = parts.hostname or ""
    except ValueError:
        raise _no_source(address) from None
    if parts.scheme not in {"http", "https"} or not host:
        raise _no_source(address)
    path = parts.path.rstrip("/").removesuffix("/index.php")
    return Booru(_board(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}", host, fetcher))


def _board(address: str, host: str, fetcher: Fetcher) -> Board:
    if host == DANBOORU or host.endswith(f".{DANBOORU}"):
        return DanbooruBoard(address, fetcher)
    if host.removeprefix("www.") in MOEBOORUS:
        return MoebooruBoard(address, fetcher)
    if host.removeprefix("www.") == GELBOORU:
        return GelbooruBoard(address, fetcher, page_size=100, account=_gelbooru_account())
    return GelbooruBoard(address, fetcher)


def _gelbooru_account() -> dict[str, str]:
    names = {"api_key": "GELBOORU_API_KEY", "user_id": "GELBOORU_USER_ID"}
    account = {field: os.environ.get(name, "").strip() for field, name in names.items()}
    if missing := [names[field] for field, value in account.items() if not value]:
        raise SourceError(f"{GELBOORU} wants an account: set {' and '.join(missing)} (see its options)")
    return account


def _no_source(address: str) -> SourceError:
    return SourceError(
        f"{address!r} is no source: give the address of a board such as {DEFAULT_SOURCE}, file:///folder or "
        "s3://bucket/prefix"
    )
