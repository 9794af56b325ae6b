"""Queries boards that run Gelbooru 0.2, such as Safebooru, and gelbooru.com itself."""

import logging
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from scraping.answers import (
    Row,
    as_int,
    as_md5,
    as_parent,
    as_rating,
    as_text,
    as_url,
    read_count,
    read_rows,
    read_tags,
)
from scraping.fetch import Fetcher
from scraping.post import Post


class GelbooruBoard:
    """The API ("dapi") of one board."""

    def __init__(
        self, address: str, fetcher: Fetcher, page_size: int = 1000, account: Mapping[str, str] | None = None
    ) -> None:
        """Sends no request.

        Args:
            address: URL of the board.
            fetcher: sends the requests.
            page_size: largest number of posts that the board lists in one answer.
            account: api_key and user_id, for a board that requires them.
        """
        self.address = address
        self.name = urlsplit(address).netloc
        self.fetcher = fetcher
        self._page_size = page_size
        self._account = dict(account or {})
        if account:
            logging.getLogger("urllib3.connectionpool").addFilter(_hide_key)

    def rows(self, terms: list[str], below: int | None, limit: int) -> list[Row]:
        """See Board.rows."""
        params = self._search(terms, below, min(limit, self._page_size)) | {"json": 1}
        return self.fetcher.get(f"{self.address}/index.php", params, read_rows)

    def count(self, terms: list[str], below: int | None) -> int:
        """See Board.count; only the XML answer contains the count."""
        return self.fetcher.get(f"{self.address}/index.php", self._search(terms, below, 1), read_count)

    def has_tag(self, tag: str) -> bool:
        """See Board.has_tag."""
        params = self._query("tag", name=tag)
        return tag.lower() in self.fetcher.get(f"{self.address}/index.php", params, read_tags)

    def _search(self, terms: list[str], below: int | None, limit: int) -> dict[str, str | int]:
        bound = [] if below is None else [f"id:<{below}"]
        return self._query("post", limit=limit, pid=0, tags=" ".join(terms + bound))

    def _query(self, what: str, **params: str | int) -> dict[str, str | int]:
        return {"page": "dapi", "s": what, "q": "index", **params, **self._account}

    def post(self, row: Row) -> Post:
        """See Board.post."""
        number = as_int(row["id"])
        return Post(
            id=f"{self.name}:{number}",
            file_url=self._file_url(row),
            post_url=f"{self.address}/index.php?page=post&s=view&id={number}",
            md5=as_md5(row.get("md5") or row.get("hash")),
            width=as_int(row.get("width")),
            height=as_int(row.get("height")),
            rating=as_rating(row.get("rating"), s_means="general"),
            tags=as_text(row.get("tags")),
            source=as_text(row.get("source")),
            owner=as_text(row.get("owner")),
            parent=as_parent(row.get("parent_id"), self.name),
        )

    def _file_url(self, row: Row) -> str:
        """Returns the absolute URL of the file, even if an old answer lacks the scheme or the whole URL."""
        url = row.get("file_url")
        if not url and row.get("image"):
            url = f"{self.address}/images/{row.get('directory')}/{row['image']}"
        return as_url(url, self.address)


def _hide_key(record: logging.LogRecord) -> bool:
    """Removes the key from the URLs that urllib3 logs at level DEBUG."""
    record.msg, record.args = re.sub(r"(api_key|user_id)=[^&\s\"]*", r"\1=…", record.getMessage()), ()
    return True
