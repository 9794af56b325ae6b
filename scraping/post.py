"""What every source yields, and how it fails."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol
from urllib.parse import urlsplit


class SourceError(Exception):
    """The source as a whole cannot serve: wrong address or tags, blocked, or gone. str() is one line."""


@dataclass(frozen=True)
class Post:
    """One picture that a source lists, before it is downloaded."""

    id: str
    """The source's host and its own number, "safebooru.org:123"."""
    file_url: str
    """Absolute URL of the original file; "" when the source withholds it (deleted, restricted)."""
    post_url: str
    """The page that a person would open; it also says which site the file must come from."""
    md5: str = ""
    """The digest that the source claims, 32 lower-case hex digits; "" if it claims none."""
    width: int = 0
    height: int = 0
    """Size in pixels; 0 when the source does not say."""
    rating: str = ""
    """"general", "sensitive", "questionable", "explicit", or "" when the source does not say."""
    tags: str = ""
    """Separated by single spaces, in the source's order."""
    source: str = ""
    """Where the uploader found the picture: free text, often a URL. Needed for attribution."""
    owner: str = ""
    """Who uploaded it."""
    parent: str = ""
    """The id of the post of which the source calls this one a version; "" if of none."""

    @property
    def file_type(self) -> str:
        """The extension of the file in lower case, "" without one; "jpg" and "tif" for their longer forms."""
        suffix = PurePosixPath(urlsplit(self.file_url).path).suffix.lower().lstrip(".")
        return {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "tiff": "tif"}.get(suffix, suffix)


@dataclass(frozen=True)
class Download:
    """A file as it arrived."""

    data: bytes
    url: str
    """Where it was found, after redirects."""
    md5: str
    """Of `data`, 32 hex digits."""
    md5_ok: bool | None
    """Whether that is what the source claims; None if it claims none. Some sites re-encode files."""


class Source(Protocol):
    """Something that lists posts and has their files."""

    def posts(self, tags: str, limit: int) -> Iterator[Post]:
        """Yield at most `limit` different posts that have all of `tags`, newest first.

        Raises SourceError when nothing matches, or when the source cannot be read.
        """
        ...

    def download(self, post: Post) -> Download:
        """The file of a post that it listed. Raises FetchError for this file, SourceError for the whole source."""
        ...
