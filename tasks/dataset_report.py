"""Writes ``report.html`` beside the manifest: the result of every stage, with samples, as one file without links.

The file contains its pictures, so it works offline.
"""

import base64
import hashlib
import io
from collections import Counter
from heapq import nsmallest
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, Template
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE

from imaging.codec import decode
from imaging.errors import ImageError
from imaging.pseudo_pair import DrawingStyle, measure_drawings, pseudo_pair
from imaging.scale import Scale, measure_scale
from irodori.datasets import Dataset, Domain
from irodori.thin import unlike_scales
from storage import NotFound, Row, Stage
from storage.row import STAGES
from tasks.errors import plain_errors

_NAMES: dict[Domain, str] = {"A": "Lineart", "B": "Colour"}
_SAMPLES = 16  # in each group
_SIDE = 160  # pixels of a thumbnail
_BINS = 64
_A = STAGES[: STAGES.index("train")]
_ALL: list[tuple[Stage, Domain]] = [*((stage, "A") for stage in _A), *((stage, "B") for stage in _A[:-1])]
_KEPT: tuple[tuple[Stage, Domain], ...] = (("normalize", "A"), ("resize", "B"))


@task(name="report", cache_policy=NO_CACHE)
@plain_errors
def write_report(dataset: Dataset) -> str:
    """Writes the page and returns its key. The page and the memory needed do not grow with the number of pictures."""
    stages = dataset.manifest.summary()
    chosen = [(f"{_NAMES[domain]}, kept", stage, domain, True) for stage, domain in _KEPT]
    chosen += [(f"{_NAMES[domain]}, lost in {stage}", stage, domain, False) for stage, domain in _ALL]
    samples = {title: _sample(dataset, stage, domain, kept=kept) for title, stage, domain, kept in chosen}
    rows = [row for sample in samples.values() for row in sample]
    origins = _origins(dataset, {name for row in rows for name in (row.id, row.duplicate_of)})
    totals = {(count["stage"], count["domain"]): (count["entered"] - count["ok"], count["ok"]) for count in stages}
    groups = [
        {
            "title": title,
            "total": totals[stage, domain][kept],
            "samples": [_shown(dataset, row, origins) for row in sample],
        }
        for title, stage, domain, kept in chosen
        if (sample := samples[title])
    ]
    read = _kept_pictures(dataset, samples)
    lineart = [np.asarray(image.convert("L")) for _, image in read["A"]]
    style = measure_drawings(lineart)
    groups = _learned(dataset, read["B"], style, origins) + groups
    scale = _scale(lineart, read["B"], style)
    page = _template().render(dataset=dataset.name, stages=stages, ink=_ink(dataset), scale=scale, groups=groups)
    key = f"datasets/{dataset.name}/report.html"
    if not dataset.storage.exists(key) or dataset.storage.read(key) != page.encode():
        dataset.storage.write(key, page.encode())
    return key


def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=loader, autoescape=True).get_template("dataset_report.html.j2")


def _sample(dataset: Dataset, stage: Stage, domain: Domain, *, kept: bool) -> list[Row]:
    """Selects rows by the hash of their ids: a random-like sample that is the same each time."""
    rows = (row for row in dataset.manifest.rows(stage, domain) if (row.status == "ok") == kept)
    return nsmallest(_SAMPLES, rows, key=lambda row: hashlib.sha256(row.id.encode()).digest())


def _origins(dataset: Dataset, ids: set[str]) -> dict[tuple[str, str], Row]:
    """Returns the scrape rows of the pictures with these ids, by domain and id."""
    domains: tuple[Domain, ...] = ("A", "B")
    return {
        (domain, row.id): row for domain in domains for row in dataset.manifest.rows("scrape", domain) if row.id in ids
    }


def _shown(dataset: Dataset, row: Row, origins: dict[tuple[str, str], Row]) -> dict[str, str]:
    """Returns the template's values of a row: its picture ("" if none is stored), and for a copy the one kept."""
    found = [origin for domain in ("A", "B") if (origin := origins.get((domain, row.id)))]
    kept = origins.get((row.domain, row.duplicate_of))
    return {
        "picture": _thumbnail(dataset, next((each.key for each in (row, *found) if each.key), "")),
        "kept": _thumbnail(dataset, kept.key) if kept else "",
        "page": found[0].post_url if found else "",
        "beside": "on the right, which was kept",
        "caption": row.reason or row.id,
    }


def _kept_pictures(dataset: Dataset, samples: dict[str, list[Row]]) -> dict[Domain, list[tuple[Row, Image.Image]]]:
    """Reads the pictures that are kept and shown; those that are missing or damaged are left out."""
    kept = {domain: samples[f"{_NAMES[domain]}, kept"] for _, domain in _KEPT}
    return {
        domain: [(row, image) for row in rows if (image := _read(dataset, row.key))] for domain, rows in kept.items()
    }


def _learned(
    dataset: Dataset, pictures: list[tuple[Row, Image.Image]], style: DrawingStyle, origins: dict[tuple[str, str], Row]
) -> list[dict[str, Any]]:
    """Returns the template's group of what a training makes of the colour pictures that are shown; none without any."""
    shown = []
    for row, image in pictures:
        pair = pseudo_pair(np.asarray(image.convert("RGB")), style)
        made = {"picture": _small(Image.fromarray(pair.colour)), "kept": _small(Image.fromarray(pair.draw()))}
        shown.append({**_shown(dataset, row, origins), **made, "beside": "on the right, the lines found in it"})
    return [{"title": "Colour, as it is learned from", "total": len(shown), "samples": shown}] if shown else []


def _scale(lineart: list[np.ndarray], pictures: list[tuple[Row, Image.Image]], style: DrawingStyle) -> dict[str, Any]:
    """Returns the template's values of the scale of both domains; none without pictures of both."""
    if not lineart or not pictures:
        return {}
    scale: Scale = measure_scale(lineart, [np.asarray(image.convert("RGB")) for _, image in pictures], style)
    return {"widths": scale.widths, "edges": scale.edges, "unlike": list(unlike_scales(scale))}


def _thumbnail(dataset: Dataset, key: str) -> str:
    """Returns a picture's thumbnail; "" if the picture is missing or damaged."""
    image = _read(dataset, key, draft_size=_SIDE)
    return _small(image) if image else ""


def _read(dataset: Dataset, key: str, draft_size: int | None = None) -> Image.Image | None:
    try:
        return decode(dataset.storage.read(key), draft_size=draft_size) if key else None
    except (NotFound, ImageError):
        return None


def _small(image: Image.Image) -> str:
    """Returns a WebP of at most 160 × 160 pixels in Base64."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=75)
    return base64.b64encode(buffer.getvalue()).decode()


def _ink(dataset: Dataset) -> dict[str, Any]:
    """Computes histograms of the mean ink (0..255, 64 equal bins) before and after; bar heights are in 0..1."""
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
