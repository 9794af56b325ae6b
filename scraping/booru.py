"""Lists the posts of a board by descending id, whichever software the board runs."""

import logging
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Protocol

from tenacity import Retrying, retry_if_result, stop_after_attempt
from tenacity.wait import wait_exponential

from scraping.answers import Row, as_int
from scraping.fetch import Fetcher, FetchError
from scraping.post import Download, Post, SourceError

# of all boards, in any case, also negated or made optional: what lists posts in another order than by id
_ORDER = re.compile(r"[-~]*(sort|order|ordfav|ordfavgroup|ordpool|random):", re.IGNORECASE)

logger = logging.getLogger(__name__)


class Board(Protocol):
    """The operations that differ between boards.

    Attributes:
        name: the host; the ids of the board's posts begin with it.
        fetcher: sends the requests.
    """

    name: str
    fetcher: Fetcher

    def rows(self, terms: list[str], below: int | None, limit: int) -> list[Row]:
        """Returns up to `limit` raw posts that have all terms and an id less than `below`, newest first."""
        ...

    def count(self, terms: list[str], below: int | None) -> int:
        """Returns the number of such posts; 0 on boards where an empty page always means the end."""
        ...

    def has_tag(self, tag: str) -> bool:
        """Tells whether the tag exists on the board."""
        ...

    def post(self, row: Row) -> Post:
        """Converts a raw post to a Post."""
        ...


class Booru:
    """A Source that lists one board.

    Each page is requested as "posts with an id below the last one seen", never by page number. So there is no depth
    limit, and posts that are added or deleted in the meantime do not shift the pages.
    """

    def __init__(self, board: Board) -> None:
        self.board = board

    def posts(self, tags: str, limit: int) -> Iterator[Post]:
        """See Source.posts; passes terms such as -tag, rating:general, width:>=512 on to the board."""
        terms = _read_terms(tags)
        try:
            yield from self._posts(terms, limit)
        except FetchError as error:
            raise SourceError(str(error)) from None

    def download(self, post: Post) -> Download:
        """See Source.download."""
        return self.board.fetcher.download(post)

    def _posts(self, terms: list[str], limit: int) -> Iterator[Post]:
        below: int | None = None
        num_left = limit
        while num_left > 0 and (rows := self._page(terms, below, num_left)):
            for row in rows[:num_left]:
                yield self.board.post(row)
            num_left -= len(rows)
            below = as_int(rows[-1]["id"])
        if below is None and limit > 0:
            raise SourceError(self._nothing_found(terms))

    def _page(self, terms: list[str], below: int | None, limit: int) -> list[Row]:
        """Returns the next posts; [] at the end.

        Boards send empty pages in the middle of a search, so only a count of 0 proves the end. A count may be
        stale, so the number of retries is limited.
        """
        limits = self.board.fetcher.politeness
        asking = Retrying(
            stop=stop_after_attempt(limits.retries + 1),
            wait=wait_exponential(limits.backoff_s, limits.backoff_max_s),
            retry=retry_if_result(lambda rows: rows is None),
            retry_error_callback=lambda _: None,
        )
        return asking(self._rows_or_end, terms, below, limit) or []

    def _rows_or_end(self, terms: list[str], below: int | None, limit: int) -> list[Row] | None:
        rows = self.board.rows(terms, below, limit)
        self._require_order(rows, terms)
        if fresh := _newest_first(rows, below):
            return fresh
        if rows:
            raise SourceError(f"{self.board.name} does not list by id, so its list never ends")
        num_missing = self.board.count(terms, below)
        if num_missing:
            logger.warning("%s lists nothing, but counts %d posts more", self.board.name, num_missing)
            return None
        return []

    def _require_order(self, rows: list[Row], terms: list[str]) -> None:
        """Refuses a page in another order, whatever caused it: what is not on it would be taken for seen."""
        numbers = [number for row in rows if (number := as_int(row.get("id"))) > 0]
        for before, number in pairwise(numbers):
            if number > before:
                special = [term for term in terms if ":" in term]
                remedy = f"remove {' or '.join(map(repr, special))}" if special else "ask for other tags"
                raise SourceError(
                    f"{self.board.name} does not list {' '.join(terms) or 'its posts'!r} newest first (post {number} "
                    f"comes after {before}), so posts would be missed: {remedy}"
                )

    def _nothing_found(self, terms: list[str]) -> str:
        plain = [term for term in terms if not term.startswith(("-", "~")) and not {":", "*"} & set(term)]
        unknown = [tag for tag in plain if not self.board.has_tag(tag)]
        if unknown:
            return f"{self.board.name} knows no tag {', '.join(map(repr, unknown))}; check the spelling there"
        return f"{self.board.name} has no post with {' '.join(terms) or 'any tag'}; ask for fewer tags"


def _read_terms(tags: str) -> list[str]:
    terms = list(dict.fromkeys(tags.split()))
    if sorting := [term for term in terms if _ORDER.match(term)]:
        raise SourceError(f"{sorting[0]!r} cannot be used: posts are listed newest first; remove it")
    return terms


def _newest_first(rows: list[Row], below: int | None) -> list[Row]:
    """Returns the rows that have an id below the bound, each id once, by descending id."""
    by_id = {as_int(row.get("id")): row for row in rows}
    return [by_id[i] for i in sorted(by_id, reverse=True) if i > 0 and (below is None or i < below)]
