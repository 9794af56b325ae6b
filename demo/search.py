"""What is posted on the board, and the search terms by which it is found."""

import hashlib
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "": operator.eq,
}
_NUMBER_TERM = re.compile(r"(id|width|height):(<=|>=|<|>|)(\d+)")
_TEXT_TERM = re.compile(r"(rating|md5):(.+)")


@dataclass(frozen=True)
class BoardPost:
    """One upload. ``data`` is served byte for byte as ``extension``, whether or not it is such a picture."""

    id: int
    data: bytes
    tags: str
    width: int
    height: int
    extension: str = "png"
    rating: str = "general"
    source: str = ""
    owner: str = "danbooru"

    @cached_property
    def md5(self) -> str:
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()

    @property
    def directory(self) -> int:
        return self.id // 1000

    @cached_property
    def image(self) -> str:
        """File name: Safebooru names imported files by their SHA-1 and its users' uploads by their MD5."""
        imported = self.owner == "danbooru"
        stem = hashlib.sha1(self.data, usedforsecurity=False).hexdigest() if imported else self.md5
        return f"{stem}.{self.extension}"


def search(posts: Sequence[BoardPost], tags: str) -> list[BoardPost]:
    """Posts that meet every term, newest first unless a ``sort:id:asc`` is among the terms.

    Terms: ``tag``, ``-tag``, ``id:<N`` (also ``<= > >=`` and none) and so ``width:`` and ``height:``,
    ``rating:``, ``md5:``, ``sort:id:asc|desc``.
    """
    terms = tags.split()
    conditions = [_condition(term) for term in terms if not term.startswith("sort:")]
    found = [post for post in posts if all(meets(post) for meets in conditions)]
    return sorted(found, key=lambda post: post.id, reverse="sort:id:asc" not in terms)


def _condition(term: str) -> Callable[[BoardPost], bool]:
    if term.startswith("-") and len(term) > 1:
        meets = _condition(term[1:])
        return lambda post: not meets(post)
    if number := _NUMBER_TERM.fullmatch(term):
        field, sign, bound = number.groups()
        compare = _COMPARISONS[sign]
        return lambda post: compare(getattr(post, field), int(bound))
    if text := _TEXT_TERM.fullmatch(term):
        field, wanted = text.groups()
        return lambda post: bool(getattr(post, field) == wanted)
    return lambda post: term in post.tags.split()
