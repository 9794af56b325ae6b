"""Tests the local board over HTTP with a real client: it answers as Safebooru does."""

import hashlib
import io
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest
import requests
from PIL import Image

from demo.answers import Answer
from demo.board import Board
from demo.faults import Faults
from tests.board_client import PAGE, POSTS, ask, file_of, listed, post


@pytest.fixture
def board() -> Iterator[Board]:
    with Board(POSTS) as board:
        yield board


def test_json_is_a_bare_array_with_escaped_slashes_served_as_html(board: Board) -> None:
    answer = ask(board, json=1)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("[{") and r"http:\/\/127.0.0.1" in answer.text
    assert "/" not in answer.text.replace(r"\/", "")
    assert r"\u521d" in answer.text, "as PHP writes other scripts"


def test_json_fields_have_the_types_of_the_site(board: Board) -> None:
    imported, visitors = ask(board, json=1, tags="id:21").json() + ask(board, json=1, tags="id:13").json()
    assert imported["score"] is None and visitors["score"] == 0
    assert imported["parent_id"] == 0 and imported["directory"] == 0 and imported["sample"] is False
    assert re.fullmatch(r"[0-9a-f]{40}\.png", imported["image"])
    assert visitors["image"] == f"{visitors['hash']}.png"
    assert imported["file_url"].endswith(f"/images/{imported['directory']}/{imported['image']}")


def test_xml_has_the_count_and_strings(board: Board) -> None:
    root = ElementTree.fromstring(ask(board, limit=1, pid=1).content)
    assert (root.tag, root.attrib) == ("posts", {"count": "4", "offset": "1"})
    (entry,) = root
    assert entry.attrib["id"] == "21" and entry.attrib["score"] == "" and entry.attrib["parent_id"] == ""
    assert entry.attrib["md5"] == POSTS[2].md5 and "hash" not in entry.attrib
    assert entry.attrib["source"] == "https://example.org/a?b=1&c=2"
    assert entry.attrib["tags"] == " glasses solo "


def test_no_posts_are_an_empty_body_in_json_and_a_zero_count_in_xml(board: Board) -> None:
    assert ask(board, json=1, tags="nothing").content == b""
    assert ElementTree.fromstring(ask(board, tags="nothing").content).attrib == {"count": "0", "offset": "0"}


@pytest.mark.parametrize(
    ("tags", "ids"),
    [
        ("", [34, 21, 13, 10]),
        ("solo", [21, 13, 10]),
        ("pink_hair glasses", [13]),
        ("solo -glasses", [10]),
        ("id:13", [13]),
        ("id:<21", [13, 10]),
        ("id:>13", [34, 21]),
        ("id:>=13 id:<=21", [21, 13]),
        ("rating:safe", [13]),
        ("-rating:safe", [34, 21, 10]),
        ("width:>=21", [34, 21]),
        ("height:26", [13]),
        (f"md5:{POSTS[0].md5}", [10]),
        ("sort:id:asc", [10, 13, 21, 34]),
        ("solo sort:id:desc", [21, 13, 10]),
        ("re:zero", [34]),
        (":d rock&roll don't_stop 初音ミク", [34]),
    ],
)
def test_search_terms(board: Board, tags: str, ids: list[int]) -> None:
    assert listed(board, tags) == ids


def test_depth_wall_answers_in_xml_even_where_json_is_asked_for(board: Board) -> None:
    assert ask(board, json=1, limit=1000, pid=200).content == b""
    answer = ask(board, json=1, limit=1000, pid=201)
    assert answer.status_code == 200
    root = ElementTree.fromstring(answer.content)
    assert root.attrib == {"success": "false", "reason": "Search error: API limited due to abuse."}


def test_tags_are_listed_in_xml_whatever_is_asked_for(board: Board) -> None:
    (tag,) = ElementTree.fromstring(ask(board, s="tag", json=1, name="glasses").content)
    assert (tag.attrib["name"], tag.attrib["count"]) == ("glasses", "2")
    assert len(ElementTree.fromstring(ask(board, s="tag", name="glases").content)) == 0
    assert len(ElementTree.fromstring(ask(board, s="tag").content)) == 8


def test_files_are_the_bytes_whose_md5_is_listed(board: Board) -> None:
    for number in (10, 34):
        answer = file_of(board, number)
        (fields,) = ask(board, json=1, tags=f"id:{number}").json()
        assert hashlib.md5(answer.content).hexdigest() == fields["hash"]
        assert answer.headers["Content-Length"] == str(len(answer.content))
        assert answer.headers["Content-Type"] == "image/png"


@pytest.mark.parametrize(
    ("asked", "part", "content_range"),
    [
        ("bytes=100-", slice(100, None), "bytes 100-3299/3300"),
        ("bytes=0-9", slice(0, 10), "bytes 0-9/3300"),
        ("bytes=-5", slice(-5, None), "bytes 3295-3299/3300"),
        ("bytes=3000-9999", slice(3000, None), "bytes 3000-3299/3300"),
    ],
)
def test_range_gives_a_part(board: Board, asked: str, part: slice, content_range: str) -> None:
    answer = file_of(board, 10, Range=asked)
    assert (answer.status_code, answer.headers["Content-Range"]) == (206, content_range)
    assert answer.content == POSTS[0].data[part]


