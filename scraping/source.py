"""Opening a source by its address."""

from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from urllib.request import url2pathname

from scraping.booru import Booru
from scraping.fetch import Fetcher
from scraping.folder import Folder
from scraping.gelbooru import GelbooruBoard
from scraping.post import Post, Source, SourceError

__all__ = ["DEFAULT_SOURCE", "Post", "Source", "SourceError", "open_source"]

DEFAULT_SOURCE = "https://safebooru.org"


def open_source(address: str, fetcher: Fetcher) -> Source:
    """The source at `address`; nothing is asked of it yet.

    "https://safebooru.org" and every other address of a board that runs Gelbooru 0.2; danbooru,
    gelbooru.com, yande.re and konachan by their addresses; "file:///folder" for the pictures below a
    folder. Raises SourceError for anything else.
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", SplitResult("", "", "", "", "")
    if parts.scheme == "file" and not parts.netloc:
        return Folder(Path(url2pathname(parts.path)))
    if parts.scheme in {"http", "https"} and host:
        return Booru(GelbooruBoard(address), fetcher)
    raise SourceError(
        f"{address!r} is no source: give the address of a board such as {DEFAULT_SOURCE}, or file:///folder"
    )
