"""The demo's posts: every drawing once, and the blemishes that a real board has."""

import getpass
import hashlib
import io
import json
import os
import random
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

from demo import drawings
from demo.drawings import COLOUR_SEEDS, LINEART_SEEDS, Domain, Drawing
from demo.search import BoardPost

SIZES = (144, 160, 192)  # px; the demo trains at 128 and below
REUPLOADS, REENCODED = 10, 10  # in each domain
SOURCE = "https://www.figma.com/community/file/1184595184137881796"
_FIRST_ID = 6_077_620
_LIST = "uploads.json"


@dataclass(frozen=True)
class Upload:
    """A file and its tags, before the board numbers it."""

    data: bytes
    extension: str
    tags: str
    size: int


def demo_posts(folder: Path | None = None) -> list[BoardPost]:
    """The board of the demo, newest first: 700 drawings a domain, copies of some, three broken files.

    The drawings are rendered once into ``folder`` (default: the system's temporary folder), which takes some
    seconds, and read from there afterwards.
    """
    colour, lineart = _drawn(folder or Path(tempfile.gettempdir()) / f"irodori-demo-{getpass.getuser()}")
    chance = random.Random("board")
    uploads = [*colour, *lineart, *_copies(colour, chance), *_copies(lineart, chance)]
    uploads += [_broken(upload) for upload in (colour[3], colour[5], lineart[3])]
    chance.shuffle(uploads)
    return list(_numbered(uploads, chance))[::-1]


def _numbered(uploads: Sequence[Upload], chance: random.Random) -> Iterator[BoardPost]:
    post_id = _FIRST_ID
    for upload in uploads:
        post_id += chance.randint(1, 9)  # deleted posts leave gaps
        yield BoardPost(
            id=post_id,
            data=upload.data,
            tags=upload.tags,
            width=upload.size,
            height=upload.size,
            extension=upload.extension,
            rating=chance.choice(("general", "general", "safe")),
            source=SOURCE,
            owner=chance.choice(("danbooru", "danbooru", "visitor")),
        )


def _copies(uploads: Sequence[Upload], chance: random.Random) -> list[Upload]:
    """Some drawings posted again: byte for byte, recompressed, or made smaller."""
    again = chance.sample(uploads, REUPLOADS + REENCODED)
    return again[:REUPLOADS] + [_reencoded(upload, number) for number, upload in enumerate(again[REUPLOADS:])]


def _reencoded(upload: Upload, number: int) -> Upload:
    with Image.open(io.BytesIO(upload.data)) as image:
        picture = image.convert("RGB")
    if number % 2:
        return replace(upload, data=_jpeg(picture, quality=80), extension="jpg")
    size = upload.size * 7 // 8
    smaller = io.BytesIO()
    picture.resize((size, size), Image.Resampling.LANCZOS).save(smaller, "PNG")
    return Upload(smaller.getvalue(), "png", upload.tags, size)


def _broken(upload: Upload) -> Upload:
    return replace(upload, data=upload.data[: len(upload.data) * 3 // 5])


def _drawn(folder: Path) -> tuple[list[Upload], list[Upload]]:
    """The colour and the lineart uploads, from the archive in ``folder``, which is made when missing."""
    archive = folder / f"drawings-{_recipe()}.zip"
    if not archive.exists():
        _draw_all(archive)
    with zipfile.ZipFile(archive) as drawn:
        listed = json.loads(drawn.read(_LIST))
        uploads = [Upload(data=drawn.read(str(number)), **rest) for number, rest in enumerate(listed)]
    return uploads[: len(COLOUR_SEEDS)], uploads[len(COLOUR_SEEDS) :]


def _recipe() -> str:
    """Digest of all that the drawn files depend on, so that a change of it never meets an old archive."""
    sources = [Path(path).read_bytes() for path in (drawings.__file__, __file__)]
    packages = [version(name) for name in ("dicebear-core", "dicebear-styles", "resvg_py", "pillow")]
    return hashlib.sha256(b"".join(sources) + " ".join(packages).encode()).hexdigest()[:16]


def _draw_all(archive: Path) -> None:
    wanted: list[tuple[Domain, int]] = [("B", seed) for seed in COLOUR_SEEDS]
    wanted += [("A", seed) for seed in LINEART_SEEDS]
    # spawn: forking a process that has threads (a flow's, a test's) can hang the child
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        uploads = list(pool.map(_draw, wanted, chunksize=50))
    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_suffix(f".{os.getpid()}")
    with zipfile.ZipFile(unfinished, "w") as drawn:
        for number, upload in enumerate(uploads):
            drawn.writestr(str(number), upload.data)
        listed = [{"extension": u.extension, "tags": u.tags, "size": u.size} for u in uploads]
        drawn.writestr(_LIST, json.dumps(listed))
    os.replace(unfinished, archive)


def _draw(wanted: tuple[Domain, int]) -> Upload:
    domain, seed = wanted
    drawing = Drawing(seed)
    size = SIZES[seed % len(SIZES)]
    data = drawing.render(domain, size)
    if seed % 5:
        return Upload(data, "png", drawing.tags(domain), size)
    with Image.open(io.BytesIO(data)) as image:
        return Upload(_jpeg(image.convert("RGB"), quality=92), "jpg", drawing.tags(domain), size)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return data.getvalue()
