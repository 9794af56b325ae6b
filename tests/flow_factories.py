"""Makes what tests of flows and of the inbox need: a small board, quick settings, drawings, runs without a server."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from demo.drawings import Domain, Drawing
from demo.search import BoardPost
from irodori.inbox import Finished, Inbox, Plan, look
from irodori.models import Served
from irodori.overrides import Overrides
from scraping.filters import PostFilter
from scraping.politeness import Politeness
from storage import Storage, open_storage
from storage.manifest import rows_from
from tasks.colorize import ClearJob, ColorizeJob, clear, colorize
from tasks.scrape import Query

QUICK = Politeness(api_per_second=200, files_per_second=1000, connections=8, backoff_s=0.01, retries=1)
SMALL = PostFilter(min_side=32, excluded_tags=frozenset({"sunglasses"}))
LINEART, COLOUR = (Query(tags=tags, filter=SMALL) for tags in ("lineart", "-lineart"))
TINY = Overrides(constant_epochs=1, decay_epochs=0, blocks=1, ngf=4, crop=32, checkpoint_every=8, device="cpu")
MODEL = Served("models/m/x.pt")


def posts(per_domain: int) -> list[BoardPost]:
    """Makes posts, newest first: portraits in both domains, an exact copy, a truncated file, a wrongly tagged one."""
    domains: tuple[tuple[Domain, int], ...] = (("A", 0), ("B", 500))
    pictures = [
        (Drawing(seed).render(domain, 64), Drawing(seed).tags(domain))
        for domain, first in domains
        for seed in range(first, first + per_domain)
    ]
    pictures += [pictures[0], (pictures[1][0][:900], pictures[1][1]), (pictures[-1][0], pictures[0][1])]
    numbered = [
        BoardPost(id=100 + n, data=data, tags=tags, width=64, height=64) for n, (data, tags) in enumerate(pictures)
    ]
    return numbered[::-1]


def png(seed: int = 0, side: int = 40) -> bytes:
    """Draws some strokes on white and returns a PNG file."""
    page = np.full((side, side), 255, np.uint8)
    random = np.random.default_rng(seed)
    page[random.integers(0, side, 3)] = 0
    page[:, random.integers(0, side, 3)] = 0
    buffer = io.BytesIO()
    Image.fromarray(page).save(buffer, "PNG")
    return buffer.getvalue()


def keys(storage: Storage, prefix: str) -> set[str]:
    return {entry.key for entry in storage.list(prefix) if "/_" not in entry.key}


def plan(inbox: Inbox, *styles: str, settle: float = 0, finished: Finished = "keep", by: str = "") -> Plan:
    return look(inbox, styles or [""], settle, finished, {style: by for style in styles or [""]} if by else {})


def run(inbox: Inbox, *styles: str, finished: Finished = "keep") -> None:
    """Colorizes the inbox as the flow does, without a Prefect server."""
    for works in plan(inbox, *styles).works.values():
        colorize.fn(works, ColorizeJob(inbox, MODEL, 0, credit="by me"))
    clear.fn(plan(inbox, *styles, finished=finished).leaving, ClearJob(inbox, finished))


def status(inbox: Inbox) -> dict[str, str]:
    return {row.id: row.status for row in rows_from(inbox.manifest.load())}


def new(found: Plan) -> dict[str, list[str]]:
    return {style: [work.name for work in works] for style, works in found.works.items()}


def copy_of(storage: Storage, folder: Path) -> Storage:
    copy = open_storage((folder / "copy").as_uri())
    for entry in storage.list(""):
        copy.write(entry.key, storage.read(entry.key))
    return copy


def fill_inbox(storage: Storage) -> None:
    png = Drawing(3).render("A", 80)
    wide = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("L").resize((130, 61)).save(wide, "JPEG", quality=95)
    header_only = io.BytesIO()
    Image.new("1", (20000, 20000), 1).save(header_only, "PNG")
    for key, data in {
        "page 1/ü.png": png,
        "page 1/wide.jpg": wide.getvalue(),
        "page 1/cut.png": png[: len(png) // 2],
        "page 1/.hidden.png": png,
        "huge.png": header_only.getvalue(),
        "notes.txt": b"remember the milk",
        "Thumbs.db": b"\xd0\xcf\x11\xe0",
    }.items():
        storage.write(f"inbox/{key}", data)
