"""What a second look at a source asks for again, and which of two copies stays."""

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image
from prefect.logging import disable_run_logger

from demo.drawings import Drawing
from irodori.datasets import Dataset
from scraping.filters import PostFilter
from scraping.politeness import Politeness
from scraping.post import Post
from tasks.dedupe import dedupe
from tasks.scrape import Query, ScrapeJob, list_posts, scrape
from tests.scripted_server import ScriptedServer

PICTURE = Drawing(1).render("A", 96)


def names(posts: list[Post]) -> list[str]:
    return sorted(post.id.rpartition("/")[2] for post in posts)


def test_what_never_arrived_is_asked_for_again_and_what_is_damaged_is_not(dataset: Dataset, source: Path) -> None:
    def listed() -> list[Post]:
        return list_posts.fn(dataset, "A", source.as_uri(), query, Politeness())

    query = Query(tags="any", filter=PostFilter(file_types=frozenset({"png"})))
    for name, data in (("good.png", PICTURE), ("cut.png", PICTURE[:500]), ("late.png", PICTURE), ("a.gif", b"GIF")):
        (source / name).write_bytes(data)
    with disable_run_logger():
        posts = listed()
        assert names(posts) == ["cut.png", "good.png", "late.png"]
        (source / "late.png").unlink()  # gone before its turn
        assert scrape.fn(posts, ScrapeJob(dataset, "A", source.as_uri(), Politeness())) == {"ok": 1, "failed": 2}
        (source / "late.png").write_bytes(PICTURE)
        assert names(listed()) == ["late.png"]
    rows = {row.id.rpartition("/")[2]: (row.status, row.reason) for row in dataset.manifest.rows("scrape", "A")}
    assert rows["a.gif"] == ("dropped", "file type gif")


def test_a_claimed_digest_is_checked_and_the_answer_recorded(dataset: Dataset) -> None:
    right = hashlib.md5(PICTURE, usedforsecurity=False).hexdigest()
    with ScriptedServer(lambda _: PICTURE) as server:
        posts = [
            Post(id=name, file_url=f"{server.url}/{name}.png", post_url=server.url, md5=md5)
            for name, md5 in (("none", ""), ("right", right), ("wrong", "0" * 32))
        ]
        scrape.fn(posts, ScrapeJob(dataset, "A", server.url, Politeness(files_per_second=1000)))
    found = {row.id: row.md5_ok for row in dataset.manifest.rows("scrape", "A")}
    assert found == {"none": "", "right": "True", "wrong": "False"}


@pytest.mark.parametrize(
    ("credits", "kinds", "kept"),
    [
        (("", "by me"), ("png", "png"), 1),
        (("by me", ""), ("png", "png"), 0),
        (("", "by me"), ("png", "jpg"), 0),
        (("by me", ""), ("jpg", "png"), 1),
        (("", ""), ("png", "png"), 0),
    ],
)
def test_of_two_copies_the_lossless_one_stays_then_the_one_with_a_source(
    dataset: Dataset, source: Path, credits: tuple[str, str], kinds: tuple[str, str], kept: int
) -> None:
    posts = []
    for number, (credit, kind) in enumerate(zip(credits, kinds, strict=True)):
        path = source / f"{number}.{kind}"
        image = Image.open(io.BytesIO(PICTURE)).convert("RGB")
        image.save(path, quality=100, subsampling=0)  # PNG heeds neither
        posts.append(Post(id=path.as_uri(), file_url=path.as_uri(), post_url=path.as_uri(), source=credit))
    with disable_run_logger():
        scrape.fn(posts, ScrapeJob(dataset, "A", source.as_uri(), Politeness()))
        assert dedupe.fn(dataset, "A") == {"ok": 1, "dropped": 1}
    rows = list(dataset.manifest.rows("dedupe", "A"))
    assert [row.status for row in rows] == (["ok", "dropped"] if kept == 0 else ["dropped", "ok"])
    assert rows[1 - kept].duplicate_of == posts[kept].id
