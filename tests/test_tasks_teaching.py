"""What becomes of colour pictures that teach little, and of pages of panels: rows, bytes, and what is judged again."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from prefect.logging import disable_run_logger

from demo.drawings import Drawing
from irodori.datasets import Dataset, Domain
from scraping.filters import PostFilter
from scraping.politeness import Politeness
from scraping.post import Post
from storage import Row
from tasks.dedupe import dedupe
from tasks.resize import ResizeJob, resize
from tasks.scrape import Query, ScrapeJob, list_posts, scrape
from tasks.train import training_rows

SIDE = 300
pytestmark = pytest.mark.usefixtures("log")


def portrait(seed: int) -> Image.Image:
    """A portrait before a wall of colour, to its rim."""
    drawn = np.asarray(Image.open(io.BytesIO(Drawing(seed).render("B", SIDE))).convert("RGB"))
    wall = np.array([90 + 12 * (seed % 9), 140, 200 - 15 * (seed % 7)], np.uint8)
    return Image.fromarray(np.where(drawn.min(axis=2, keepdims=True) > 250, wall, drawn))


def page(first: int, grey: bool = False) -> Image.Image:
    """Four portraits; the last one may be grey."""
    sheet = Image.new("RGB", (2 * SIDE + 60, 2 * SIDE + 60), "white")
    for number in range(4):
        panel = portrait(first + number)
        shown = panel.convert("L").convert("RGB") if grey and number == 3 else panel
        sheet.paste(shown, (20 + number % 2 * (SIDE + 20), 20 + number // 2 * (SIDE + 20)))
    return sheet


def listed(dataset: Dataset, source: Path, keep: bool) -> list[Post]:
    return list_posts.fn(dataset, "B", source.as_uri(), Query(), Politeness(), None, keep)


def names(posts: list[Post]) -> list[str]:
    return sorted(post.id.rpartition("/")[2] for post in posts)


def scraped(dataset: Dataset, source: Path, keep: bool = False) -> dict[str, Row]:
    """Lists and scrapes a folder; returns all rows by the name of the file."""
    posts = listed(dataset, source, keep)
    scrape.fn(posts, ScrapeJob(dataset, "B", source.as_uri(), Politeness(), None, keep))
    return {row.id.rpartition("/")[2]: row for row in dataset.manifest.rows("scrape", "B")}


def test_what_teaches_little_is_dropped_with_its_bytes_and_kept_once_asked(dataset: Dataset, source: Path) -> None:
    portrait(1).save(source / "good #1.png")
    portrait(2).point(lambda level: level * 0.19).save(source / "dark.png")
    portrait(3).convert("L").save(source / "grey.png")
    rows = scraped(dataset, source)
    assert {name: (row.status, row.reason) for name, row in rows.items()} == {
        "good #1.png": ("ok", ""),
        "dark.png": ("dropped", "nearly all dark"),
        "grey.png": ("dropped", "grey picture under a colour tag"),
    }
    assert dataset.storage.read(rows["dark.png"].key) == (source / "dark.png").read_bytes()  # for the report
    assert listed(dataset, source, keep=False) == []
    assert names(listed(dataset, source, keep=True)) == ["dark.png", "grey.png"]
    assert {row.status for row in scraped(dataset, source, keep=True).values()} == {"ok"}
    assert listed(dataset, source, keep=True) == []


def test_each_panel_of_a_page_is_a_picture_with_its_own_rows(dataset: Dataset, source: Path) -> None:
    page(10).save(source / "page.png")
    for number in range(8):  # so that some are held out
        portrait(40 + number).save(source / f"{number}.png")
    rows = scraped(dataset, source)
    whole, panels = rows["page.png"], [rows[f"page.png#{number}"] for number in (1, 2, 3, 4)]
    assert (whole.status, whole.reason) == ("dropped", "page of panels, each of which is a picture of its own")
    assert dataset.storage.read(whole.key) == (source / "page.png").read_bytes()
    for number, panel in enumerate(panels):
        assert (panel.status, panel.parent, panel.post_url) == ("ok", whole.id, whole.post_url)
        cut = np.asarray(Image.open(io.BytesIO(dataset.storage.read(panel.key))))
        assert cut.shape == (int(panel.height), int(panel.width), 3)
        inside = np.asarray(portrait(10 + number))[20:-20, 20:-20]
        trimmed = cut[(cut.shape[0] - 260) // 2 :, (cut.shape[1] - 260) // 2 :][:260, :260]
        assert np.abs(trimmed.astype(int) - inside).mean() < 12  # within 2 px of its place
    assert listed(dataset, source, keep=True) == []
    with disable_run_logger():
        dedupe.fn(dataset, "B")
    resize.fn(list(dataset.remaining("resize", "B")), ResizeJob(dataset, 64))
    resized = {row.id: row.status for row in dataset.manifest.rows("resize", "B")}
    assert all(resized[panel.id] == "ok" for panel in panels) and whole.id not in resized


def test_panels_of_a_page_share_a_split(dataset: Dataset, source: Path) -> None:
    page(10).save(source / "page.png")
    scraped(dataset, source)
    (source / "page.png").unlink()
    (source / "lines.png").write_bytes(Drawing(1).render("A", 96))
    posts = list_posts.fn(dataset, "A", source.as_uri(), Query(filter=PostFilter(min_side=1)), Politeness())
    scrape.fn(posts, ScrapeJob(dataset, "A", source.as_uri(), Politeness()))
    domains: tuple[Domain, ...] = ("A", "B")
    for domain in domains:
        with disable_run_logger():
            dedupe.fn(dataset, domain)
        resize.fn(list(dataset.remaining("resize", domain)), ResizeJob(dataset, 64))
    lines = next(iter(dataset.manifest.rows("resize", "A")))
    dataset.manifest.record([Row(lines.id, "A", "normalize", "ok", key=lines.key, sha256=lines.sha256)])
    groups = {row.group for row in training_rows(dataset) if row.domain == "B"}
    assert len(groups) == 1 and groups != {""}


def test_a_panel_that_teaches_little_is_dropped_and_its_page_read_again_once_asked(
    dataset: Dataset, source: Path
) -> None:
    page(20, grey=True).save(source / "page.png")
    rows = scraped(dataset, source)
    assert rows["page.png#4"].reason == "grey picture under a colour tag"
    assert names(listed(dataset, source, keep=True)) == ["page.png"]
    assert scraped(dataset, source, keep=True)["page.png#4"].status == "ok"
    assert listed(dataset, source, keep=True) == []


def test_again_the_same_bytes_and_rows(dataset: Dataset, source: Path) -> None:
    page(30).save(source / "page.png")
    first = scraped(dataset, source)
    whole = first["page.png"]
    posts = [Post(id=whole.id, file_url=whole.file_url, post_url=whole.post_url)]
    scrape.fn(posts, ScrapeJob(dataset, "B", source.as_uri(), Politeness()))
    again = {row.id: (row.key, row.sha256, row.status) for row in dataset.manifest.rows("scrape", "B")}
    assert again == {row.id: (row.key, row.sha256, row.status) for row in first.values()}
    assert len(list(dataset.storage.list("datasets/tiny/scrape/B/"))) == 5
