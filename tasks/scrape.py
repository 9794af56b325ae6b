"""Stage scrape: list posts, download the pictures, keep the original bytes and where they came from."""

import hashlib
from collections import Counter

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, ConfigDict, Field

from imaging.codec import ImageError, decode, sniff
from imaging.colour import measure_colour
from imaging.dedupe import fingerprint
from scraping.fetch import FetchError, shared_fetcher
from scraping.filters import PostFilter
from scraping.politeness import Politeness
from scraping.source import Post, open_source
from storage import Row, Status
from tasks.dataset import Dataset, Domain
from tasks.errors import plain_errors


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
    """Lists what the query finds, records what the filter drops, returns what is left to download."""
    posts = list(open_source(source, shared_fetcher(politeness)).posts(query.tags, query.limit))
    # a file that never arrived is worth another try, one that arrived damaged is not
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


@task(name="scrape", cache_policy=NO_CACHE)
@plain_errors
def scrape(posts: list[Post], dataset: Dataset, domain: Domain, politeness: Politeness) -> "Counter[str]":
    """Downloads a batch of posts; bytes first, then the rows that name them."""
    rows = [_scrape_one(post, dataset, domain, politeness) for post in posts]
    dataset.manifest.record(rows)
    return Counter(row.status for row in rows)


def _scrape_one(post: Post, dataset: Dataset, domain: Domain, politeness: Politeness) -> Row:
    try:
        download = shared_fetcher(politeness).download(post)
    except FetchError as error:
        return _row(post, domain, "failed", str(error))
    sha256 = hashlib.sha256(download.data).hexdigest()
    found = {"sha256": sha256, "md5_ok": "" if download.md5_ok is None else str(download.md5_ok)}
    try:
        image = decode(download.data)
    except ImageError as error:
        return _row(post, domain, "failed", str(error), **found)
    colour = measure_colour(image)
    found |= {"colour_mse": f"{colour.mse:.1f}", "colour_fraction": f"{colour.fraction:.4f}"}
    if colour.is_grey != (domain == "A"):
        reason = "grey picture under a colour tag" if domain == "B" else "coloured picture under a lineart tag"
        return _row(post, domain, "dropped", reason, **found)
    key = dataset.key("scrape", domain, sha256, sniff(download.data) or "bin")
    if not dataset.storage.exists(key):
        dataset.storage.write(key, download.data)
    return _row(post, domain, "ok", "", key=key, **found, **fingerprint(image).to_row())


def _row(post: Post, domain: Domain, status: Status, reason: str, **found: str) -> Row:
    listed = {
        "width": str(post.width), "height": str(post.height), "post_url": post.post_url,
        "file_url": post.file_url, "source": post.source, "owner": post.owner, "rating": post.rating,
        "tags": post.tags, "md5": post.md5,
    }  # fmt: skip
    return Row(id=post.id, domain=domain, stage="scrape", status=status, reason=reason, **(listed | found))
