"""Makes what tests of the HTTP client need: quick limits, scripts of answers, a picture to download."""

import itertools
from collections.abc import Callable

from scraping.politeness import Politeness
from tests.scripted_server import Reply, Request

PICTURE = b"\x89PNG" + bytes(range(256)) * 400
QUICK = Politeness(api_per_second=1000, files_per_second=1000, retries=3, backoff_s=0.01, timeout_s=2)


def limits(**changes: object) -> Politeness:
    return Politeness.model_validate(QUICK.model_dump() | changes)


def in_turn(*replies: Reply | bytes) -> Callable[[Request], Reply | bytes]:
    """Makes a script that sends each reply once and repeats the last one."""
    turns = itertools.chain(replies, itertools.repeat(replies[-1]))
    return lambda _request: next(turns)
