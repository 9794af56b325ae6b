"""Defines the interface of a source: the posts and downloads that it returns, and its error."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol
from urllib.parse import urlsplit


class SourceError(Exception):
    """The source as a whole cannot be used: wrong address or tags, blocked, or gone. str() is one line."""


@dataclass(frozen=True)
class Post:
    """One picture that a source lists, before it is downloaded.

    Attributes:
        id: the source's host and its own number, "safebooru.org:123".
        file_url: absolute URL of the original file; "" if the source withholds it (deleted, restricted).
        post_url: page of the post in a browser; the file must come from the same site.
        md5: digest that the source gives, 32 lower-case hex digits; "" if it gives none.
        width: in pixels; 0 if the source does not give it.
        height: in pixels; 0 if the source does not give it.
        rating: "general", "sensitive", "questionable", "explicit", or "" if the source does not give it.
        tags: separated by single spaces, in the source's order.
        source: where the uploader found the picture: free text, often a URL; needed for attribution.
        owner: who uploaded the picture.
        parent: id of the post of which the source calls this one a version; "" if there is none.
        problem: why its file cannot be had, as far as the source knows; "" if it can.
    """

    id: str
    file_url: str
    post_url: str
    md5: str = ""
    width: int = 0
    height: int = 0
    rating: str = ""
    tags: str = ""
    source: str = ""
    owner: str = ""
    parent: str = ""
    problem: str = ""

    @property
    def file_type(self) -> str:
        """The extension of the file in lower case, "" if it has none; "jpg" and "tif" also for their variants."""
        suffix = PurePosixPath(urlsplit(self.file_url).path).suffix.lower().lstrip(".")
        return {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "tiff": "tif"}.get(suffix, suffix)


@dataclass(frozen=True)
class Download:
    """A downloaded file.

    Attributes:
        data: its bytes.
        url: its URL after redirects.
        md5: digest of `data`, 32 hex digits.
        md5_ok: whether `md5` is the digest that the source gives; None if it gives none. Some sites re-encode files.
    """

    data: bytes
    url: str
    md5: str
    md5_ok: bool | None


class Source(Protocol):
    """A board or folder that lists posts and provides their files."""

    def posts(self, tags: str, limit: int) -> Iterator[Post]:
        """Yields at most `limit` different posts that have all of `tags`, newest first.

        Raises:
            SourceError: if no post matches, or the source cannot be read (its text is one line).
        """
        ...

    def download(self, post: Post) -> Download:
        """Downloads the file of a post that this source listed.

        Raises:
            FetchError: if this file cannot be fetched (its text is one line).
            SourceError: if the source as a whole cannot be used (its text is one line).
        """
        ...
