"""Keeps the best copy of each picture within a domain; writes rows only."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import log

from prefect import task
from prefect.cache_policies import NO_CACHE

from imaging.dedupe import Fingerprint, find_duplicates
from imaging.overlay import Sketch, overlay
from imaging.reframed import reframed_pairs
from irodori.datasets import Dataset, Domain
from irodori.sketches import sketches
from storage import Row
from tasks.errors import plain_errors
from tasks.here import run_logger

_REASONS = {
    "exact": "same pixels as another picture",
    "near": "nearly the same as another picture",
    "reframed": "same as another picture but for mirroring, cropping or a border",
}
_AS_MUCH = 0.02  # share by which the pixels inside the borders of two pictures differ that show as much


@task(name="dedupe", cache_policy=NO_CACHE)
@plain_errors
def dedupe(dataset: Dataset, domain: Domain) -> "Counter[str]":
    """Compares new pictures with all pictures kept so far; a picture once kept stays, later copies are dropped."""
    manifest = dataset.manifest
    kept_ids = {row.id for row in manifest.rows("dedupe", domain) if row.status == "ok"}
    kept = _Pictures(row for row in manifest.rows("scrape", domain) if row.id in kept_ids)
    left = manifest.remaining("dedupe", domain)
    copies = _copies(kept, _Pictures(left))
    others = _Pictures(row for row in left if row.id not in copies)
    copies |= _reframed(kept, others, sketches(dataset.storage))
    manifest.record(_decide(row, copies.get(row.id)) for row in left)
    run_logger().info("dedupe %s: %d pictures, %d copies dropped", domain, len(left), len(copies))
    return Counter(ok=len(left) - len(copies), dropped=len(copies))


class _Pictures:
    """The fields of many rows that the comparison needs in memory; the rest of the rows stays on disk."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.ids: list[str] = []
        self.prints: list[Fingerprint] = []
        self.ranks: list[int] = []
        self.keys: list[str] = []
        self.hashes: list[bytes] = []
        for row in rows:
            self.ids.append(row.id)
            self.prints.append(Fingerprint.from_row({name: getattr(row, name) for name in Fingerprint.__slots__}))
            self.ranks.append(_rank(row))
            self.keys.append(row.key)
            self.hashes.append(bytes.fromhex(row.lines + row.crops))


def _rank(row: Row) -> int:
    """Ranks copies of one size, lower is better: prefers lossless files, then those with a source to credit."""
    return 2 * row.key.endswith(".jpg") + (not row.source)


def _copies(kept: _Pictures, new: _Pictures) -> dict[str, tuple[str, str]]:
    """Maps the id of each new picture that is a copy to ("exact" or "near", the id of the picture kept)."""
    # equal ranks are sorted by id, so that the order of scraping does not matter
    order = sorted(range(len(new.ids)), key=lambda place: (new.ranks[place], new.ids[place]))
    ids = kept.ids + [new.ids[place] for place in order]
    prints = kept.prints + [new.prints[place] for place in order]
    found = find_duplicates(prints, num_kept=len(kept.ids))
    return {ids[copy.index]: (copy.kind, ids[copy.kept]) for copy in found}


def _reframed(kept: _Pictures, new: _Pictures, sketch: Callable[[str], Sketch | None]) -> dict[str, tuple[str, str]]:
    """Maps the id of each new picture that is another one in another frame to ("reframed", the id of that one).

    Hashes suggest the pairs; the pictures, laid over each other, decide.
    """
    ids, keys, prints, num_kept = kept.ids + new.ids, kept.keys + new.keys, kept.prints + new.prints, len(kept.ids)
    pairs: list[tuple[int, int]] = []
    shown: dict[int, float] = {}
    for pair in reframed_pairs(kept.hashes + new.hashes).tolist():
        one, other = (sketch(keys[place]) for place in pair)
        if pair[1] >= num_kept and one and other and overlay(one, other).same_picture:
            pairs.append(pair)
            shown |= zip(pair, (one.content, other.content), strict=True)
    ranks = {place: (place >= num_kept, *_least_frame(prints[place], shown[place]), place) for place in shown}
    found: dict[int, int] = {}
    for (_, best), (_, copy) in sorted(sorted((ranks[place], place) for place in pair) for pair in pairs):
        if best not in found and copy not in found and copy >= num_kept:
            found[copy] = best
    return {ids[copy]: ("reframed", ids[best]) for copy, best in found.items()}


def _least_frame(print_: Fingerprint, content: float) -> tuple[int, int]:
    """Ranks pictures, lower is better: with more pixels inside the borders, and of as many with less border."""
    pixels = print_.width * print_.height
    return -round(log(max(1.0, content * pixels)) / _AS_MUCH), pixels


def _decide(row: Row, copy: tuple[str, str] | None) -> Row:
    decision = Row(
        row.id, row.domain, "dedupe", "ok", key=row.key, sha256=row.sha256, width=row.width, height=row.height
    )
    if copy is None:
        return decision
    kind, best = copy
    return replace(decision, status="dropped", reason=_REASONS[kind], key="", duplicate_of=best)
