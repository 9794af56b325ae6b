"""Tests the faults of the local board: each strikes the requests, posts or files that it is meant for, and no more."""

import json
import time
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

import pytest
import requests
from urllib3.exceptions import ProtocolError

from demo.board import Board
from demo.faults import ApiFault, Faults, FileFault, ListedFault
from tests.board_client import POSTS, ask, file_of, listed, post


def test_pages_default_limit_and_clamp() -> None:
    with Board([post(number, data=b"x") for number in range(1, 1201)]) as board:
        assert len(listed(board)) == 100
        assert len(listed(board, limit=5000)) == 1000
        assert listed(board, limit=500, pid=2) == list(range(200, 0, -1))
        assert listed(board, limit=500, pid=3) == []


@pytest.mark.parametrize(
    ("fault", "status"),
    [("404", 404), ("429", 429), ("500", 500), ("502", 502), ("503", 503), ("cloudflare", 403)],
)
def test_api_fault_strikes_the_numbered_request_and_the_next_succeeds(fault: ApiFault, status: int) -> None:
    with Board(POSTS, Faults(api={fault: {1}})) as board:
        assert [ask(board, json=1).status_code for _ in range(3)] == [200, status, 200]


def test_api_faults_in_the_body() -> None:
    faults = Faults(api={"empty_page": {0}, "truncated": {1, 2}, "refused": {3}})
    with Board(POSTS, faults) as board:
        assert ask(board, json=1).content == b""
        with pytest.raises(json.JSONDecodeError):
            json.loads(ask(board, json=1).text)
        with pytest.raises(ElementTree.ParseError):
            ElementTree.fromstring(ask(board).content)
        assert "API limited" in ask(board, json=1).text
        assert listed(board) == [34, 21, 13, 10]


def test_too_many_requests_tells_when_to_come_back_in_seconds_or_as_a_date() -> None:
    with Board(POSTS, Faults(api={"429": {0}, "429_seconds": {1}, "429_date": {2}})) as board:
        plain, seconds, date = (ask(board, json=1) for _ in range(3))
    assert "Retry-After" not in plain.headers
    assert seconds.headers["Retry-After"] == "1"
    assert 0 < parsedate_to_datetime(date.headers["Retry-After"]).timestamp() - time.time() <= 2


def test_dropped_connection_is_an_error_of_the_client() -> None:
    with Board(POSTS, Faults(api={"dropped": {0}}, files={"dropped": {10}})) as board:
        with pytest.raises(requests.ConnectionError):
            ask(board, json=1)
        with pytest.raises(requests.ConnectionError):
            file_of(board, 10)


def test_share_of_faults_is_the_same_for_the_same_seed() -> None:
    def statuses(seed: int) -> list[int]:
        with Board(POSTS, Faults(api={"503": 0.3}, seed=seed)) as board:
            return [ask(board, json=1, limit=1).status_code for _ in range(60)]

    first = statuses(1)
    assert first == statuses(1) != statuses(2)
    assert 8 <= first.count(503) <= 28


def test_share_of_one_is_always() -> None:
    with Board(POSTS, Faults(api={"503": 1})) as board:
        assert {ask(board).status_code for _ in range(5)} == {503}


def test_listed_faults_change_what_the_post_says_of_itself() -> None:
    faults = Faults(
        listed={
            "no_urls": {10},
            "protocol_relative": {13},
            "string_directory": {13},
            "wrong_md5": {21},
        }
    )
    with Board(POSTS, faults) as board:
        unicode_post, wrong, relative, bare = ask(board, json=1).json()
        assert listed(board, f"md5:{POSTS[2].md5}") == [21]
    assert not {"file_url", "sample_url", "preview_url"} & set(bare) and bare["image"]
    assert relative["file_url"].startswith("//127.0.0.1:") and relative["directory"] == "0"
    assert wrong["hash"] != POSTS[2].md5
    assert unicode_post["directory"] == 0 and unicode_post["hash"] == POSTS[3].md5


@pytest.mark.parametrize("first", ["no_urls", "protocol_relative"])
def test_listed_faults_may_meet_in_one_post(first: ListedFault) -> None:
    others: list[ListedFault] = ["protocol_relative", "no_urls", "string_directory", "wrong_md5"]
    faults = Faults(listed={first: 1.0} | dict.fromkeys(others, 1.0))
    with Board(POSTS, faults) as board:
        for fields in ask(board, json=1).json():
            assert not [key for key in fields if key.endswith("_url")]
            assert fields["hash"] == "0" * 32 and isinstance(fields["directory"], str)
        assert ElementTree.fromstring(ask(board).content).attrib["count"] == "4"


@pytest.mark.parametrize(
    ("fault", "status", "content"),
    [
        ("404", 404, None),
        ("503", 503, None),
        ("429_seconds", 429, None),
        ("zero_bytes", 200, b""),
        ("html", 200, b"<!doctype html><html>Hotlinking is not allowed</html>"),
        ("slow_drip", 200, POSTS[0].data),
    ],
)
def test_file_faults(fault: FileFault, status: int, content: bytes | None) -> None:
    with Board(POSTS, Faults(files={fault: {10}})) as board:
        answer = file_of(board, 10)
        assert file_of(board, 13).content == POSTS[1].data
    assert answer.status_code == status
    assert content is None or answer.content == content


def test_early_close_breaks_off_in_the_middle_and_a_range_fetches_the_rest() -> None:
    with Board(POSTS, Faults(files={"early_close": {10}}, file_attempts=1)) as board:
        (fields,) = ask(board, json=1, tags="id:10").json()
        answer = requests.get(fields["file_url"], stream=True, timeout=10)
        assert answer.headers["Content-Length"] == "3300"
        half = answer.raw.read(1650)
        with pytest.raises(ProtocolError, match="1650 more expected"):
            answer.raw.read()
        rest = file_of(board, 10, Range="bytes=1650-")
    assert half + rest.content == POSTS[0].data


def test_range_may_be_ignored() -> None:
    with Board(POSTS, Faults(files={"ignores_range": {10}})) as board:
        answer = file_of(board, 10, Range="bytes=100-")
    assert (answer.status_code, answer.content) == (200, POSTS[0].data)
