"""Makes the demo's posts: every drawing once, and the copies and broken files that a real board has, too."""

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
REUPLOADS, REENCODED = 10, 10  # copies in each domain
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
    """Makes the posts of the demo's board: 700 drawings of each domain, copies of some, three broken files.

    The first call renders the drawings, which takes some seconds; later calls read them from the folder.

    Args:
        folder: where rendered drawings are kept; None: a folder of this user in the system's temporary folder.

    Returns:
        The posts, newest first.
    """
    colour, lineart = _drawn(folder or Path(tempfile.gettempdir()) / f"irodori-demo-{getpass.getuser()}")
    rng = random.Random("board")
    uploads = [*colour, *lineart, *_copies(colour, rng), *_copies(lineart, rng)]
    uploads += [_broken(upload) for upload in (colour[3], colour[5], lineart[3])]
    rng.shuffle(uploads)
    return list(_numbered(uploads, rng))[::-1]


def _numbered(uploads: Sequence[Upload], rng: random.Random) -> Iterator[BoardPost]:
    post_id = _FIRST_ID
    for upload in uploads:
        post_id += rng.randint(1, 9)  # deleted posts leave gaps
        yield BoardPost(
            id=post_id,
            data=upload.data,
            tags=upload.tags,
            width=upload.size,
            height=upload.size,
            extension=upload.extension,
            rating=rng.choice(("general", "general", "safe")),
            source=SOURCE,
            owner=rng.choice(("danbooru", "danbooru", "visitor")),
        )


def _copies(uploads: Sequence[Upload], rng: random.Random) -> list[Upload]:
    """Returns copies of some drawings: byte for byte, recompressed, or smaller."""
    again = rng.sample(uploads, REUPLOADS + REENCODED)
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
    """Returns the colour and the lineart uploads from the archive in ``folder``, which it makes if missing."""
    archive = folder / f"drawings-{_recipe()}.zip"
    if not archive.exists():
        _draw_all(archive)
    with zipfile.ZipFile(archive) as drawn:
        listed = json.loads(drawn.read(_LIST))
        uploads = [Upload(data=drawn.read(str(number)), **rest) for number, rest in enumerate(listed)]
    return uploads[: len(COLOUR_SEEDS)], uploads[len(COLOUR_SEEDS) :]


def _recipe() -> str:
    """Returns a digest of everything that decides the drawn files, so that a change makes a new archive."""
    sources = [Path(path).read_bytes() for path in (drawings.__file__, __file__)]
    packages = [version(name) for name in ("dicebear-core", "dicebear-styles", "resvg_py", "pillow")]
    return hashlib.sha256(b"".join(sources) + " ".join(packages).encode()).hexdigest()[:16]


def _draw_all(archive: Path) -> None:
    wanted: list[tuple[Domain, int]] = [("B", seed) for seed in COLOUR_SEEDS]
    wanted += [("A", seed) for seed in LINEART_SEEDS]
    # spawn, because a fork of a process with threads (a flow's, a test's) can hang
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
