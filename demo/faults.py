"""Injects faults into a board's answers, for a share of the requests and posts or for stated ones.

The same seed gives the same faults.
"""

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

from demo.answers import HTML, Answer, Fields, refusal
from demo.search import BoardPost

Where = float | Collection[int]  # a share between 0 and 1, or the numbers themselves
ApiFault = Literal[
    "empty_page",
    "truncated",
    "refused",
    "404",
    "429",
    "429_seconds",
    "429_date",
    "500",
    "502",
    "503",
    "cloudflare",
    "dropped",
]
ListedFault = Literal["no_urls", "protocol_relative", "string_directory", "wrong_md5"]
FileFault = Literal[
    "404", "429_seconds", "503", "html", "zero_bytes", "early_close", "slow_drip", "ignores_range", "dropped"
]


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Says which answers get which faults.

    Attributes:
        api: faults of API requests, by the request's number, counted from 0; a retry has the next number.
        listed: faults of posts in JSON and XML listings, by post id; one post can have several.
        files: faults of file requests, by post id.
        file_attempts: how many requests for a file get its fault; None: all.
        seed: decides which numbers a share selects.
    """

    api: Mapping[ApiFault, Where] = field(default_factory=dict)
    listed: Mapping[ListedFault, Where] = field(default_factory=dict)
    files: Mapping[FileFault, Where] = field(default_factory=dict)
    file_attempts: int | None = None
    seed: int = 0

    def on_api(self, number: int, answer: Answer) -> Answer:
        for fault, where in self.api.items():
            if self._strikes(fault, where, number):
                return _API[fault](answer)
        return answer

    def on_listed(self, post: BoardPost, fields: Fields) -> Fields:
        for fault, where in self.listed.items():
            if self._strikes(fault, where, post.id):
                fields = _LISTED[fault](fields)
        return fields

    def on_file(self, post: BoardPost, attempt: int, answer: Answer) -> Answer:
        """Returns the answer to a file request, with the post's fault if it has one.

        Args:
            post: the post whose file is asked for.
            attempt: how often the file was asked for before.
            answer: the answer without a fault.
        """
        if self.file_attempts is not None and attempt >= self.file_attempts:
            return answer
        for fault, where in self.files.items():
            if self._strikes(fault, where, post.id):
                return _whole(post, answer) if fault == "ignores_range" else _FILE[fault](answer)
        return answer

    def _strikes(self, fault: str, where: Where, number: int) -> bool:
        if isinstance(where, int | float):
            return random.Random(f"{self.seed} {fault} {number}").random() < where
        return number in where


def _status(status: int, retry_after: Callable[[], str] | None = None) -> Callable[[Answer], Answer]:
    def fail(_answer: Answer) -> Answer:
        headers = {"Retry-After": retry_after()} if retry_after else {}
        return Answer(f"<html><h1>{status}</h1></html>".encode(), HTML, status=status, headers=headers)

    return fail


def _in_one_second() -> str:
    # an HTTP date has whole seconds: two ahead, so that about one is left when the client reads it
    return format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)


def _cloudflare(_answer: Answer) -> Answer:
    headers = {"Server": "cloudflare", "cf-mitigated": "challenge"}
    page = b"<!DOCTYPE html><html><title>Just a moment...</title></html>"
    return Answer(page, HTML, status=403, headers=headers)


def _whole(post: BoardPost, answer: Answer) -> Answer:
    return replace(answer, status=200, body=post.data, headers={})


def _without_protocol(fields: Fields) -> Fields:
    return fields | {key: url.partition(":")[2] for key, url in fields.items() if key.endswith("_url")}


def _without_urls(fields: Fields) -> Fields:
    return {key: value for key, value in fields.items() if not key.endswith("_url")}


_API: Mapping[ApiFault, Callable[[Answer], Answer]] = {
    "empty_page": lambda answer: replace(answer, body=b""),
    "truncated": lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]),
    "refused": lambda _: refusal("Search error: API limited due to abuse."),
    "404": _status(404),
    "429": _status(429),
    "429_seconds": _status(429, lambda: "1"),
    "429_date": _status(429, _in_one_second),
    "500": _status(500),
    "502": _status(502),
    "503": _status(503),
    "cloudflare": _cloudflare,
    "dropped": lambda answer: replace(answer, sent=0),
}
_LISTED: Mapping[ListedFault, Callable[[Fields], Fields]] = {
    "no_urls": _without_urls,
    "protocol_relative": _without_protocol,
    "string_directory": lambda fields: fields | {"directory": str(fields["directory"])},
    "wrong_md5": lambda fields: fields | {"hash": "0" * 32},
}
_FILE: Mapping[FileFault, Callable[[Answer], Answer]] = {
    "404": _status(404),
    "429_seconds": _status(429, lambda: "1"),
    "503": _status(503),
    "html": lambda _: Answer(b"<!doctype html><html>Hotlinking is not allowed</html>", HTML),
    "zero_bytes": lambda answer: replace(answer, body=b""),
    "early_close": lambda answer: replace(answer, sent=len(answer.body) // 2),
    "slow_drip": lambda answer: replace(answer, pause_s=0.2),
    "dropped": lambda answer: replace(answer, sent=0),
}
