"""Queries boards that run Danbooru: danbooru.donmai.us and its mirrors."""

from urllib.parse import urlsplit

from scraping.answers import Row, as_int, as_md5, as_parent, as_rating, as_text, as_url, read_rows
from scraping.fetch import Fetcher
from scraping.post import Post

PAGE_SIZE = 200


class DanbooruBoard:
    """The API of one Danbooru board; without an account it accepts at most two tags."""

    def __init__(self, address: str, fetcher: Fetcher) -> None:
        self.address = address
        self.name = urlsplit(address).netloc
        self.fetcher = fetcher

    def rows(self, terms: list[str], below: int | None, limit: int) -> list[Row]:
        """See Board.rows; passes the bound as a page name, because an id: term would count as a tag."""
        params: dict[str, str | int] = {"tags": " ".join(terms), "limit": min(limit, PAGE_SIZE)}
        if below is not None:
            params["page"] = f"b{below}"
        return self.fetcher.get(f"{self.address}/posts.json", params, read_rows)

    def count(self, terms: list[str], below: int | None) -> int:
        """See Board.count; on Danbooru, an empty page always means the end."""
        return 0

    def has_tag(self, tag: str) -> bool:
        """See Board.has_tag."""
        found = self.fetcher.get(f"{self.address}/tags.json", {"search[name]": tag}, read_rows)
        return any(row.get("name") == tag.lower() for row in found)

    def post(self, row: Row) -> Post:
        """See Board.post; restricted and deleted posts have no file and no md5."""
        number = as_int(row["id"])
        return Post(
            id=f"{self.name}:{number}",
            file_url=as_url(row.get("file_url"), self.address),
            post_url=f"{self.address}/posts/{number}",
            md5=as_md5(row.get("md5")),
            width=as_int(row.get("image_width")),
            height=as_int(row.get("image_height")),
            rating=as_rating(row.get("rating"), s_means="sensitive"),
            tags=as_text(row.get("tag_string")),
            source=as_text(row.get("source")),
            owner=as_text(row.get("uploader_id")),
            parent=as_parent(row.get("parent_id"), self.name),
        )
