"""Keeps the best copy of each picture within a domain; writes rows only."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from prefect import task
from prefect.cache_policies import NO_CACHE

from imaging.dedupe import Fingerprint, find_duplicates
from irodori.datasets import Dataset, Domain
from storage import Row
from tasks.errors import plain_errors
from tasks.here import run_logger


@task(name="dedupe", cache_policy=NO_CACHE)
@plain_errors
def dedupe(dataset: Dataset, domain: Domain) -> "Counter[str]":
    """Compares new pictures with all pictures kept so far; a picture once kept stays, later copies are dropped."""
    manifest = dataset.manifest
    kept_ids = {row.id for row in manifest.rows("dedupe", domain) if row.status == "ok"}
    kept = _Pictures(row for row in manifest.rows("scrape", domain) if row.id in kept_ids)
    left = manifest.remaining("dedupe", domain)
    copies = _copies(kept, _Pictures(left))
    manifest.record(_decide(row, copies.get(row.id)) for row in left)
    run_logger().info("dedupe %s: %d pictures, %d copies dropped", domain, len(left), len(copies))
    return Counter(ok=len(left) - len(copies), dropped=len(copies))


class _Pictures:
    """The fields of many rows that the comparison needs in memory; the rest of the rows stays on disk."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.ids: list[str] = []
        self.prints: list[Fingerprint] = []
        self.ranks: list[int] = []
        for row in rows:
            self.ids.append(row.id)
            self.prints.append(Fingerprint.from_row({name: getattr(row, name) for name in Fingerprint.__slots__}))
            self.ranks.append(_rank(row))


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


def _decide(row: Row, copy: tuple[str, str] | None) -> Row:
    decision = Row(
        row.id, row.domain, "dedupe", "ok", key=row.key, sha256=row.sha256, width=row.width, height=row.height
    )
    if copy is None:
        return decision
    kind, best = copy
    reason = "same pixels as another picture" if kind == "exact" else "nearly the same as another picture"
    return replace(decision, status="dropped", reason=reason, key="", duplicate_of=best)
