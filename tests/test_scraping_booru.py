"""Tests the booru source: search, paging, and boards that answer in unexpected ways."""

import json
import re
from collections.abc import Iterator
from typing import get_args

import pytest

from demo.board import Board
from demo.faults import ApiFault, Faults
from demo.search import BoardPost
from scraping.booru import Booru
from scraping.danbooru import DanbooruBoard
from scraping.fetch import Fetcher
from scraping.moebooru import MoebooruBoard
from scraping.politeness import Politeness
from scraping.post import Post
from scraping.source import SourceError, open_source
from tests.scripted_server import Reply, Request, ScriptedServer

QUICK = Politeness(api_per_second=1000, retries=4, backoff_s=0.01, timeout_s=5)


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(QUICK) as fetcher:
        yield fetcher


def uploads(num_posts: int, step: int = 3) -> list[BoardPost]:
    """Makes posts with gaps between their ids; every second one has the tag "even"."""
    return [
        BoardPost(
            id=n * step,
            data=b"%d" % n,
            tags=f" lineart  {'even' if n % 2 == 0 else 'odd'} ",
            width=600,
            height=800,
            rating="safe" if n % 3 else "general",
        )
        for n in range(1, num_posts + 1)
    ]


def numbers(posts: list[Post]) -> list[int]:
    return [int(post.id.rpartition(":")[2]) for post in posts]


@pytest.mark.parametrize("num_posts", [1, 50, 199, 1000, 1001, 2300])
def test_every_post_is_listed_once_newest_first(fetcher: Fetcher, num_posts: int) -> None:
    with Board(uploads(num_posts)) as board:
        posts = list(open_source(board.url, fetcher).posts("lineart", 10**6))
    assert numbers(posts) == [n * 3 for n in range(num_posts, 0, -1)]


@pytest.mark.parametrize(("limit", "num_requests"), [(0, 0), (1, 1), (100, 1), (1000, 1), (1001, 2)])
def test_no_more_is_asked_than_wanted(fetcher: Fetcher, limit: int, num_requests: int) -> None:
    with Board(uploads(1200)) as board:
        posts = list(open_source(board.url, fetcher).posts("lineart", limit))
        listings = [request for request in board.requests if "page=dapi" in request.path]
    assert (len(posts), len(listings)) == (limit, num_requests)


def test_a_post_in_our_words(fetcher: Fetcher) -> None:
    upload = BoardPost(
        id=6077620,
        data=b"x",
        tags=" 6+girls  :d fate_(series) ;) don't a&b ",
        width=2160,
        height=1215,
        source="https://pixiv.net/1 (me)",
        extension="PNG",
    )
    with Board([upload]) as board:
        (post,) = open_source(board.url, fetcher).posts("fate_(series) a&b", 5)
        assert post == Post(
            id=f"{board.url.removeprefix('http://')}:6077620",
            file_url=f"{board.url}/images/6077/{upload.image}",
            post_url=f"{board.url}/index.php?page=post&s=view&id=6077620",
            md5=upload.md5,
            width=2160,
            height=1215,
            rating="general",
            tags="6+girls :d fate_(series) ;) don't a&b",
            source="https://pixiv.net/1 (me)",
            owner="danbooru",
        )
        assert post.file_type == "png"


def test_odd_listings_give_the_same_posts(fetcher: Fetcher) -> None:
    odd = Faults(listed={"no_urls": 0.4, "protocol_relative": 0.4, "string_directory": 0.5}, seed=3)
    posts = uploads(60)
    with Board(posts, odd) as board:
        listed = list(open_source(board.url, fetcher).posts("lineart", 100))
        assert [p.file_url for p in listed] == [f"{board.url}/images/{p.directory}/{p.image}" for p in reversed(posts)]


@pytest.mark.parametrize("fault", get_args(ApiFault))
def test_no_fault_of_the_board_loses_a_post(fetcher: Fetcher, fault: ApiFault) -> None:
    # any requests: pages, counts, retries; only one of them if the board asks for a pause
    struck = [2] if fault in {"429_seconds", "429_date"} else [0, 2, 3, 6]
    with Board(uploads(2100), Faults(api={fault: struck})) as board:
        posts = list(open_source(board.url, fetcher).posts("even", 10**6))
        assert len(board.requests) > max(struck)
    assert numbers(posts) == [n * 3 for n in range(2100, 0, -2)]


