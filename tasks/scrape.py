"""Lists posts and downloads their pictures; stores the original bytes and records their origin."""

import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, ConfigDict, Field

from imaging.codec import decode_drawing
from imaging.dedupe import fingerprint
from imaging.domain import WRONG_DOMAIN, judge
from imaging.errors import ImageError
from imaging.formats import sniff
from imaging.line_hash import crop_hashes, line_hash
from irodori.datasets import Dataset, Domain
from irodori.sources import StoredPictures, is_stored
from scraping.fetch import FetchError, shared_fetcher
from scraping.filters import PostFilter
from scraping.politeness import Politeness
from scraping.source import Post, Source, open_source
from storage import Row, Status
from tasks.errors import plain_errors
from tasks.here import run_logger
from tasks.record import record_each

BOARD_TAGS: dict[Domain, str] = {
    "A": "lineart monochrome solo",
    "B": "solo white_background -monochrome -greyscale",
}
BOARD_LIMIT = 1000  # posts
_NEW, _DONE = ("", ""), ("ok", "")
_OTHER: dict[Domain, Domain] = {"A": "B", "B": "A"}


class Query(BaseModel):
    """What to scrape for one domain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: str = Field(
        "",
        description="a board's tags, separated by spaces (-tag excludes), or a folder within the source; empty: "
        f"{BOARD_TAGS['A']!r} for lineart and {BOARD_TAGS['B']!r} for colour on a board, else the whole source",
        examples=["lineart solo", "ink"],
    )
    limit: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description=f"how many to take, newest first; empty: {BOARD_LIMIT:,} posts of a board, all of a folder",
    )
    filter: PostFilter = Field(PostFilter(), description="what to drop by what the post says of itself")


@task(name="list-posts", cache_policy=NO_CACHE)
@plain_errors
def list_posts(
    dataset: Dataset,
    domain: Domain,
    source: str,
    query: Query,
    politeness: Politeness,
    move_to: PostFilter | None = None,
) -> list[Post]:
    """Lists the posts of a query, records those that are dropped or have no file, and returns those to download.

    Args:
        dataset: the dataset.
        domain: "A" or "B".
        source: address of a board, or URL of a storage with pictures.
        query: tags, limit and filter.
        politeness: limits for requests to the board.
        move_to: the other domain's filter for pictures that belong there; None: such pictures are dropped.
    """
    tags, limit = _asked(query, domain, source)
    posts = list(_open(source, politeness).posts(tags, limit))
    known = _judged_before(dataset, domain, move_to)
    refused = _refused_on_arrival(dataset, domain) if move_to else set()
    new = [
        post
        for post in posts
        if known.get(post.id, _NEW) is not _DONE or (move_to and post.id in refused and not move_to.reason(post))
    ]
    verdicts = {post.id: _verdict(post, query.filter) for post in new}
    changed = [(post, verdict) for post in new if (verdict := verdicts[post.id]) and verdict != known.get(post.id)]
    dataset.manifest.record([_row(post, domain, *verdict) for post, verdict in changed])
    left = [post for post in new if not verdicts[post.id]]
    statuses = Counter(verdict[0] for verdict in verdicts.values() if verdict)
    run_logger().info(
        "scrape %s: %d %s, %d already done, %d dropped by the filter, %s%d to download",
        domain, len(posts), _listed(posts, tags, limit, source), len(posts) - len(new), statuses["dropped"],
        f"{statuses['failed']} that cannot be read, " if statuses["failed"] else "", len(left),
    )  # fmt: skip
    return left


def _asked(query: Query, domain: Domain, source: str) -> tuple[str, int]:
    """Returns the tags and the limit of a query, or their defaults."""
    if is_stored(source):
        return query.tags, query.limit or sys.maxsize
    return query.tags or BOARD_TAGS[domain], query.limit or BOARD_LIMIT


def _listed(posts: Sequence[Post], tags: str, limit: int, source: str) -> str:
    """Describes in the log what was listed."""
    what = f"pictures found in {source}" if is_stored(source) else f"posts listed for {tags!r}"
    return f"{what} (limit {limit}, newest first)" if len(posts) == limit else what


def _judged_before(dataset: Dataset, domain: Domain, move_to: PostFilter | None) -> dict[str, tuple[str, str]]:
    """Returns, by id, status and reason of what was listed before and is judged again, and _DONE for all else.

    A failed download is retried, a file that arrived damaged is not. What a filter dropped is judged again, since the
    filter may have changed; so is what was of the wrong domain, once such pictures may move.
    """
    known = {}
    for row in dataset.manifest.rows("scrape", domain):
        by_the_filter = row.status == "dropped" and (not row.sha256 or row.moved_from)
        may_move_now = move_to is not None and row.status == "dropped" and row.reason in WRONG_DOMAIN
        never_arrived = row.status == "failed" and not row.sha256
        known[row.id] = (row.status, row.reason) if by_the_filter or may_move_now or never_arrived else _DONE
    return known


def _refused_on_arrival(dataset: Dataset, domain: Domain) -> set[str]:
    """Returns ids of what was moved from a domain to the other one, whose filter dropped it."""
    rows = dataset.manifest.rows("scrape", _OTHER[domain])
    return {row.id for row in rows if row.status == "dropped" and row.moved_from == domain}


def _verdict(post: Post, post_filter: PostFilter) -> tuple[Status, str] | None:
    """Returns status and reason of a post that is not downloaded; None for one to download."""
    if post.problem:
        return "failed", post.problem
    reason = post_filter.reason(post)
    return ("dropped", reason) if reason else None


def _open(source: str, politeness: Politeness) -> Source:
    """Opens a board, or a storage with pictures."""
    if is_stored(source):
        return StoredPictures(source, politeness.max_bytes)
    return open_source(source, shared_fetcher(politeness))


@dataclass(frozen=True)
class ScrapeJob:
    """What the batches of one domain have in common.

    Attributes:
        dataset: the dataset.
        domain: the domain whose tags were searched.
        source: address of a board, or URL of a storage with pictures.
        politeness: limits for requests of one process to the board.
        move_to: the other domain's filter for pictures that belong there; None: such pictures are dropped.
    """

    dataset: Dataset
    domain: Domain
    source: str
    politeness: Politeness
    move_to: PostFilter | None = None


@task(name="scrape", cache_policy=NO_CACHE)
@plain_errors
def scrape(posts: Sequence[Post], job: ScrapeJob) -> "Counter[str]":
    """Downloads a batch of posts; writes the bytes first, then the rows that name them."""
    opened = _open(job.source, job.politeness)
    return record_each(posts, partial(_scrape_one, job, opened), job.dataset.manifest)


def _scrape_one(job: ScrapeJob, source: Source, post: Post) -> list[Row]:
    """Downloads one post; returns its row, and a second row in the other domain if it is moved there."""
    dataset, domain, move_to = job.dataset, job.domain, job.move_to
    try:
        download = source.download(post)
    except FetchError as error:
        return [_row(post, domain, "failed", str(error))]
    sha256 = hashlib.sha256(download.data).hexdigest()
    found = {"sha256": sha256, "md5_ok": "" if download.md5_ok is None else str(download.md5_ok)}
    try:
        image = decode_drawing(download.data)
    except ImageError as error:
        return [_row(post, domain, "failed", str(error), **found)]
    judged = judge(image, domain)
    found |= {"colour_mse": f"{judged.colour.mse:.1f}", "colour_fraction": f"{judged.colour.fraction:.4f}"}
    belongs, reason, pixels = judged.belongs, judged.reason, judged.pixels
    if belongs == domain:
        return [_kept(post, dataset, domain, download.data, pixels, found)]
    if move_to is None:
        return [_row(post, domain, "dropped", reason, **found)]
    if belongs == "A" and not judged.lines:  # nobody tagged it as lineart
        return [_row(post, domain, "dropped", f"{reason}, and with too much tone for lineart", **found)]
    here = _row(post, domain, "dropped", f"{reason}, moved to domain {belongs}", **found)
    found |= {"moved_from": domain}
    if refused := move_to.reason(post):
        return [here, _row(post, belongs, "dropped", refused, **found)]
    return [here, _kept(post, dataset, belongs, download.data, pixels, found)]


def _kept(
    post: Post, dataset: Dataset, domain: Domain, data: bytes, pixels: npt.NDArray[np.uint8], found: dict[str, str]
) -> Row:
    key = dataset.key("scrape", domain, found["sha256"], sniff(data) or "bin")
    dataset.storage.write(key, data)  # without asking whether it exists: that would be one more request per picture
    hashes = {"lines": line_hash(pixels), "crops": crop_hashes(pixels), **fingerprint(pixels).to_row()}
    return _row(post, domain, "ok", "", key=key, **found, **hashes)


def _row(post: Post, domain: Domain, status: Status, reason: str, **found: str) -> Row:
    listed = {
        "width": str(post.width), "height": str(post.height), "post_url": post.post_url,
        "file_url": post.file_url, "source": post.source, "owner": post.owner, "rating": post.rating,
        "tags": post.tags, "md5": post.md5, "parent": post.parent,
    }  # fmt: skip
    return Row(id=post.id, domain=domain, stage="scrape", status=status, reason=reason, **(listed | found))
