"""Lists posts and downloads their pictures; stores the original bytes and records their origin."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, ConfigDict, Field

from imaging.codec import decode
from imaging.colour import measure_colour
from imaging.dedupe import fingerprint
from imaging.errors import ImageError
from imaging.formats import sniff
from imaging.line_hash import line_hash
from imaging.lineart import is_lines, lineart_gray
from irodori.datasets import Dataset, Domain
from irodori.sources import StoredPictures
from scraping.fetch import FetchError, shared_fetcher
from scraping.filters import PostFilter
from scraping.politeness import Politeness
from scraping.source import Post, Source, open_source
from storage import Row, Status
from tasks.errors import plain_errors
from tasks.record import record_each

_WRONG: dict[Domain, str] = {"A": "coloured picture under a lineart tag", "B": "grey picture under a colour tag"}


class Query(BaseModel):
    """What to scrape for one domain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: str = Field(
        min_length=1,
        description="the board's tags, separated by spaces; -tag excludes",
        examples=["lineart solo"],
    )
    limit: int = Field(1000, ge=1, le=1_000_000, description="how many posts to take, newest first")
    filter: PostFilter = Field(PostFilter(), description="what to drop by what the post says of itself")


@task(name="list-posts", cache_policy=NO_CACHE)
@plain_errors
def list_posts(dataset: Dataset, domain: Domain, source: str, query: Query, politeness: Politeness) -> list[Post]:
    """Lists the posts of a query, records those that the filter drops, and returns those to download.

    Args:
        dataset: the dataset.
        domain: "A" or "B".
        source: address of a board, or URL of a storage with pictures.
        query: tags, limit and filter.
        politeness: limits for requests to the board.
    """
    posts = list(_open(source, politeness).posts(query.tags, query.limit))
    # a failed download is retried, a file that arrived damaged is not
    done = {row.id for row in dataset.manifest.rows("scrape", domain) if row.status != "failed" or row.sha256}
    new = [post for post in posts if post.id not in done]
    reasons = {post.id: query.filter.reason(post) for post in new}
    dataset.manifest.record([_row(post, domain, "dropped", reason) for post in new if (reason := reasons[post.id])])
    left = [post for post in new if not reasons[post.id]]
    get_run_logger().info(
        "scrape %s: %d posts listed for %r, %d already done, %d dropped by the filter, %d to download",
        domain, len(posts), query.tags, len(posts) - len(new), len(new) - len(left), len(left),
    )  # fmt: skip
    return left


def _open(source: str, politeness: Politeness) -> Source:
    """Opens a board, or a storage with pictures."""
    if source.startswith(("file:", "s3:")):
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
        image = decode(download.data)
    except ImageError as error:
        return [_row(post, domain, "failed", str(error), **found)]
    pixels = np.asarray(image)  # converted only once, because it takes as long as decoding
    colour = measure_colour(pixels)
    found |= {"colour_mse": f"{colour.mse:.1f}", "colour_fraction": f"{colour.fraction:.4f}"}
    belongs: Domain = "A" if colour.is_grey else "B"
    if belongs == domain:
        return [_kept(post, dataset, domain, download.data, pixels, found)]
    reason = _WRONG[domain]
    if move_to is None:
        return [_row(post, domain, "dropped", reason, **found)]
    if belongs == "A" and not is_lines(lineart_gray(image)):  # nobody tagged it as lineart
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
    return _row(post, domain, "ok", "", key=key, lines=line_hash(pixels), **found, **fingerprint(pixels).to_row())


def _row(post: Post, domain: Domain, status: Status, reason: str, **found: str) -> Row:
    listed = {
        "width": str(post.width), "height": str(post.height), "post_url": post.post_url,
        "file_url": post.file_url, "source": post.source, "owner": post.owner, "rating": post.rating,
        "tags": post.tags, "md5": post.md5, "parent": post.parent,
    }  # fmt: skip
    return Row(id=post.id, domain=domain, stage="scrape", status=status, reason=reason, **(listed | found))
