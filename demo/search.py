"""Defines the board's posts and finds them by search terms."""

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
    """One upload.

    Attributes:
        id: the board's number of the post.
        data: the file, served byte for byte even if it is no picture of the type that the extension names.
        tags: separated by spaces.
        width: in pixels, as listed.
        height: in pixels, as listed.
        extension: of the file's name, without a dot.
        rating: such as "general" or "safe".
        source: address that the upload names as its origin, "" for none.
        owner: "danbooru" for an imported file, otherwise a user's name.
    """

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
        """File name; Safebooru names imported files by their SHA-1 and its users' uploads by their MD5."""
        imported = self.owner == "danbooru"
        stem = hashlib.sha1(self.data, usedforsecurity=False).hexdigest() if imported else self.md5
        return f"{stem}.{self.extension}"


def search(posts: Sequence[BoardPost], tags: str) -> list[BoardPost]:
    """Finds the posts that meet every term.

    Args:
        posts: the posts to search.
        tags: terms separated by spaces: ``tag``, ``-tag`` (without the tag), ``id:``, ``width:`` or ``height:`` with
            a number after ``<``, ``<=``, ``>``, ``>=`` or no sign for equality, ``rating:``, ``md5:``,
            ``sort:id:asc`` or ``sort:id:desc``.

    Returns:
        The posts, newest first unless a term is ``sort:id:asc``.
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