def test_range_beyond_the_end_is_refused(board: Board) -> None:
    answer = file_of(board, 10, Range="bytes=3300-")
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */3300")


def test_robots_txt_allows_and_unknown_addresses_are_not_found(board: Board) -> None:
    robots = RobotFileParser()
    robots.parse(requests.get(f"{board.url}/robots.txt", timeout=10).text.splitlines())
    assert robots.can_fetch("anyone", "/images/0/a.png")
    for path in ("/", "/images/0/none.png", "/images/9/" + POSTS[0].image, "/images/"):
        assert requests.get(board.url + path, timeout=10).status_code == 404


def test_clients_that_hang_up_leave_no_traceback(board: Board, capfd: pytest.CaptureFixture[str]) -> None:
    """At once, in the middle of their request, before the answer, and on a kept connection."""
    whole = b"GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n"
    before = set(threading.enumerate())
    address = "127.0.0.1", int(board.url.rpartition(":")[2])
    for sent in (b"", whole[:10], whole, whole + whole[:20]):
        client = socket.create_connection(address)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() resets
        client.sendall(sent)
        time.sleep(0.05)
        client.close()
    assert requests.get(f"{board.url}/robots.txt", headers={"Connection": "close"}, timeout=10).ok
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert capfd.readouterr().err == ""


def test_an_error_of_the_board_itself_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    class Broken(Board):
        def answer(self, path: str, requested_range: str = "") -> Answer:
            raise KeyError("a mistake in the board")

    with Broken([]) as board, pytest.raises(requests.ConnectionError):
        requests.get(board.url, timeout=10)
    assert "a mistake in the board" in capfd.readouterr().err


def test_page_for_people_shows_the_picture_and_its_tags(board: Board) -> None:
    page = requests.get(f"{board.url}/index.php?page=post&s=view&id=34", timeout=10)
    assert POSTS[3].image in page.text and "rock&amp;roll" in page.text
    assert requests.get(f"{board.url}/index.php?page=post&s=view&id=1", timeout=10).status_code == 404


def test_upload_while_reading_shifts_pages(board: Board) -> None:
    assert listed(board, limit=2) == [34, 21]
    board.upload(post(40))
    assert listed(board, limit=2, pid=1) == [21, 13]
    assert listed(board, "id:<21") == [13, 10]


def test_requests_are_logged_with_agent_status_and_concurrency() -> None:
    with Board(POSTS, Faults(files={"slow_drip": {10}})) as board, requests.Session() as session:
        session.headers["User-Agent"] = "irodori-test/1"
        (fields,) = session.get(f"{board.url}/index.php", params=PAGE | {"json": 1, "tags": "id:10"}).json()
        threads = [threading.Thread(target=requests.get, args=(fields["file_url"],)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        session.get(f"{board.url}/nowhere")
    assert Counter(request.status for request in board.requests) == {200: 4, 404: 1}
    assert board.requests[0].user_agent == board.requests[-1].user_agent == "irodori-test/1"
    assert board.requests[0].path.startswith("/index.php?page=dapi")
    assert {request.in_flight for request in board.requests[1:4]} == {1, 2, 3}
    assert board.requests[0].in_flight == board.requests[-1].in_flight == 1
    assert board.requests[0].time < min(request.time for request in board.requests[1:])


def test_files_come_at_once_over_a_kept_connection(board: Board) -> None:
    (fields,) = ask(board, json=1, tags="id:10").json()
    with requests.Session() as session:
        started = time.monotonic()
        took = []
        for _ in range(15):
            session.get(fields["file_url"], timeout=10)
            ended = time.monotonic()
            took.append(ended - started)
            started = ended
    # the fastest, because other load may delay some; a body that waits for an acknowledgement takes 40 ms every time
    assert min(took[1:]) < 0.03


def test_odd_files_are_served_byte_for_byte_under_any_extension() -> None:
    gif = io.BytesIO()
    Image.new("P", (4, 4)).save(gif, "GIF")
    with Board([post(1, data=gif.getvalue(), extension="jpg"), post(2, data=b"")]) as board:
        answer = file_of(board, 1)
        assert answer.content == gif.getvalue() and answer.headers["Content-Type"] == "image/jpeg"
        assert file_of(board, 2).content == b""


@pytest.mark.parametrize("port_of_another", [True, False])
def test_port_that_cannot_be_had_is_one_clear_line(port_of_another: bool) -> None:
    with Board(POSTS) as board:
        port = board.url.rpartition(":")[2] if port_of_another else "80000"
        command = [sys.executable, "-m", "demo.board", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and f"port {port}" in done.stderr and "--port" in done.stderr
