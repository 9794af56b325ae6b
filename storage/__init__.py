"""Stores bytes in a folder or an S3-compatible bucket behind one small interface, and keeps the manifest."""

from storage.base import Conflict, Entry, NotFound, Storage, StorageError, Unreadable
from storage.manifest import Manifest
from storage.open import open_storage
from storage.records import Rows
from storage.row import Row, Stage, Status

__all__ = [
    "Conflict",
    "Entry",
    "Manifest",
    "NotFound",
    "Row",
    "Rows",
    "Stage",
    "Status",
    "Storage",
    "StorageError",
    "Unreadable",
    "open_storage",
]
