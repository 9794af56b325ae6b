"""Tests the local board over HTTP with a real client: Safebooru's answers, and its faults."""

import hashlib
import io
import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest
import requests
from PIL import Image
from urllib3.exceptions import ProtocolError

from demo import gallery
from demo.board import Board
from demo.faults import ApiFault, Faults, FileFault, ListedFault
from demo.search import BoardPost

PAGE: dict[str, Any] = {"page": "dapi", "s": "post", "q": "index"}


def post(number: int, tags: str = "solo", **fields: Any) -> BoardPost:
    data = fields.pop("data", f"picture {number} ".encode() * 300)
    return BoardPost(id=number, data=data, tags=tags, width=number, height=2 * number, **fields)


POSTS = [
    post(10, "pink_hair solo"),
    post(13, "pink_hair glasses solo", rating="safe", owner="visitor"),
    post(21, "glasses solo", source="https://example.org/a?b=1&c=2"),
    post(34, "don't_stop re:zero rock&roll :d 初音ミク", extension="PNG"),
]


@pytest.fixture
def board() -> Iterator[Board]:
    with Board(POSTS) as board:
        yield board


def ask(board: Board, **query: Any) -> requests.Response:
    return requests.get(f"{board.url}/index.php", params=PAGE | query, timeout=10)


def listed(board: Board, tags: str = "", **query: Any) -> list[int]:
    text = ask(board, json=1, tags=tags, **query).text
    return [fields["id"] for fields in json.loads(text)] if text else []


def file_of(board: Board, number: int, **headers: str) -> requests.Response:
    (fields,) = ask(board, json=1, tags=f"id:{number}").json()
    return requests.get(fields["file_url"], headers=headers, timeout=10)


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


def test_pages_default_limit_and_clamp() -> None:
    with Board([post(number, data=b"x") for number in range(1, 1201)]) as board:
        assert len(listed(board)) == 100
        assert len(listed(board, limit=5000)) == 1000
        assert listed(board, limit=500, pid=2) == list(range(200, 0, -1))
        assert listed(board, limit=500, pid=3) == []


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


def test_odd_files_are_served_byte_for_byte_under_any_extension() -> None:
    gif = io.BytesIO()
    Image.new("P", (4, 4)).save(gif, "GIF")
    with Board([post(1, data=gif.getvalue(), extension="jpg"), post(2, data=b"")]) as board:
        answer = file_of(board, 1)
        assert answer.content == gif.getvalue() and answer.headers["Content-Type"] == "image/jpeg"
        assert file_of(board, 2).content == b""


def test_demo_posts_have_a_few_copies_and_broken_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "COLOUR_SEEDS", range(25))
    monkeypatch.setattr(gallery, "LINEART_SEEDS", range(1000, 1025))
    posts = gallery.demo_posts(tmp_path)
    assert len(posts) == 2 * (25 + gallery.REUPLOADS + gallery.REENCODED) + 3
    assert [p.id for p in posts] == sorted({p.id for p in posts}, reverse=True)
    assert posts[0].id - posts[-1].id > len(posts), "ids have gaps"
    assert len(posts) - len({p.md5 for p in posts}) == 2 * gallery.REUPLOADS
    broken = [p for p in posts if not is_whole(p)]
    assert len(broken) == 3
    assert {p.extension for p in posts} == {"png", "jpg"}
    assert all(p.tags.split() == sorted(p.tags.split()) for p in posts)
    assert gallery.demo_posts(tmp_path) == posts, "the archive gives the same board again"
    assert [path.suffix for path in tmp_path.iterdir()] == [".zip"], "nothing unfinished is left"


def is_whole(post: BoardPost) -> bool:
    try:
        with Image.open(io.BytesIO(post.data)) as image:
            image.load()
            return image.size == (post.width, post.height)
    except OSError:
        return False


@pytest.mark.parametrize("port_of_another", [True, False])
def test_port_that_cannot_be_had_is_one_clear_line(port_of_another: bool) -> None:
    with Board(POSTS) as board:
        port = board.url.rpartition(":")[2] if port_of_another else "80000"
        command = [sys.executable, "-m", "demo.board", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and f"port {port}" in done.stderr and "--port" in done.stderr
