"""Tests scraping a thousand posts from a board with every known fault."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from demo import answers
from demo.board import Board, LoggedRequest
from demo.faults import Faults
from demo.search import BoardPost
from scraping.booru import Booru
from scraping.fetch import Download, Fetcher, FetchError
from scraping.gelbooru import GelbooruBoard
from scraping.politeness import Politeness
from scraping.post import Post

pytestmark = pytest.mark.slow

NUM_POSTS, NUM_THREADS = 1000, 16
POLITENESS = Politeness(
    contact="test@example.org",
    api_per_second=50,
    files_per_second=250,
    connections=6,
    retries=6,
    backoff_s=0.02,
    backoff_max_s=0.3,
    timeout_s=10,
)
FAULTS = Faults(
    api={
        "empty_page": 0.06,
        "truncated": 0.05,
        "refused": 0.05,
        "404": 0.05,
        "429": 0.05,
        "429_seconds": [4],
        "429_date": [11],
        "500": 0.05,
        "502": 0.03,
        "503": 0.03,
        "cloudflare": 0.05,
        "dropped": 0.05,
    },
    listed={"no_urls": 0.1, "protocol_relative": 0.1, "string_directory": 0.1, "wrong_md5": 0.05},
    files={
        "early_close": 0.06,
        "ignores_range": 0.2,
        "dropped": 0.05,
        "503": 0.05,
        "429_seconds": [1_503],
        "404": 0.03,
        "html": 0.03,
        "zero_bytes": 0.03,
        "slow_drip": 0.01,
    },
    file_attempts=2,
    seed=20,
)


@dataclass
class Outcome:
    uploads: dict[int, BoardPost]
    listed: list[Post]
    results: list[Download | str]
    log: list[LoggedRequest]

    def requests(self, part: str) -> list[LoggedRequest]:
        return sorted((r for r in self.log if part in r.path), key=lambda r: r.time)


def make_uploads() -> list[BoardPost]:
    """Makes files of up to 3 kB, some with the wrong extension."""
    rng = random.Random(7)
    return [
        BoardPost(
            id=3 + 5 * n,
            data=b"\x89PNG" + rng.randbytes(rng.randrange(1, 3000)),
            tags=" lineart  &  monochrome ",
            width=300,
            height=400,
            extension=rng.choice(["png", "jpg", "PNG"]),
            owner=rng.choice(["danbooru", "someone"]),
        )
        for n in range(NUM_POSTS)
    ]


def try_download(fetcher: Fetcher, post: Post) -> Download | str:
    try:
        return fetcher.download(post)
    except FetchError as error:
        return str(error)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    uploads = make_uploads()
    with Board(uploads, FAULTS) as board, Fetcher(POLITENESS) as fetcher:
        with ThreadPoolExecutor(NUM_THREADS) as pool:
            # files are fetched while the listing continues, as in the pipeline
            source = Booru(GelbooruBoard(board.url, fetcher, page_size=40))
            running = [(post, pool.submit(try_download, fetcher, post)) for post in source.posts("lineart", 10**6)]
        listed, results = [post for post, _ in running], [future.result() for _, future in running]
    return Outcome({post.id: post for post in uploads}, listed, results, board.requests)


def number(post: Post) -> int:
    return int(post.id.rpartition(":")[2])


def is_lost(upload: BoardPost) -> bool:
    """Tells whether no client could get this file: its first answer is final and is not the file."""
    first = FAULTS.on_file(upload, 0, answers.file(upload, ""))
    return first.status == 404 or (first.status == 200 and first.body != upload.data)


def test_every_post_is_listed_once(outcome: Outcome) -> None:
    assert [number(post) for post in outcome.listed] == sorted(outcome.uploads, reverse=True)


def test_every_post_is_there_with_its_bytes_or_has_a_reason(outcome: Outcome) -> None:
    for post, result in zip(outcome.listed, outcome.results, strict=True):
        upload = outcome.uploads[number(post)]
        if is_lost(upload):
            assert isinstance(result, str), post
        else:
            assert isinstance(result, Download), result
            assert result.data == upload.data
            assert result.md5 == upload.md5
            assert result.md5_ok is (post.md5 == upload.md5)


def test_all_kinds_of_loss_are_told_apart(outcome: Outcome) -> None:
    reasons = Counter(
        re.sub(r"^127\.0\.0\.1:\d+ ", "", result) for result in outcome.results if isinstance(result, str)
    )
    assert set(reasons) == {
        "answered 404 Not Found",
        "the file is empty (0 bytes)",
        "the server sent a web page instead of a picture",
    }
    assert min(reasons.values()) > 10


def test_wrong_digests_are_told(outcome: Outcome) -> None:
    wrong = [r for r in outcome.results if isinstance(r, Download) and not r.md5_ok]
    assert 20 < len(wrong) < 80


def test_no_file_is_fetched_again_once_it_is_there(outcome: Outcome) -> None:
    requests = Counter(request.path for request in outcome.requests("/images/"))
    assert len(requests) == NUM_POSTS
    assert max(requests.values()) <= 3  # two faults, then the file
    served = Counter(request.path for request in outcome.requests("/images/") if request.status == 200)
    unbroken = [path for path, n in requests.items() if n == 1]
    assert all(served[path] <= 1 for path in unbroken)
    assert len(unbroken) > 700


def test_the_board_hears_who_asks(outcome: Outcome) -> None:
    assert {request.user_agent for request in outcome.log} == {"Irodori/0.1 (+test@example.org)"}


def test_robots_txt_is_asked_for_first_and_once(outcome: Outcome) -> None:
    (robots,) = outcome.requests("/robots.txt")
    assert robots.time == min(request.time for request in outcome.log)


def fastest(requests: Sequence[LoggedRequest], num_requests: int) -> float:
    """Returns the shortest time, in seconds, in which `num_requests` requests began."""
    return min(b.time - a.time for a, b in zip(requests, requests[num_requests:], strict=False))


def test_rate_and_connections_are_kept(outcome: Outcome) -> None:
    assert max(request.in_flight for request in outcome.log) <= POLITENESS.connections
    # the server logs requests late when it is busy, so that some of them seem closer together than they were
    assert fastest(outcome.requests("/images/"), 75) > 0.8 * 75 / POLITENESS.files_per_second
    assert fastest(outcome.requests("page=dapi"), 10) > 0.8 * 10 / POLITENESS.api_per_second


def test_nothing_is_asked_while_the_board_wants_quiet(outcome: Outcome) -> None:
    starts = [request.time for request in outcome.log]
    with_retry_after = [r for r in outcome.requests("/images/") if r.status == 429]
    assert len(with_retry_after) == 2
    for refused in with_retry_after:
        assert not [t for t in starts if refused.time + 0.3 < t < refused.time + 0.95]
