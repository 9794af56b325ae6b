"""Tests which posts and pictures a run takes: limits, folders named as tags, and filters that changed since."""

from pathlib import Path
from typing import Any

import pytest

from demo.board import Board
from demo.drawings import Drawing
from demo.search import BoardPost
from irodori.datasets import Dataset, Domain
from irodori.sources import subfolder
from scraping.filters import PostFilter
from scraping.politeness import Politeness
from scraping.post import Post
from tasks.scrape import Query, ScrapeJob, list_posts, scrape

LINES, COLOURED = Drawing(1).render("A", 96), Drawing(2).render("B", 96)
PNG, GIF = (PostFilter(file_types=frozenset({kind})) for kind in ("png", "gif"))
BOTH = PostFilter()

pytestmark = pytest.mark.usefixtures("log")


def names(posts: list[Post]) -> list[str]:
    return sorted(post.file_url.rpartition("/")[2] for post in posts)


def listed(
    dataset: Dataset, address: str, query: Query, domain: Domain = "A", move_to: PostFilter | None = None
) -> list[Post]:
    return list_posts.fn(dataset, domain, address, query, Politeness(api_per_second=1000), move_to)


def statuses(dataset: Dataset, domain: Domain) -> dict[str, tuple[str, str]]:
    return {row.id.rpartition("/")[2]: (row.status, row.reason) for row in dataset.manifest.rows("scrape", domain)}


def test_a_folder_is_taken_whole_and_the_log_speaks_of_it(
    dataset: Dataset, source: Path, log: pytest.LogCaptureFixture
) -> None:
    for number in range(1134):
        (source / f"{number:04}.png").touch()
    assert len(listed(dataset, source.as_uri(), Query())) == 1134
    assert f"scrape A: 1134 pictures found in {source.as_uri()}, 0 already done" in log.text
    assert "posts" not in log.text and "lineart monochrome" not in log.text


def test_a_limit_that_is_given_holds_and_is_said(dataset: Dataset, source: Path, log: pytest.LogCaptureFixture) -> None:
    for number in range(9):
        (source / f"{number}.png").touch()
    assert len(listed(dataset, source.as_uri(), Query(limit=4))) == 4
    assert f"4 pictures found in {source.as_uri()} (limit 4, newest first)" in log.text


def test_of_a_board_a_thousand_posts_of_the_usual_tags(dataset: Dataset, log: pytest.LogCaptureFixture) -> None:
    uploads = [
        BoardPost(number, b"%d" % number, "lineart monochrome solo", width=600, height=800) for number in range(1, 1010)
    ]
    with Board(uploads) as board:
        assert len(listed(dataset, board.url, Query())) == 1000
    assert "scrape A: 1000 posts listed for 'lineart monochrome solo' (limit 1000, newest first)" in log.text


@pytest.mark.parametrize("tags", ["ink", "/ink/", "my ink", "deep/er/ink", "線画", "50% #1?", ".hidden"])
def test_tags_name_a_folder_within_a_folder(dataset: Dataset, source: Path, tags: str) -> None:
    folder = source / tags.strip("/")
    folder.mkdir(parents=True)
    for path in (folder / "a.png", folder / "sub.png", source / "other.png"):
        path.write_bytes(LINES)
    address = subfolder(f"{source.as_uri()}/", tags)
    posts = listed(dataset, address, Query(tags=tags))
    assert names(posts) == ["a.png", "sub.png"]
    assert scrape.fn(posts, ScrapeJob(dataset, "A", address, Politeness())) == {"ok": 2}


def test_two_folders_that_lie_elsewhere_can_be_linked_into_one(dataset: Dataset, source: Path, tmp_path: Path) -> None:
    for name, data in (("ink", LINES), ("painted", COLOURED)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(data)
        (source / name).symlink_to(tmp_path / name)
    domains: tuple[tuple[Domain, str], ...] = (("A", "ink"), ("B", "painted"))
    for domain, tags in domains:
        address = subfolder(source.as_uri(), tags)
        posts = listed(dataset, address, Query(tags=tags), domain)
        assert scrape.fn(posts, ScrapeJob(dataset, domain, address, Politeness())) == {"ok": 1}


def test_a_folder_that_is_not_there_is_one_line(dataset: Dataset, source: Path) -> None:
    (source / "a.png").write_bytes(LINES)
    address = subfolder(source.as_uri(), "inks")
    failed: Any = listed(dataset, address, Query(tags="inks"))
    assert failed.message == (
        f"there are no pictures below {address}; put some there, or correct the address, "
        "or the folder 'inks' that the tags name"
    )


def test_a_filter_that_is_loosened_takes_effect_and_one_that_is_not_changes_nothing(
    dataset: Dataset, source: Path, log: pytest.LogCaptureFixture
) -> None:
    for name in ("a.png", "b.gif", "c.gif"):
        (source / name).write_bytes(LINES)
    address = source.as_uri()
    scrape.fn(listed(dataset, address, Query(filter=PNG)), ScrapeJob(dataset, "A", address, Politeness()))
    before = dataset.manifest.load()
    assert listed(dataset, address, Query(filter=PNG)) == []
    assert "3 pictures found" in log.text and "1 already done, 2 dropped by the filter, 0 to download" in log.text
    assert dataset.manifest.load().equals(before)
    posts = listed(dataset, address, Query(filter=BOTH))
    assert names(posts) == ["b.gif", "c.gif"]
    scrape.fn(posts, ScrapeJob(dataset, "A", address, Politeness()))
    assert {status for status, _ in statuses(dataset, "A").values()} == {"ok"}
    assert listed(dataset, address, Query(filter=BOTH)) == []


def test_the_reason_is_the_latest(dataset: Dataset, source: Path) -> None:
    (source / "b.gif").write_bytes(LINES)
    listed(dataset, source.as_uri(), Query(filter=PNG))
    unrated = PostFilter(ratings=frozenset({"general"}))
    assert listed(dataset, source.as_uri(), Query(filter=unrated)) == []
    assert statuses(dataset, "A") == {"b.gif": ("dropped", "rating unknown")}


def test_the_filter_of_the_domain_that_pictures_move_to_may_be_loosened_too(dataset: Dataset, source: Path) -> None:
    (source / "a.png").write_bytes(COLOURED)
    address = source.as_uri()
    job = {move: ScrapeJob(dataset, "A", address, Politeness(), move) for move in (GIF, BOTH)}
    scrape.fn(listed(dataset, address, Query(), move_to=GIF), job[GIF])
    assert statuses(dataset, "B") == {"a.png": ("dropped", "file type png")}
    assert listed(dataset, address, Query(), move_to=GIF) == []
    scrape.fn(listed(dataset, address, Query(), move_to=BOTH), job[BOTH])
    assert statuses(dataset, "B") == {"a.png": ("ok", "")}
    assert listed(dataset, address, Query(), move_to=BOTH) == []


def test_what_was_dropped_as_of_the_wrong_domain_moves_once_it_may(dataset: Dataset, source: Path) -> None:
    (source / "a.png").write_bytes(COLOURED)
    address = source.as_uri()
    scrape.fn(listed(dataset, address, Query()), ScrapeJob(dataset, "A", address, Politeness()))
    assert statuses(dataset, "A") == {"a.png": ("dropped", "coloured picture under a lineart tag")}
    assert listed(dataset, address, Query()) == []
    posts = listed(dataset, address, Query(), move_to=BOTH)
    scrape.fn(posts, ScrapeJob(dataset, "A", address, Politeness(), BOTH))
    assert statuses(dataset, "B") == {"a.png": ("ok", "")}
    assert listed(dataset, address, Query(), move_to=BOTH) == []
