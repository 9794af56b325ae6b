"""Lists posts and downloads their pictures; stores the original bytes and records their origin."""

import hashlib
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
from PIL import Image
from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, ConfigDict, Field

from imaging.codec import decode_drawing, encode_png
from imaging.colour import ColourMeasure, measure_colour
from imaging.colour_panels import find_colour_panels
from imaging.dedupe import fingerprint
from imaging.domain import GREY, INK, WRONG_DOMAIN, judge
from imaging.errors import ImageError
from imaging.formats import sniff
from imaging.line_hash import crop_hashes, line_hash
from imaging.teaching import TEACHES_LITTLE, why_not
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
_TONED = ", and with too much tone for lineart"
_KEPT_IF_ASKED = (GREY, INK, GREY + _TONED, INK + _TONED, *TEACHES_LITTLE)  # reasons
_PAGE = "page of panels, each of which is a picture of its own"
_PANEL = re.compile(r"#\d+$")  # what is added to the id of a page; no file or post ends like that


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
    keep: bool = False,
) -> list[Post]:
    """Lists the posts of a query, records those that are dropped or have no file, and returns those to download.

    Args:
        dataset: the dataset.
        domain: "A" or "B".
        source: address of a board, or URL of a storage with pictures.
        query: tags, limit and filter.
        politeness: limits for requests to the board.
        move_to: the other domain's filter for pictures that belong there; None: such pictures are dropped.
        keep: whether colour pictures that teach little stay.
    """
    tags, limit = _asked(query, domain, source)
    posts = list(_open(source, politeness).posts(tags, limit))
    known = _judged_before(dataset, domain, move_to, keep)
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


def _judged_before(
    dataset: Dataset, domain: Domain, move_to: PostFilter | None, keep: bool
) -> dict[str, tuple[str, str]]:
    """Returns, by id, status and reason of what was listed before and is judged again, and _DONE for all else.

    A failed download is retried, a file that arrived damaged is not. What a filter dropped is judged again, since the
    filter may have changed; so is what was of the wrong domain, once such pictures may move, and what taught little,
    itself or in a panel, once such pictures stay.
    """
    known: dict[str, tuple[str, str]] = {}
    for row in dataset.manifest.rows("scrape", domain):  # the panels of a page come after it
        by_the_filter = row.status == "dropped" and not row.key and (not row.sha256 or row.moved_from)
        may_move_now = move_to is not None and row.status == "dropped" and row.reason in WRONG_DOMAIN
        may_stay_now = keep and domain == "B" and row.status == "dropped" and row.reason in _KEPT_IF_ASKED
        never_arrived = row.status == "failed" and not row.sha256
        post = _PANEL.sub("", row.id)
        if by_the_filter or may_move_now or may_stay_now or never_arrived:
            known[post] = (row.status, row.reason)
        else:
            known.setdefault(post, _DONE)
    return known


