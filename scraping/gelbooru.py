"""Boards that run Gelbooru 0.2, Safebooru among them, and gelbooru.com itself."""

from urllib.parse import urljoin, urlsplit

from scraping.answers import Row, as_int, as_md5, as_rating, as_text, read_count, read_rows, read_tags
from scraping.fetch import Fetcher
from scraping.post import Post


class GelbooruBoard:
    """The "dapi" of one board; `account` holds its api_key and user_id where it wants them."""

    def __init__(self, address: str, account: dict[str, str] | None = None, page_size: int = 1000) -> None:
        self.address = address.rstrip("/")
        self.name = urlsplit(address).netloc
        self._account = account or {}
        self._page_size = page_size

    def rows(self, fetcher: Fetcher, terms: list[str], below: int | None, limit: int) -> list[Row]:
        """See Board.rows."""
        params = self._params(terms, below, min(limit, self._page_size)) | {"json": 1}
        return fetcher.get(f"{self.address}/index.php", params, read_rows)

    def count(self, fetcher: Fetcher, terms: list[str], below: int | None) -> int:
        """See Board.count; only the XML answer has it."""
        return fetcher.get(f"{self.address}/index.php", self._params(terms, below, 1), read_count)

    def has_tag(self, fetcher: Fetcher, tag: str) -> bool:
        """See Board.has_tag."""
        return tag.lower() in fetcher.get(
            f"{self.address}/index.php", self._query("tag", name=tag), read_tags
        )

    def _params(self, terms: list[str], below: int | None, limit: int) -> dict[str, str | int]:
        tags = " ".join([*terms, *([f"id:<{below}"] if below is not None else [])])
        return self._query("post", limit=limit, pid=0, tags=tags)

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
        )

    def _file_url(self, row: Row) -> str:
        """Absolute, also where old answers leave out the scheme, or the whole URL."""
        url = str(row.get("file_url") or "").strip().replace("&amp;", "&")
        if not url and row.get("image"):
            url = f"/images/{row.get('directory')}/{row['image']}"
        return urljoin(f"{self.address}/", url) if url else ""
