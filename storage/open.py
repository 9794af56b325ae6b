"""Opens the storage that a URL names."""

import os
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from storage.base import Storage, StorageError
from storage.local import LocalStorage
from storage.s3 import S3Storage


@lru_cache(maxsize=16)
def open_storage(url: str) -> Storage:
    """Opens ``file:///folder`` or ``s3://bucket/prefix``; each process has one object (and one client) per URL.

    Raises:
        StorageError: for any other URL (its text is one line).
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return LocalStorage(Path(os.fsdecode(unquote_to_bytes(parts.path))))
    if parts.scheme == "s3" and parts.netloc:
        return S3Storage(parts.netloc, unquote(parts.path))
    raise StorageError(f"bad storage URL {url!r}: use file:///absolute/folder or s3://bucket/prefix")
