"""Works for the page: `python -m irodori.web.painter` keeps models warm, takes jobs, and leaves files for browsers.

It may be killed at any moment. What it had in hand is done again, by itself or by another painter, with the same bytes.
It ends by itself when its standard input does, that is with the process that started it.
"""

import argparse
import logging
import os
import signal
import sys
import time
from collections import OrderedDict
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from irodori.errors import PipelineError
from irodori.models import Model, Served
from irodori.web.blobs import Blobs, edits_name, export_name, reference_name, version_name
from irodori.web.catalogue import is_file
from irodori.web.decoder import Decoder
from irodori.web.edits import Edits
from irodori.web.folders import Folders
from irodori.web.jobs import LEASE, Job
from irodori.web.limits import EXPORTS, OWN, PUBLIC, SHADOWS, Limits
from irodori.web.refusal import Refused
from irodori.web.rows import Rows
from irodori.web.sheets import SheetRequest, Sheets
from storage import NotFound, StorageError, Unreadable

if TYPE_CHECKING:
    from PIL import Image

    from cyclegan.painting.colorizer import Colorizer
    from cyclegan.painting.drawing import ReadDrawing

READY, REFUSED = "ready", "refused: "  # what it prints once it is warm, or before it ends for good
_LOOK = 0.1  # seconds between two looks for jobs
_PATIENCE = 2.0  # seconds, when the storage fails
_LONGEST = 100  # times the shorter side; time and memory grow with it
_THUMBNAIL = 240  # px
_KEPT = 2  # drawings that stay read, for their exports
_NICE = 5  # once it is warm: the page answers first
_log = logging.getLogger(__name__)


class Models:
    """Loads colorizers by what serves, once each."""

    def __init__(self, storage_url: str) -> None:
        self._url = storage_url
        self._files: dict[str, Colorizer] = {}

    def current(self, model: str) -> str:
        """Returns what a model serves now, in words that :meth:`load` understands.

        Raises:
            PipelineError: nothing (its text is one line).
        """
        return model if is_file(model) else Model(self._url, model).best().to_json().decode()

    def load(self, served: str) -> "Colorizer":
        """Returns the colorizer of what :meth:`current` returned; "" is that of a drawing that could not be prepared.

        Raises:
            PipelineError: it cannot be loaded (its text is one line).
        """
        from cyclegan.errors import CycleganError
        from cyclegan.painting.colorizer import Colorizer
        from irodori.looks import load_colorizer

        if not served:
            raise PipelineError("this drawing could not be coloured")
        if not is_file(served):
            return load_colorizer(self._url, Served.from_json(served.encode(), "the page's row"))
        try:
            return self._files.setdefault(served, self._files.get(served) or Colorizer.load(served))
        except CycleganError as error:
            raise PipelineError(str(error)) from error