def test_uploads_in_the_middle_of_a_listing_change_nothing(fetcher: Fetcher) -> None:
    with Board(uploads(2500)) as board:
        listing = open_source(board.url, fetcher).posts("lineart", 10**6)
        first = [next(listing) for _ in range(1000)]
        for n in range(50):
            board.upload(BoardPost(id=90_000 + n, data=b"new", tags="lineart", width=1, height=1))
        posts = first + list(listing)
    assert numbers(posts) == [n * 3 for n in range(2500, 0, -1)]


def test_a_misspelt_tag_is_told_from_a_search_without_posts(fetcher: Fetcher) -> None:
    with Board(uploads(10)) as board:
        source = open_source(board.url, fetcher)
        with pytest.raises(SourceError, match=r"knows no tag 'linart'; check the spelling there$"):
            next(source.posts("linart even -odd rating:general", 5))
        with pytest.raises(SourceError, match=r"has no post with even odd; ask for fewer tags$"):
            next(source.posts("even odd", 5))


@pytest.mark.parametrize(
    "term",
    [
        "sort:score", "order:random", "Order:score", "ORDER:id_asc", "-order:score", "~sort:id:asc", "ordfav:someone",
        "OrdFav:someone", "ordpool:12", "ordfavgroup:3", "random:20", "Sort:Random:7",
    ],
)  # fmt: skip
def test_another_order_is_refused(fetcher: Fetcher, term: str) -> None:
    line = f"'{term}' cannot be used: posts are listed newest first; remove it"
    with pytest.raises(SourceError, match=re.escape(line)):
        next(open_source("http://127.0.0.1:9", fetcher).posts(f"solo {term}", 5))


@pytest.mark.parametrize("term", ["border:red", "disorder", "order", "random_tag", "re:zero", "ordeal:x"])
def test_a_tag_that_only_looks_like_an_order_is_passed_on(fetcher: Fetcher, term: str) -> None:
    with ScriptedServer(lambda _: b'[{"id":5}]') as server:
        assert numbers(list(open_source(server.url, fetcher).posts(term, 1))) == [5]
    assert server.log[0].query["tags"] == term


@pytest.mark.parametrize(
    ("tags", "ids", "remedy"),
    [
        ("solo pool:7", [9, 3, 5], "(post 5 comes after 3), so posts would be missed: remove 'pool:7'"),
        ("solo fav:me rating:g", [1, 2], "(post 2 comes after 1), so posts would be missed: remove 'fav:me' or "),
        ("solo", [1, 2], "(post 2 comes after 1), so posts would be missed: ask for other tags"),
    ],
)
def test_an_unsorted_page_is_noticed_whatever_caused_it(
    fetcher: Fetcher, tags: str, ids: list[int], remedy: str
) -> None:
    page = json.dumps([{"id": number} for number in ids]).encode()
    with ScriptedServer(lambda _: page) as server:
        with pytest.raises(SourceError, match=re.escape(f"does not list '{tags}' newest first {remedy}")) as caught:
            list(open_source(server.url, fetcher).posts(tags, 1000))
    assert "\n" not in str(caught.value)


def test_an_unsorted_page_is_noticed_later_as_well(fetcher: Fetcher) -> None:
    def script(request: Request) -> bytes:
        return b'[{"id":4},{"id":6}]' if "id:<" in request.query["tags"] else b'[{"id":9},{"id":8}]'

    with ScriptedServer(script) as server, pytest.raises(SourceError, match="post 6 comes after 4"):
        list(open_source(server.url, fetcher).posts("solo", 1000))


def test_a_board_that_refuses_for_good_says_why(fetcher: Fetcher) -> None:
    with Board(uploads(5), Faults(api={"refused": 1.0})) as board:
        with pytest.raises(SourceError, match=r"refused: Search error: API limited due to abuse\. \(5 attempt"):
            next(open_source(board.url, fetcher).posts("lineart", 5))


def test_a_listing_without_end_is_noticed(fetcher: Fetcher) -> None:
    page = json.dumps([{"id": n} for n in range(20, 10, -1)]).encode()
    with ScriptedServer(lambda _: page) as server:  # a board that does not understand id:<N
        with pytest.raises(SourceError, match="does not list by id, so its list never ends"):
            list(open_source(server.url, fetcher).posts("a", 100))
    assert len(server.log) == 2


