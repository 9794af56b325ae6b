"""Tests pictures of the wrong domain: they are dropped or moved, with rows in the domain they came from and went to."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops

from demo.drawings import Drawing
from imaging.codec import encode_png
from irodori.datasets import Dataset, Domain
from scraping.filters import PostFilter
from scraping.politeness import Politeness
from scraping.post import Post
from storage import Row
from tasks.resize import ResizeJob, resize
from tasks.scrape import ScrapeJob, scrape

LINES, COLOURED = Drawing(1).render("A", 96), Drawing(2).render("B", 96)
PAINTING = encode_png(Image.open(io.BytesIO(Drawing(3).render("B", 96))).convert("L").convert("RGB"))


def post(folder: Path, name: str, data: bytes, **said: str) -> Post:
    (folder / name).write_bytes(data)
    url = (folder / name).as_uri()
    return Post(id=url, file_url=url, post_url=url, **said)  # type: ignore[arg-type]


def scraped(dataset: Dataset, posts: list[Post], domain: Domain, move_to: PostFilter | None) -> dict[str, Row]:
    """Scrapes and returns the rows by domain and file, such as "B lines"."""
    source = dataset.storage_url.removesuffix("/storage")
    scrape.fn(posts, ScrapeJob(dataset, domain, source, Politeness(), move_to))
    rows = [row for each in ("A", "B") for row in dataset.manifest.rows("scrape", each)]
    return {f"{row.domain} {row.id.rpartition('/')[2]}": row for row in rows}


def test_dropped_with_the_reason_and_the_colour_measure(dataset: Dataset, tmp_path: Path) -> None:
    rows = scraped(dataset, [post(tmp_path, "lines", LINES), post(tmp_path, "coloured", COLOURED)], "B", None)
    assert rows.keys() == {"B lines", "B coloured"}
    assert (rows["B lines"].status, rows["B lines"].reason) == ("dropped", "grey picture under a colour tag")
    assert rows["B coloured"].status == "ok"
    assert float(rows["B lines"].colour_mse) <= 22 < float(rows["B coloured"].colour_mse)
    assert float(rows["B lines"].colour_fraction) <= 0.01 < float(rows["B coloured"].colour_fraction)


def test_grey_lines_move_to_lineart_and_a_grey_painting_does_not(dataset: Dataset, tmp_path: Path) -> None:
    posts = [post(tmp_path, name, data) for name, data in (("lines", LINES), ("painting", PAINTING))]
    rows = scraped(dataset, posts, "B", PostFilter())
    assert rows.keys() == {"B lines", "B painting", "A lines"}
    assert rows["B lines"].reason == "grey picture under a colour tag, moved to domain A"
    assert rows["B painting"].reason == "grey picture under a colour tag, and with too much tone for lineart"
    assert {rows[name].status for name in ("B lines", "B painting")} == {"dropped"}
    moved = rows["A lines"]
    assert (moved.status, moved.moved_from, moved.sha256) == ("ok", "B", rows["B lines"].sha256)
    assert moved.phash and moved.colour_mse == rows["B lines"].colour_mse
    assert dataset.storage.read(moved.key) == LINES and "/scrape/A/" in moved.key
    assert [row.id for row in dataset.remaining("dedupe", "A")] == [posts[0].id]
    assert not list(dataset.remaining("dedupe", "B"))


def test_coloured_pictures_move_to_colour(dataset: Dataset, tmp_path: Path) -> None:
    rows = scraped(dataset, [post(tmp_path, "coloured", COLOURED)], "A", PostFilter())
    assert rows["A coloured"].reason == "coloured picture under a lineart tag, moved to domain B"
    assert (rows["B coloured"].status, rows["B coloured"].moved_from) == ("ok", "A")
    assert dataset.storage.read(rows["B coloured"].key) == COLOURED


def test_the_other_domain_filters_what_comes_to_it(dataset: Dataset, tmp_path: Path) -> None:
    arriving = post(tmp_path, "lines", LINES, tags="solo sketch")
    rows = scraped(dataset, [arriving], "B", PostFilter(excluded_tags=frozenset({"sketch"})))
    assert (rows["A lines"].status, rows["A lines"].reason) == ("dropped", "excluded tag sketch")
    assert rows["A lines"].moved_from == "B" and not rows["A lines"].key


def test_a_failed_download_is_not_moved_and_again_changes_nothing(dataset: Dataset, tmp_path: Path) -> None:
    posts = [post(tmp_path, "lines", LINES), post(tmp_path, "cut", LINES[:500])]
    once = scraped(dataset, posts, "B", PostFilter())
    assert once.keys() == {"B lines", "A lines", "B cut"} and once["B cut"].status == "failed"
    again = scraped(dataset, posts, "B", PostFilter())
    assert {name: row.key for name, row in again.items()} == {name: row.key for name, row in once.items()}
    assert len(list(dataset.storage.list("datasets/tiny/scrape/"))) == 1


def coloured_ink(lines: bytes) -> bytes:
    """Redraws black lines in blue on cream."""
    page = Image.open(io.BytesIO(lines)).convert("RGB")
    return encode_png(ImageChops.lighter(page, Image.new("RGB", page.size, "#2040dc")))


def white_layer(lines: bytes) -> bytes:
    """Redraws black lines in white on transparency."""
    gray = np.asarray(Image.open(io.BytesIO(lines)).convert("L"))
    return encode_png(Image.fromarray(np.dstack([np.full((*gray.shape, 3), 255, np.uint8), 255 - gray])))


def test_lineart_in_coloured_ink_is_lineart(dataset: Dataset, tmp_path: Path) -> None:
    arriving = post(tmp_path, "blue", coloured_ink(LINES))
    kept = scraped(dataset, [arriving], "A", PostFilter())
    assert kept.keys() == {"A blue"} and kept["A blue"].status == "ok"
    assert float(kept["A blue"].colour_mse) > 22


def test_coloured_ink_under_a_colour_tag_teaches_no_colour(dataset: Dataset, tmp_path: Path) -> None:
    rows = scraped(dataset, [post(tmp_path, "blue", coloured_ink(LINES))], "B", None)
    assert (rows["B blue"].status, rows["B blue"].reason) == ("dropped", "lines in coloured ink under a colour tag")


def test_white_lines_on_transparency_are_told_apart_and_trained_on(dataset: Dataset, tmp_path: Path) -> None:
    posts = [post(tmp_path, f"white{seed}", white_layer(Drawing(seed).render("A", 96))) for seed in (1, 4)]
    rows = scraped(dataset, posts, "A", None)
    assert {row.status for row in rows.values()} == {"ok"}
    assert rows["A white1"].phash != rows["A white4"].phash
    resize.fn(list(rows.values()), ResizeJob(dataset, 64))
    (key,) = [row.key for row in dataset.manifest.rows("resize", "A") if row.id == posts[0].id]
    resized = np.asarray(Image.open(io.BytesIO(dataset.storage.read(key))))
    assert resized.min() < 60 and np.median(resized) == 255
