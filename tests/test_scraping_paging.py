"""No board loses a post at the edge of a page, where the ids have no gaps either."""

import json
from collections.abc import Callable, Iterator

import pytest

from scraping.fetch import Fetcher
from scraping.politeness import Politeness
from scraping.post import Post
from scraping.source import open_source
from tests.scripted_server import Request, ScriptedServer

NEWEST = 2345
Rows = Callable[[Request], list[int]]


def below_term(request: Request) -> list[int]:
    """Gelbooru and Moebooru: a term in the tags."""
    terms = request.query["tags"].split()
    bounds = [int(term.removeprefix("id:<")) for term in terms if term.startswith("id:<")]
    return [number for number in range(NEWEST, 0, -1) if all(number < bound for bound in bounds)]


def below_page(request: Request) -> list[int]:
    """Danbooru: the name of a page."""
    bound = int(request.query.get("page", f"b{NEWEST + 1}").removeprefix("b"))
    return list(range(bound - 1, 0, -1))


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(Politeness(api_per_second=1000, retries=1, backoff_s=0.01, timeout_s=10)) as fetcher:
        yield fetcher


@pytest.mark.parametrize(
    ("host", "path", "rows", "most"),
    [
        ("safebooru.example", "/index.php", below_term, 1000),
        ("gelbooru.com", "/index.php", below_term, 100),
        ("danbooru.donmai.us", "/posts.json", below_page, 200),
        ("yande.re", "/post.json", below_term, 100),
    ],
)
@pytest.mark.parametrize("limit", [NEWEST, 201, 1001])
def test_ids_without_gaps_are_all_listed_once(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch, host: str, path: str, rows: Rows, most: int, limit: int
) -> None:
    """By their own names, which decide what a board runs; a proxy leads all of them to this machine."""

    def script(request: Request) -> bytes:
        assert request.path == path
        found = rows(request)
        if path == "/index.php" and "json" not in request.query:
            return b'<posts count="%d"/>' % len(found)
        shown = found[: min(int(request.query["limit"]), most)]
        return json.dumps([{"id": number, "file_url": f"/{number}.png"} for number in shown]).encode()

    for name in ("GELBOORU_API_KEY", "GELBOORU_USER_ID"):
        monkeypatch.setenv(name, "ours")
    with ScriptedServer(script) as server:
        monkeypatch.setenv("http_proxy", server.url)
        posts: list[Post] = list(open_source(f"http://{host}", fetcher).posts("solo", limit))
    assert [post.id for post in posts] == [f"{host}:{number}" for number in range(NEWEST, NEWEST - limit, -1)]
    assert len(server.log) == -(-limit // most)