def _refused_on_arrival(dataset: Dataset, domain: Domain) -> set[str]:
    """Returns ids of what was moved from a domain to the other one, whose filter dropped it."""
    rows = dataset.manifest.rows("scrape", _OTHER[domain])
    return {row.id for row in rows if row.status == "dropped" and row.moved_from == domain and not row.key}


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
        keep: whether colour pictures stay that teach little: grey, nearly all dark, or mostly text.
    """

    dataset: Dataset
    domain: Domain
    source: str
    politeness: Politeness
    move_to: PostFilter | None = None
    keep: bool = False


@task(name="scrape", cache_policy=NO_CACHE)
@plain_errors
def scrape(posts: Sequence[Post], job: ScrapeJob) -> "Counter[str]":
    """Downloads a batch of posts; writes the bytes first, then the rows that name them."""
    opened = _open(job.source, job.politeness)
    return record_each(posts, partial(_scrape_one, job, opened), job.dataset.manifest)


def _scrape_one(job: ScrapeJob, source: Source, post: Post) -> list[Row]:
    """Downloads one post; returns its row, and others if it is moved to the other domain or is a page of panels."""
    domain, move_to = job.domain, job.move_to
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
    found |= _measured(judged.colour)
    belongs, reason, pixels = judged.belongs, judged.reason, judged.pixels
    stays = belongs == domain or (job.keep and domain == "B" and not (move_to and judged.lines))
    if stays:
        return _entered(post, job, domain, download.data, pixels, found)
    if move_to is None:
        return [_row(post, domain, "dropped", reason, **found)]
    if belongs == "A" and not judged.lines:  # nobody tagged it as lineart
        return [_row(post, domain, "dropped", reason + _TONED, **found)]
    here = _row(post, domain, "dropped", f"{reason}, moved to domain {belongs}", **found)
    found |= {"moved_from": domain}
    if refused := move_to.reason(post):
        return [here, _row(post, belongs, "dropped", refused, **found)]
    return [here, *_entered(post, job, belongs, download.data, pixels, found)]


def _entered(
    post: Post, job: ScrapeJob, domain: Domain, data: bytes, pixels: npt.NDArray[np.uint8], found: dict[str, str]
) -> list[Row]:
    """Stores a picture of a domain; returns its row, and those of its panels if it is a page in colour."""
    found |= {"key": _stored(job.dataset, domain, data, found["sha256"])}
    if domain == "B" and not job.keep and (why := why_not(pixels)):
        return [_row(post, domain, "dropped", why, **found)]
    panels = find_colour_panels(pixels) if domain == "B" else []
    if not panels:
        return [_row(post, domain, "ok", "", **found, **_hashes(pixels))]
    rows = [_row(post, domain, "dropped", _PAGE, **found)]
    for number, (left, top, right, bottom) in enumerate(panels, 1):
        rows.append(_panel(post, job, number, np.ascontiguousarray(pixels[top:bottom, left:right]), found))
    return rows


def _panel(post: Post, job: ScrapeJob, number: int, pixels: npt.NDArray[np.uint8], page: dict[str, str]) -> Row:
    """Stores a panel of a page, losslessly, as a version of the page; a grey one on a page in colour is dropped."""
    data, colour = encode_png(Image.fromarray(pixels)), measure_colour(pixels)
    sha256, (height, width, _) = hashlib.sha256(data).hexdigest(), pixels.shape
    key = _stored(job.dataset, "B", data, sha256)
    found = page | _measured(colour) | {"sha256": sha256, "key": key, "md5_ok": ""}
    why = "" if job.keep else GREY if colour.is_grey else why_not(pixels)
    parent = post.parent or post.id  # so that all panels share a split
    panel = replace(post, id=f"{post.id}#{number}", md5="", parent=parent, width=width, height=height)
    return _row(panel, "B", "dropped" if why else "ok", why, **found, **({} if why else _hashes(pixels)))


def _measured(colour: ColourMeasure) -> dict[str, str]:
    return {"colour_mse": f"{colour.mse:.1f}", "colour_fraction": f"{colour.fraction:.4f}"}


def _stored(dataset: Dataset, domain: Domain, data: bytes, sha256: str) -> str:
    key = dataset.key("scrape", domain, sha256, sniff(data) or "bin")
    dataset.storage.write(key, data)  # without asking whether it exists: that would be one more request per picture
    return key


def _hashes(pixels: npt.NDArray[np.uint8]) -> dict[str, str]:
    return {"lines": line_hash(pixels), "crops": crop_hashes(pixels), **fingerprint(pixels).to_row()}


def _row(post: Post, domain: Domain, status: Status, reason: str, **found: str) -> Row:
    listed = {
        "width": str(post.width), "height": str(post.height), "post_url": post.post_url,
        "file_url": post.file_url, "source": post.source, "owner": post.owner, "rating": post.rating,
        "tags": post.tags, "md5": post.md5, "parent": post.parent,
    }  # fmt: skip
    return Row(id=post.id, domain=domain, stage="scrape", status=status, reason=reason, **(listed | found))
