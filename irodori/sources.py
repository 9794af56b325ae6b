"""Lists pictures that exist already, below a folder or a prefix of a bucket, as a source."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import quote, unquote_to_bytes

from imaging.clutter import is_clutter
from scraping.fetch import FetchError
from scraping.post import Download, Post, SourceError
from storage import Entry, Unreadable, open_storage

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


def is_stored(source: str) -> bool:
    """Tells whether a source is a folder or a prefix of a bucket, and no board."""
    return source.startswith(("file:", "s3:"))


def subfolder(source: str, tags: str) -> str:
    """Returns the address of the folder below a folder that ``tags`` name, such as "ink"; "" names all of it."""
    folder = tags.strip("/ ")
    above = "file://" if source == "file:///" else source.rstrip("/")
    return f"{above}/{quote(folder)}" if folder else source


class StoredPictures:
    """A Source over a storage; its tags are in its address already, see :func:`subfolder`."""

    def __init__(self, url: str, max_bytes: int) -> None:
        self._storage = open_storage(url)
        self._max_bytes = max_bytes

    def posts(self, tags: str, limit: int) -> Iterator[Post]:
        """See Source.posts; the newest are those that were changed last."""
        found = [entry for entry in self._storage.list("", everything=True) if _is_picture(entry)]
        if not found:
            folder = f", or the folder {tags!r} that the tags name" if tags else ""
            raise SourceError(
                f"there are no pictures below {self._storage.url}; put some there, or correct the address{folder}"
            )
        for entry in sorted(found, key=lambda entry: (-entry.modified, entry.key))[:limit]:
            yield self._post(entry)

    def _post(self, entry: Entry) -> Post:
        name = entry.key.encode("utf-8", "surrogateescape")  # names of files may be in any encoding
        url = f"{self._storage.url}/{quote(name)}"
        shown = f"{self._storage.url}/{name.decode('utf-8', 'backslashreplace')}"
        return Post(id=shown, file_url=url, post_url=url, problem=entry.problem)

    def download(self, post: Post) -> Download:
        """See Source.download."""
        name = unquote_to_bytes(post.file_url.removeprefix(f"{self._storage.url}/"))
        try:
            file, _ = self._storage.open(name.decode("utf-8", "surrogateescape"))
        except Unreadable as error:
            raise FetchError(str(error)) from None
        with file:
            if (num_bytes := file.seek(0, os.SEEK_END)) > self._max_bytes:
                raise FetchError(f"{num_bytes:,} bytes are more than max_bytes = {self._max_bytes:,}")
            file.seek(0)
            data = file.read()
        return Download(data, post.file_url, hashlib.md5(data, usedforsecurity=False).hexdigest(), None)


def _is_picture(entry: Entry) -> bool:
    """Tells whether there is a picture or, as far as can be seen, may be one."""
    may_be = PurePosixPath(entry.key).suffix.lower() in EXTENSIONS or entry.key.endswith("/")
    return may_be and not is_clutter(entry.key.rstrip("/"))
