"""Stage colorize: new drawings in the inbox → outbox; what cannot be read → failed, with its reason beside it."""

import io
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from PIL import Image
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from imaging.codec import ImageError, decode
from imaging.sheet import grid
from storage import Entry, Manifest, NotFound, Row, Storage, open_storage
from tasks.errors import PipelineError, plain_errors
from tasks.report import show_sheet

if TYPE_CHECKING:
    from cyclegan.colorizer import Colorizer, Weights

SHEET = "_contact-sheet.png"
_SHEET_DRAWINGS = 40
_IGNORED = {"thumbs.db", "desktop.ini"}
_UNFINISHED = (".part", ".partial", ".crdownload", ".tmp", "~")
_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF"}
_QUALITY: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},  # 4:4:4, or colour bleeds over the lines after all
    "WEBP": {"lossless": True},
    "PNG": {"compress_level": 3},
}


@dataclass(frozen=True)
class Inbox:
    """The three folders of one storage and the manifest beside them."""

    storage_url: str

    @property
    def storage(self) -> Storage:
        return open_storage(self.storage_url)

    @property
    def manifest(self) -> Manifest:
        return Manifest(self.storage, "inbox-manifest.csv")


@task(name="scan-inbox", cache_policy=NO_CACHE)
@plain_errors
def scan(inbox: Inbox, settle_seconds: float) -> list[Entry]:
    """Drawings that are new or changed, and have been left alone for ``settle_seconds``."""
    rows = inbox.manifest.load()
    done = dict(zip(rows["id"], rows["version"], strict=True))
    entries = [entry for entry in inbox.storage.list("inbox/") if _is_drawing(entry.key)]
    new = [entry for entry in entries if done.get(_name(entry.key)) != entry.version]
    whole = [entry for entry in new if time.time() - entry.modified >= settle_seconds]
    get_run_logger().info(
        "inbox: %d files, %d new, %d of them still being written",
        len(entries),
        len(new),
        len(new) - len(whole),
    )
    return sorted(whole, key=lambda entry: entry.key)


@task(name="colorize", cache_policy=NO_CACHE)
@plain_errors
def colorize(entries: list[Entry], inbox: Inbox, best: dict[str, Any]) -> "Counter[str]":
    """Colorizes a batch with the model's best checkpoint, loaded once a process."""
    colorizer = _load_colorizer(inbox.storage_url, best["checkpoint"], best["weights"])
    rows = [_colorize_one(entry, inbox, colorizer, best["checkpoint"]) for entry in entries]
    inbox.manifest.record(rows)
    for entry, row in zip(entries, rows, strict=True):
        if row.status == "failed":
            inbox.storage.delete(entry.key)  # after its row: what was set aside is known to be
            get_run_logger().warning("%s: %s; moved to failed/", entry.key, row.reason)
    return Counter(row.status for row in rows)


def draw_sheets(inbox: Inbox, entries: Iterable[Entry], credit: str) -> None:
    """A contact sheet (line | colour) in each outbox folder that got something new, shown in the UI too."""
    rows = inbox.manifest.load()
    finished = rows[rows["status"] == "ok"]
    for folder in sorted({_folder(_name(entry.key)) for entry in entries}):
        names = [name for name in finished["id"] if _folder(name) == folder][:_SHEET_DRAWINGS]
        if names:
            key = str(PurePosixPath("outbox", folder, SHEET))
            inbox.storage.write(key, _sheet(inbox, names, credit))
            show_sheet(f"outbox {folder}", inbox.storage.read(key), f"{folder or 'outbox'}: line | colour", key)


def _colorize_one(entry: Entry, inbox: Inbox, colorizer: "Colorizer", checkpoint: str) -> Row:
    name = _name(entry.key)
    try:
        data, version = inbox.storage.read_version(entry.key)
    except NotFound:
        return Row(name, "A", "colorize", "dropped", "taken out of the inbox before its turn", version=entry.version)
    row = {"id": name, "domain": "A", "stage": "colorize", "version": version, "made_by": checkpoint}
    try:
        image = decode(data)
    except ImageError as error:
        inbox.storage.write(f"failed/{name}", data)
        inbox.storage.write(f"failed/{name}.reason.txt", f"{error}\n".encode())
        return Row(**row, status="failed", reason=str(error), key=f"failed/{name}")  # type: ignore[arg-type]
    inbox.storage.write(f"outbox/{name}", _encode(colorizer(image), name))
    size = {"width": str(image.width), "height": str(image.height)}
    return Row(**row, status="ok", key=f"outbox/{name}", **size)  # type: ignore[arg-type]


@lru_cache(maxsize=2)
def _load_colorizer(storage_url: str, checkpoint: str, weights: "Weights") -> "Colorizer":
    from cyclegan.colorizer import Colorizer

    from cyclegan.errors import CycleganError

    with tempfile.TemporaryDirectory(prefix="irodori-checkpoint-") as scratch:
        path = Path(scratch, PurePosixPath(checkpoint).name)
        open_storage(storage_url).download(checkpoint, path)
        try:
            return Colorizer.load(path, weights=weights)
        except CycleganError as error:
            raise PipelineError(f"{checkpoint}: {error}") from error


def _encode(image: Image.Image, name: str) -> bytes:
    """In the format that the name promises."""
    kind = _FORMATS.get(PurePosixPath(name).suffix.lower(), "PNG")
    buffer = io.BytesIO()
    image.save(buffer, kind, **_QUALITY.get(kind, {}))
    return buffer.getvalue()


def _sheet(inbox: Inbox, names: list[str], credit: str) -> bytes:
    pairs = [[decode(inbox.storage.read(f"{place}/{name}")) for place in ("inbox", "outbox")] for name in names]
    rows = [list(chain(*pairs[start : start + 4])) for start in range(0, len(pairs), 4)]
    page = grid(rows, captions=["line", "colour"] * (len(rows[0]) // 2), footer=credit, tile=192)
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def _name(key: str) -> str:
    return key.removeprefix("inbox/")


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _is_drawing(key: str) -> bool:
    """Whether somebody put it there on purpose: not hidden, not a system's own, not half downloaded."""
    parts = key.lower().split("/")
    return not (any(part.startswith(".") for part in parts) or parts[-1] in _IGNORED or parts[-1].endswith(_UNFINISHED))
