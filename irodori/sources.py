"""Lists pictures that exist already, below a folder or a prefix of a bucket, as a source."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import quote

from scraping.fetch import FetchError
from scraping.post import Download, Post, SourceError
from storage import NotFound, open_storage

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


class StoredPictures:
    """A Source over a storage; it ignores tags and always lists all pictures."""

    def __init__(self, url: str, max_bytes: int) -> None:
        self._storage = open_storage(url)
        self._max_bytes = max_bytes

    def posts(self, tags: str, limit: int) -> Iterator[Post]:
        """See Source.posts; the newest are those that were changed last."""
        found = [e for e in self._storage.list("") if PurePosixPath(e.key).suffix.lower() in EXTENSIONS]
        if not found:
            raise SourceError(
                f"there are no pictures below {self._storage.url}; put some there, or correct the address"
            )
        for entry in sorted(found, key=lambda entry: (-entry.modified, entry.key))[:limit]:
            url = f"{self._storage.url}/{quote(entry.key)}"
            yield Post(id=f"{self._storage.url}/{entry.key}", file_url=url, post_url=url)

    def download(self, post: Post) -> Download:
        """See Source.download."""
        try:
            file, _ = self._storage.open(post.id.removeprefix(f"{self._storage.url}/"))
        except NotFound as error:
            raise FetchError(str(error)) from None
        with file:
            if (num_bytes := file.seek(0, os.SEEK_END)) > self._max_bytes:
                raise FetchError(f"{num_bytes:,} bytes are more than max_bytes = {self._max_bytes:,}")
            file.seek(0)
            data = file.read()
        return Download(data, post.file_url, hashlib.md5(data, usedforsecurity=False).hexdigest(), None)
