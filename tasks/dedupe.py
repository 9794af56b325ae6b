"""Stage dedupe: within a domain, keep the best copy of each picture. Writes rows only."""

from collections import Counter
from dataclasses import replace

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from imaging.dedupe import Fingerprint, find_duplicates
from storage import Row
from tasks.dataset import Dataset, Domain
from tasks.errors import plain_errors


@task(name="dedupe", cache_policy=NO_CACHE)
@plain_errors
def dedupe(dataset: Dataset, domain: Domain) -> "Counter[str]":
    """Compares what is new with everything kept so far; a picture once kept stays, later copies of it go."""
    manifest = dataset.manifest
    kept_ids = {row.id for row in manifest.rows("dedupe", domain) if row.status == "ok"}
    kept = [row for row in manifest.rows("scrape", domain) if row.id in kept_ids]
    new = sorted(manifest.remaining("dedupe", domain), key=_preference)
    copies = _copies(kept, new)
    rows = [_decide(row, copies.get(number)) for number, row in enumerate(new)]
    manifest.record(rows)
    get_run_logger().info("dedupe %s: %d pictures, %d copies dropped", domain, len(rows), len(copies))
    return Counter(row.status for row in rows)


def _preference(row: Row) -> tuple[bool, bool, str]:
    """Of copies of one size: rather lossless, with a source to credit, then by id, so that order never matters."""
    return (row.key.endswith(".jpg"), not row.source, row.id)


def _copies(kept: list[Row], new: list[Row]) -> dict[int, tuple[str, Row]]:
    """Position in ``new`` → ("exact" or "near", the row that it is a copy of)."""
    rows = kept + new
    prints = [Fingerprint.from_row({name: getattr(row, name) for name in Row.__slots__}) for row in rows]
    found = find_duplicates(prints, num_kept=len(kept))
    return {copy.index - len(kept): (copy.kind, rows[copy.kept]) for copy in found}


def _decide(row: Row, copy: tuple[str, Row] | None) -> Row:
    decision = Row(
        row.id, row.domain, "dedupe", "ok", key=row.key, sha256=row.sha256, width=row.width, height=row.height
    )
    if copy is None:
        return decision
    kind, best = copy
    reason = "same pixels as another picture" if kind == "exact" else "nearly the same as another picture"
    return replace(decision, status="dropped", reason=reason, key="", duplicate_of=best.id)
