"""Parses the answers of boards: JSON, XML, or error messages, and converts their fields."""

import html
import json
import re
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree

from scraping.post import SourceError

Row = dict[str, Any]

RATINGS = {
    "g": "general",
    "general": "general",
    "safe": "general",
    "sensitive": "sensitive",
    "q": "questionable",
    "questionable": "questionable",
    "e": "explicit",
    "explicit": "explicit",
}


class BadAnswer(ValueError):
    """The answer is no valid answer of a board's API; a retry may get a valid one."""


def read_rows(text: str) -> list[Row]:
    """Parses the posts in a board's answer: a JSON list, a JSON object that contains one, XML, or empty text.

    Boards send JSON as text/html and failures with status 200, so only the text itself shows the format.

    Raises:
        BadAnswer: if the answer is no list of posts, or a failure that a retry may avoid (its text is one line).
        SourceError: if the board requires an account (its text is one line).
    """
    text = text.strip()
    if text.startswith("<"):
        return [dict(element.attrib) for element in _read_xml(text).iter("post")]
    try:
        answer = json.loads(text) if text else []
    except ValueError:
        raise BadAnswer(f"answered neither JSON nor XML: {_shorten(text)}") from None
    if isinstance(answer, str):
        raise _failure(answer)
    if isinstance(answer, dict):
        answer = _unwrap(answer)
    if not isinstance(answer, list):
        raise BadAnswer(f"answered neither a list nor an object: {_shorten(text)}")
    return [row for row in answer if isinstance(row, dict)]


def _unwrap(answer: Row) -> list[Row]:
    """Returns the posts of a JSON object: Gelbooru sends a single post without a list, and no list for no posts."""
    if answer.get("success") in (False, "false"):
        raise _failure(str(answer.get("message") or answer.get("reason") or "no reason given"))
    if "id" in answer:
        return [answer]
    posts: list[Row] | Row = answer.get("post") or answer.get("posts") or []
    return posts if isinstance(posts, list) else [posts]


def read_count(text: str) -> int:
    """Returns the `count` of an XML answer: the number of posts that the whole query has.

    Raises:
        BadAnswer: if the answer has no count (its text is one line).
    """
    count = _read_xml(text.strip()).get("count", "")
    if not count.isdecimal():
        raise BadAnswer("answered a list without its count")
    return int(count)


def read_tags(text: str) -> dict[str, int]:
    """Returns the number of posts of each tag in an XML answer."""
    elements = _read_xml(text.strip()).iter("tag")
    return {html.unescape(tag.get("name", "")): as_int(tag.get("count")) for tag in elements}


def _read_xml(text: str) -> ElementTree.Element:
    if re.match(r"<!doctype html|<html", text, re.IGNORECASE):
        raise BadAnswer("answered a web page instead of a list (a check for browsers?)")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        raise BadAnswer(f"answered broken XML: {_shorten(text)}") from None
    if root.tag == "error" or root.get("success") == "false":
        raise _failure(root.get("reason") or root.text or "no reason given")
    return root


def _failure(reason: str) -> Exception:
    reason = _shorten(reason)
    if "authentication" in reason.lower():
        return SourceError(f"the source wants an account: {reason}")
    return BadAnswer(f"refused: {reason}")


def _shorten(text: str) -> str:
    return " ".join(text.split())[:120]


def as_int(value: object) -> int:
    """Converts `value` to a number; 0 if it is None, "" or not a number."""
    try:
        return int(str(value))
    except ValueError:
        return 0


def as_text(value: object) -> str:
    """Converts `value` to text without HTML entities and with single spaces; "" for None."""
    return " ".join(html.unescape(str(value)).split()) if value is not None else ""


def as_url(value: object, base: str) -> str:
    """Converts `value` to an absolute URL, even if it lacks host or scheme; "" if it is no URL."""
    text = str(value or "").strip().replace("&amp;", "&")
    try:
        return urljoin(f"{base}/", text) if text else ""
    except ValueError:
        return ""


def as_parent(value: object, board: str) -> str:
    """Returns the post id of the parent with this number; "" for 0 or any other value that means no parent."""
    number = as_int(value)
    return f"{board}:{number}" if number > 0 else ""


def as_md5(value: object) -> str:
    """Returns `value` in lower case if it is an MD5 digest; otherwise ""."""
    text = str(value).lower()
    return text if re.fullmatch(r"[0-9a-f]{32}", text) else ""


def as_rating(value: object, s_means: str) -> str:
    """Translates a board's rating to "general", "sensitive", "questionable" or "explicit".

    An unknown rating counts as explicit, so that no filter lets it pass by mistake.

    Args:
        value: the board's rating.
        s_means: the rating for "s", which means safe on old boards and sensitive on Danbooru.
    """
    word = str(value).lower()
    return s_means if word == "s" else RATINGS.get(word, "explicit")
