"""Builds answers in the formats of Safebooru (Gelbooru 0.2).

Listings are bare JSON arrays or XML whose attributes are all strings; files can be requested by range.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Any
from xml.etree import ElementTree

from demo.search import BoardPost

HTML = "text/html; charset=UTF-8"
XML = "text/xml;charset=UTF-8"
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_EPOCH_OF_CHANGES = 1_700_000_000

Fields = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """One HTTP answer.

    Attributes:
        body: the whole body; the Content-Length header announces its length.
        content_type: value of the Content-Type header.
        status: HTTP status code.
        headers: further headers, by name.
        sent: bytes of the body after which the connection breaks, before the head if 0; None: it does not break.
        pause_s: seconds to wait after every piece of 1 KiB.
    """

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None
    pause_s: float = 0.0


def post_fields(post: BoardPost, site: str) -> Fields:
    """Describes a post as the JSON listing does, in the site's order and with its inconsistent types.

    Args:
        post: the post.
        site: address of the board without a trailing slash; the file URLs begin with it.

    Returns:
        The post's fields by name.
    """
    stem = post.image.rpartition(".")[0]
    file_url = f"{site}/images/{post.directory}/{post.image}"
    return {
        "preview_url": f"{site}/thumbnails/{post.directory}/thumbnail_{stem}.jpg",
        "sample_url": file_url,
        "file_url": file_url,
        "directory": post.directory,
        "hash": post.md5,
        "width": post.width,
        "height": post.height,
        "id": post.id,
        "image": post.image,
        "change": _EPOCH_OF_CHANGES + post.id,
        "owner": post.owner,
        "parent_id": 0,
        "rating": post.rating,
        "sample": False,
        "sample_height": 0,
        "sample_width": 0,
        "score": None if post.owner == "danbooru" else 0,
        "tags": post.tags,
        "source": post.source,
        "status": "active",
        "has_notes": False,
        "comment_count": 0,
    }


def json_listing(posts: Sequence[Fields]) -> Answer:
    """Lists posts as a bare array served as HTML, with ``/`` escaped as PHP does; without posts the body is empty."""
    text = json.dumps(posts, separators=(",", ":")).replace("/", r"\/") if posts else ""
    return Answer(text.encode(), HTML)


def xml_listing(posts: Sequence[Fields], count: int, offset: int) -> Answer:
    """Lists posts as XML: every attribute is a string, ``hash`` is called ``md5``, a rating is one letter.

    Args:
        posts: the fields of the posts on this page, from post_fields.
        count: number of posts that the search found, on all pages.
        offset: number of posts before this page.
    """
    root = ElementTree.Element("posts", count=str(count), offset=str(offset))
    for fields in posts:
        ElementTree.SubElement(root, "post", _xml_attributes(fields))
    return xml(root)


def _xml_attributes(fields: Fields) -> dict[str, str]:
    json_only = ("directory", "hash", "image", "owner", "sample", "comment_count")
    attributes = {key: _xml_value(value) for key, value in fields.items() if key not in json_only}
    created = datetime.fromtimestamp(fields["change"], UTC)
    return attributes | {
        "md5": fields["hash"],
        "parent_id": "",
        "rating": fields["rating"][0],
        "tags": f" {fields['tags']} ",
        "creator_id": "1",
        "has_children": "false",
        "created_at": created.strftime("%a %b %d %H:%M:%S %z %Y"),
        "has_comments": "false",
    }


def _xml_value(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def tag_listing(posts: Sequence[BoardPost], name: str, limit: int) -> Answer:
    """Lists tags with their counts, always as XML, in alphabetical order.

    Args:
        posts: all posts of the board.
        name: the only tag to list, or "" for all; a tag that no post has gives an empty ``<tags>``.
        limit: most tags to list.
    """
    counts = Counter(tag for post in posts for tag in post.tags.split())
    root = ElementTree.Element("tags", type="array")
    for number, (tag, count) in enumerate(sorted(counts.items())):
        if name in ("", tag) and len(root) < limit:
            attributes = {"count": str(count), "name": tag, "ambiguous": "false", "id": str(number)}
            ElementTree.SubElement(root, "tag", {"type": "0"} | attributes)
    return xml(root)


def refusal(reason: str) -> Answer:
    """Reports an error as the site does: as XML with status 200, whatever format was asked for."""
    return xml(ElementTree.Element("response", success="false", reason=reason))


def xml(root: ElementTree.Element) -> Answer:
    return Answer(b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root), XML)


def post_page(post: BoardPost) -> Answer:
    """Returns the HTML page that a browser shows for a post."""
    image = f"/images/{post.directory}/{post.image}"
    texts = f"<p>{escape(post.tags)}<p>{escape(post.source)}"
    page = f'<!doctype html><title>{post.id}</title><img src="{image}">{texts}'
    return Answer(page.encode(), HTML)


def not_found() -> Answer:
    return Answer(b"<html><h1>404 Not Found</h1></html>", HTML, status=404)


def file(post: BoardPost, requested_range: str) -> Answer:
    """Returns a post's file, or one range of it.

    Args:
        post: the post whose file is asked for.
        requested_range: value of the ``Range`` header; "" or anything but a single byte range gives the whole file.

    Returns:
        The answer: 200 with the whole file, 206 with a part of it, or 416 for a range beyond its end.
    """
    content_type = _TYPES.get(post.extension.lower(), "application/octet-stream")
    size = len(post.data)
    if not (match := _RANGE.fullmatch(requested_range)) or match[0] == "bytes=-":
        return Answer(post.data, content_type, headers={"Accept-Ranges": "bytes"})
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if start >= stop:
        return Answer(b"", content_type, status=416, headers={"Content-Range": f"bytes */{size}"})
    headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
    return Answer(post.data[start:stop], content_type, status=206, headers=headers)
