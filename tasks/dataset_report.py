"""``report.html`` beside the manifest: what became of every picture, with samples, in one file that works offline."""

import base64
import hashlib
import io
from collections import Counter
from heapq import nsmallest
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Template
from prefect import task
from prefect.cache_policies import NO_CACHE

from imaging.codec import ImageError, decode
from storage import NotFound, Row, Stage
from tasks.dataset import Dataset, Domain
from tasks.errors import plain_errors

_SAMPLES = 16  # a group
_SIDE = 160  # pixels of a thumbnail
_BINS = 64
_A: tuple[Stage, ...] = ("scrape", "dedupe", "resize", "normalize")
_ALL: list[tuple[Stage, Domain]] = [*((stage, "A") for stage in _A), *((stage, "B") for stage in _A[:-1])]
_KEPT: tuple[tuple[Stage, Domain], ...] = (("normalize", "A"), ("resize", "B"))


@task(name="report", cache_policy=NO_CACHE)
@plain_errors
def write_report(dataset: Dataset) -> str:
    """Writes the page and returns its key. Memory and page stay small whatever the number of pictures."""
    chosen = [(f"Kept, domain {domain}", _sample(dataset, stage, domain, kept=True)) for stage, domain in _KEPT]
    for stage, domain in _ALL:
        chosen.append((f"Lost in {stage}, domain {domain}", _sample(dataset, stage, domain, kept=False)))
    origins = _origins(dataset, {row.id for _, rows in chosen for row in rows})
    groups = [
        {"title": title, "samples": [_shown(dataset, row, origins.get((row.domain, row.id), row)) for row in rows]}
        for title, rows in chosen
        if rows
    ]
    page = _template().render(dataset=dataset.name, stages=dataset.manifest.summary(), ink=_ink(dataset), groups=groups)
    key = f"datasets/{dataset.name}/report.html"
    if not dataset.storage.exists(key) or dataset.storage.read(key) != page.encode():
        dataset.storage.write(key, page.encode())
    return key


def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=loader, autoescape=True).get_template("dataset_report.html.j2")


def _sample(dataset: Dataset, stage: Stage, domain: Domain, *, kept: bool) -> list[Row]:
    """Some rows by the hash of their ids: spread over all, and the same ones each time."""
    rows = (row for row in dataset.manifest.rows(stage, domain) if (row.status == "ok") == kept)
    return nsmallest(_SAMPLES, rows, key=lambda row: hashlib.sha256(row.id.encode()).digest())


def _origins(dataset: Dataset, ids: set[str]) -> dict[tuple[str, str], Row]:
    """Where the pictures of these ids come from."""
    domains: tuple[Domain, ...] = ("A", "B")
    return {
        (domain, row.id): row for domain in domains for row in dataset.manifest.rows("scrape", domain) if row.id in ids
    }


def _shown(dataset: Dataset, row: Row, origin: Row) -> dict[str, str]:
    """For the template. What was never kept, such as a picture of the wrong domain, has no picture to show."""
    key = row.key or origin.key
    return {
        "picture": _thumbnail(dataset, key) if key else "",
        "page": origin.post_url,
        "caption": row.reason or row.id,
    }


def _thumbnail(dataset: Dataset, key: str) -> str:
    """Base64 of a small WebP; "" if it is gone or broken."""
    try:
        image = decode(dataset.storage.read(key), draft_size=_SIDE)
    except (NotFound, ImageError):
        return ""
    image.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=75)
    return base64.b64encode(buffer.getvalue()).decode()


def _ink(dataset: Dataset) -> dict[str, Any]:
    """Bar heights (0..1) of the mean ink before and after, of 0..255 in equal bins."""
    before: Counter[int] = Counter()
    after: Counter[int] = Counter()
    for row in dataset.manifest.rows("normalize", "A"):
        if row.status == "ok":
            before[_bin(row.ink_mean_before)] += 1
            after[_bin(row.ink_mean_after)] += 1
    highest = max([*before.values(), *after.values()], default=1)
    bars = {
        name: [counts[n] / highest for n in range(_BINS)] for name, counts in (("before", before), ("after", after))
    }
    return {"total": before.total(), **bars}


def _bin(mean: str) -> int:
    return min(_BINS - 1, int(float(mean) * _BINS / 256))