def test_a_count_that_is_never_reached_ends_after_some_attempts(fetcher: Fetcher) -> None:
    def script(request: Request) -> bytes:
        if "json" not in request.query:
            return b'<posts count="3" offset="0"/>'
        return b"" if "id:<" in request.query["tags"] else b'[{"id":5},{"id":4}]'

    with ScriptedServer(script) as server:
        assert numbers(list(open_source(server.url, fetcher).posts("a", 100))) == [5, 4]
    assert len(server.log) == 1 + 2 * 5


def test_entries_without_a_number_and_repetitions_are_skipped(fetcher: Fetcher) -> None:
    page = b'[{"id":"7"},{"id":null},{},{"id":7},{"id":5},{"id":5}]'
    with ScriptedServer(lambda r: Reply(page if "id:<" not in r.query["tags"] else b"")) as server:
        posts = open_source(server.url, fetcher).posts("a", 2)
        assert numbers(list(posts)) == [7, 5]


def danbooru(request: Request) -> Reply:
    if request.path == "/tags.json":
        return Reply(b"[]")
    if len(request.query.get("tags", "").split()) > 2:
        return Reply(b'{"success":false,"message":"You cannot search for more than 2 tags at a time."}', 422)
    below = int(request.query.get("page", "b1000").removeprefix("b"))
    rows = [
        {
            "id": n,
            "md5": f"{n:032x}",
            "rating": "s",
            "image_width": 500,
            "image_height": 700,
            "tag_string": "1girl solo",
            "source": "https://x.org",
            "uploader_id": 3,
            "parent_id": n - 1,
            "file_url": f"https://cdn.donmai.us/original/{n}.jpg",
        }
        for n in range(450, 0, -1)
        if n < below
    ]
    rows = rows[: int(request.query["limit"])]
    if rows and rows[0]["id"] == 450:
        del rows[0]["md5"], rows[0]["file_url"]  # as boards do for restricted posts
    return Reply(json.dumps(rows if "nothing" not in request.query.get("tags", "") else []).encode())


def test_danbooru_is_listed_by_id(fetcher: Fetcher) -> None:
    with ScriptedServer(danbooru) as server:
        posts = list(Booru(DanbooruBoard(server.url, fetcher)).posts("solo", 1000))
    assert numbers(posts) == list(range(450, 0, -1))
    assert [request.query.get("page") for request in server.log] == [None, "b251", "b51", "b1"]
    assert (posts[0].file_url, posts[0].md5) == ("", "")
    assert posts[1] == Post(
        id=f"{server.host}:449",
        file_url="https://cdn.donmai.us/original/449.jpg",
        post_url=f"{server.url}/posts/449",
        md5=f"{449:032x}",
        width=500,
        height=700,
        rating="sensitive",
        tags="1girl solo",
        source="https://x.org",
        owner="3",
        parent=f"{server.host}:448",
    )


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ("a b c", r"422 Unprocessable Entity: You cannot search for more than 2 tags at a time\.$"),
        ("nothing", "knows no tag 'nothing'"),
    ],
)
def test_danbooru_errors_are_passed_on(fetcher: Fetcher, tags: str, words: str) -> None:
    with ScriptedServer(danbooru) as server, pytest.raises(SourceError, match=words):
        next(Booru(DanbooruBoard(server.url, fetcher)).posts(tags, 5))


def moebooru(request: Request) -> bytes:
    if request.path == "/tag.json":
        return b'[{"name":"known_tag","count":0}]'
    terms = request.query["tags"].split()
    below = next((int(term[4:]) for term in terms if term.startswith("id:<")), 1000)
    row = {"rating": "s", "author": "me", "width": 9, "height": 8, "tags": "a b", "source": "", "parent_id": None}
    rows = [row | {"id": n, "file_url": f"/image/{n}.png"} for n in range(250, 0, -1) if n < below]
    return json.dumps(rows[: int(request.query["limit"])] if "known_tag" not in terms else []).encode()


def test_moebooru_is_listed_by_id(fetcher: Fetcher) -> None:
    with ScriptedServer(moebooru) as server:
        source = Booru(MoebooruBoard(server.url, fetcher))
        posts = list(source.posts("a", 1000))
        with pytest.raises(SourceError, match="has no post with known_tag"):
            next(source.posts("known_tag", 1))
    assert numbers(posts) == list(range(250, 0, -1))
    assert posts[0] == Post(
        id=f"{server.host}:250",
        file_url=f"{server.url}/image/250.png",
        post_url=f"{server.url}/post/show/250",
        width=9,
        height=8,
        rating="general",
        tags="a b",
        owner="me",
    )