class Painter:
    """Does the jobs of the page."""

    def __init__(self, rows: Rows, storage_url: str, limits: Limits, owner: str) -> None:
        self._rows, self._blobs, self._limits, self._owner = rows, Blobs(storage_url), limits, owner
        self.models = Models(storage_url)
        self._folders, self._sheets = Folders(storage_url), Sheets(storage_url)
        self._decode = Decoder(limits.decode_memory)
        self._read: OrderedDict[tuple[str, str], tuple[ReadDrawing, Image.Image]] = OrderedDict()

    def close(self) -> None:
        """Ends the process that decodes files."""
        self._decode.close()

    def work(self) -> bool:
        """Does the oldest job; returns whether there was one."""
        from cyclegan.errors import CycleganError
        from imaging.errors import ImageError

        job = self._rows.take(self._owner)
        if job is None:
            return False
        try:
            self._do(job)
        except (ImageError, CycleganError, PipelineError, MemoryError, Refused, NotFound) as error:
            reason = str(error) or "it is too large for this machine's memory: make it smaller"
            self._rows.finish(job, self._owner, "failed", reason.splitlines()[0])
        except StorageError as error:
            _log.warning("%s", error)
            self._rows.put_back(job, self._owner)
            time.sleep(_PATIENCE)
        except Exception:
            _log.exception("a job of the page failed: %s", job.kind)
            self._rows.finish(job, self._owner, "failed", "the painter met a fault of its own; its log says which")
        else:
            self._rows.finish(job, self._owner, "done")
        return True

    def _do(self, job: Job) -> None:
        if job.kind == "guide":
            return self._folders.save(self._rows.find(job.drawing))
        if job.kind in EXPORTS:
            return self._export(job)
        if job.kind in SHADOWS:
            return self._shade(job)
        works = {"prepare": self._prepare, "reference": self._measure, "pieces": self._cut, "sheet": self._keep_sheet}
        return works[job.kind](job)

    def _prepare(self, job: Job) -> None:
        from irodori.web.preparing import view

        row = self._rows.find(job.drawing)
        served = self.models.current(row.model)
        read, _ = self._reading(job.drawing, served)
        for name, data in view(read, row.name).items():
            self._blobs.write(job.drawing, name, data)
        self._rows.set_served(job.drawing, served)

    def _export(self, job: Job) -> None:
        from irodori.web.exporting import export

        edits = Edits.model_validate_json(self._blobs.read(job.drawing, edits_name(job.version)))
        read, drawing = self._checked(job.drawing, edits)
        self._blobs.write(job.drawing, export_name(job.version, job.kind), export(read, edits, job.kind, drawing))

    def _measure(self, job: Job) -> None:
        """Measures the palette of a reference, and forgets the picture."""
        import numpy as np

        name = reference_name(job.version)
        picture = self._decode.opaque(self._blobs.read(job.drawing, name), self._limits.pixels)
        palette = self.models.load(self._rows.find(job.drawing).served).palette_of(picture)
        if palette.ndim == 1:
            raise PipelineError("this model has styles and no palettes: take a picture's by irodori colorize --like")
        colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in np.rint(palette * 255).astype(int)]
        edits = Edits(palette=colours).model_dump_json(include={"palette"})
        self._blobs.write(job.drawing, f"{name}.json", edits.encode())
        self._blobs.remove(job.drawing, name)

    def _shade(self, job: Job) -> None:
        from irodori.web.preparing import shadows

        read, _ = self._reading(job.drawing, self._rows.find(job.drawing).served)
        edge, light = SHADOWS[job.kind]
        self._blobs.write(job.drawing, job.kind, shadows(read, edge, mirrored=light == "mirrored"))

    def _cut(self, job: Job) -> None:
        from irodori.web.exporting import guide_of
        from irodori.web.preparing import pieces

        edits = Edits.model_validate_json(self._blobs.read(job.drawing, edits_name(job.version)))
        read, _ = self._reading(job.drawing, self._rows.find(job.drawing).served)
        self._blobs.write(job.drawing, version_name("pieces", job.version), pieces(read, guide_of(edits).hints))
        self._blobs.remove_older(job.drawing, "pieces", job.version)

    def _keep_sheet(self, job: Job) -> None:
        """Makes a colour sheet of the drawing as it is coloured, and forgets who asked."""
        from irodori.web.exporting import guide_of

        asked = SheetRequest.model_validate_json(self._blobs.read(job.drawing, version_name("sheet", job.version)))
        read, _ = self._checked(job.drawing, asked.edits)
        self._sheets.save(asked.name, read.sheet(read.layered(guide_of(asked.edits)).flats).to_json(), asked.again)

    def _checked(self, drawing: str, edits: Edits) -> "tuple[ReadDrawing, Image.Image]":
        """Reads a drawing; refuses edits that its model cannot carry out."""
        from irodori.web.exporting import guide_of

        served = self._rows.find(drawing).served
        self.models.load(served).check(guide_of(edits))
        return self._reading(drawing, served)

    def draw_thumbnail(self) -> bool:
        """Makes the newest small picture that is asked for; returns whether there was one."""
        from imaging.codec import encode
        from imaging.errors import ImageError

        wanted = self._rows.wanted()
        if wanted is None:
            return False
        name, key = wanted
        try:
            picture = self._decode.opaque(self._folders.read(key), self._limits.pixels)
            picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
            self._blobs.write_thumbnail(name, encode(picture, "x.webp"))
        except (ImageError, Unreadable):
            self._blobs.write_thumbnail(name, b"")
        except StorageError as error:
            _log.warning("%s", error)
            time.sleep(_PATIENCE)
            return True
        self._rows.unwant(name)
        return True

    def _reading(self, drawing: str, served: str) -> "tuple[ReadDrawing, Image.Image]":
        """Reads a drawing by what serves, unless it still is."""
        key = drawing, served
        if key not in self._read:
            image = self._decode(self._blobs.read(drawing, "drawing"), self._limits.pixels)
            if max(image.size) > _LONGEST * min(image.size):
                raise PipelineError(f"it is more than {_LONGEST} times as long as wide: cut it into pages")
            self._read[key] = self.models.load(served).read(image), image
            while len(self._read) > _KEPT:
                self._read.popitem(last=False)
        self._read.move_to_end(key)
        return self._read[key]


def _renew(rows: Rows, owner: str, ended: Event) -> None:
    while not ended.wait(LEASE / 3):
        try:
            rows.renew(owner)
        except Exception as error:  # the database may be busy or away for a while
            _log.warning("a lease could not be renewed: %s", error)


def _end_with_parent(rows: Rows, owner: str) -> None:
    while os.read(0, 1):  # unbuffered: the buffer's lock would be held when the program ends otherwise
        pass
    _leave(rows, owner)


def _leave(rows: Rows, owner: str) -> None:
    """Ends; what it had in hand is done again, and is no worse for it."""
    with suppress(Exception):
        rows.release(owner, tried=False)
    os._exit(0)


def main() -> int:
    """Works until the standard input ends; returns an exit status if it cannot begin."""
    parser = argparse.ArgumentParser(prog="python -m irodori.web.painter")
    parser.add_argument("models", nargs="*")
    for name in ("owner", "storage", "database"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--public", action="store_true")
    asked: Any = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the page ends this one
    limits = PUBLIC if asked.public else OWN
    try:
        rows = Rows(asked.database, public=asked.public)
        Thread(target=_end_with_parent, args=(rows, asked.owner), daemon=True).start()
        signal.signal(signal.SIGTERM, lambda *_: Thread(target=_leave, args=(rows, asked.owner)).start())
        painter = Painter(rows, asked.storage, limits, asked.owner)
        for model in asked.models:
            _warm_up(painter.models, model)
    except (PipelineError, StorageError) as error:
        print(f"{REFUSED}{error}", flush=True)
        return 1
    Thread(target=_renew, args=(rows, asked.owner, Event()), daemon=True).start()
    print(READY, flush=True)
    with suppress(AttributeError, OSError):  # Windows has no such thing
        os.nice(_NICE)
    while True:
        if not painter.work() and not painter.draw_thumbnail():
            time.sleep(_LOOK)


def _warm_up(models: Models, model: str) -> None:
    """Loads a model and colours a blank page, since the first drawing takes longer than those that follow."""
    from PIL import Image

    models.load(models.current(model)).read(Image.new("RGB", (256, 256), "white"))


if __name__ == "__main__":
    sys.exit(main())
