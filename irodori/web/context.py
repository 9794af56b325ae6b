"""Holds what the calls of the page work with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irodori.web.blobs import Blobs, is_id
from irodori.web.catalogue import Catalogue
from irodori.web.folders import Folders
from irodori.web.limits import Limits
from irodori.web.rows import Drawing, Rows
from irodori.web.sheets import Sheets

# of OpenAPI: for calls whose body is a picture
PICTURE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file's bytes: PNG, JPEG, WebP, TIFF, BMP or GIF.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@dataclass(frozen=True)
class Service:
    """What the calls work with.

    Attributes:
        rows: drawings and jobs.
        blobs: their files.
        limits: how much is taken on.
        catalogue: the models.
        disk: a folder of the disk that must not become full.
        painting: tells whether a painter is there; "" if so, else what is the matter.
        folders: the inbox, where people may see it.
        sheets: the colour sheets, where people may use them.
    """

    rows: Rows
    blobs: Blobs
    limits: Limits
    catalogue: Catalogue
    disk: Path
    painting: Callable[[], str]
    folders: Folders | None = None
    sheets: Sheets | None = None

    def drawing(self, id_: str, *, use: bool = False) -> Drawing:
        """Finds a drawing; raises Refused if there is none."""
        return self.rows.find(id_ if is_id(id_) else "", use=use)


def plain(name: str) -> str:
    """Returns a name without control characters and without the path that some browsers send."""
    return "".join(letter for letter in name.replace("\\", "/").rpartition("/")[2] if letter.isprintable()) or "drawing"
