"""Where bytes rest: a folder or an S3-compatible bucket behind one small interface, and the manifest."""

from storage.base import Conflict, Entry, NotFound, Storage, StorageError
from storage.manifest import Manifest, Row, Stage, Status
from storage.open import open_storage

__all__ = [
    "Conflict",
    "Entry",
    "Manifest",
    "NotFound",
    "Row",
    "Stage",
    "Status",
    "Storage",
    "StorageError",
    "open_storage",
]
