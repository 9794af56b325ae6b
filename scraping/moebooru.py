"""Queries boards that run Moebooru: yande.re, konachan.com."""

from urllib.parse import urlsplit

from scraping.answers import Row, as_int, as_md5, as_parent, as_rating, as_text, as_url, read_rows
from scraping.fetch import Fetcher
from scraping.post import Post

PAGE_SIZE = 100


class MoebooruBoard:
    """The API of one Moebooru board."""

    def __init__(self, address: str, fetcher: Fetcher) -> None:
        self.address = address
        self.name = urlsplit(address).netloc
        self.fetcher = fetcher

    def rows(self, terms: list[str], below: int | None, limit: int) -> list[Row]:
        """See Board.rows."""
        bound = [] if below is None else [f"id:<{below}"]
        params: dict[str, str | int] = {"tags": " ".join(terms + bound), "limit": min(limit, PAGE_SIZE)}
        return self.fetcher.get(f"{self.address}/post.json", params, read_rows)

    def count(self, terms: list[str], below: int | None) -> int:
        """See Board.count; on Moebooru, an empty page always means the end."""
        return 0

    def has_tag(self, tag: str) -> bool:
        """See Board.has_tag."""
        found = self.fetcher.get(f"{self.address}/tag.json", {"name": tag}, read_rows)
        return any(row.get("name") == tag.lower() for row in found)

    def post(self, row: Row) -> Post:
        """See Board.post."""
        number = as_int(row["id"])
        return Post(
            id=f"{self.name}:{number}",
            file_url=as_url(row.get("file_url"), self.address),
            post_url=f"{self.address}/post/show/{number}",
            md5=as_md5(row.get("md5")),
            width=as_int(row.get("width")),
            height=as_int(row.get("height")),
            rating=as_rating(row.get("rating"), s_means="general"),
            tags=as_text(row.get("tags")),
            source=as_text(row.get("source")),
            owner=as_text(row.get("author")),
            parent=as_parent(row.get("parent_id"), self.name),
        )
