"""Tests the report page: it is self-contained, its counts add up, it shows pictures and escapes texts from boards."""

import base64
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.drawings import Drawing
from imaging.codec import decode, encode_png
from irodori.datasets import Dataset
from storage import Row, Storage, open_storage
from tasks.dataset_report import write_report


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    dataset = Dataset(tmp_path.as_uri(), "tiny")
    dataset.storage.write(key := dataset.key("normalize", "A", "1" * 64), Drawing(1).render("A", 64))
    where = {"post_url": "https://example.org/1"}
    dataset.manifest.record(
        [
            Row("b:1", "A", "scrape", "ok", **where),
            Row("b:2", "A", "scrape", "failed", "<script>alert(1)</script>", **where),
            Row("b:1", "A", "dedupe", "ok"),
            Row("b:1", "A", "resize", "ok"),
            Row("b:1", "A", "normalize", "ok", key=key, ink_mean_before="64", ink_mean_after="190"),
        ]
    )
    return dataset


def page(storage: Storage) -> str:
    return storage.read("datasets/tiny/report.html").decode()


def test_the_page_shows_counts_reasons_samples_and_ink(dataset: Dataset) -> None:
    write_report.fn(dataset)
    html = page(dataset.storage)
    cells = re.findall(
        r"<tr><td>(\w+)<td class=\"name\">(\w) <span>lineart</span>" + r'<td class="number">(\d+)' * 4, html
    )
    assert ("scrape", "A", "2", "1", "0", "1") in cells
    assert html.count("data:image/webp;base64,") == 1
    assert "https://example.org/1" in html
    heights = {
        kind: [float(height) for height in re.findall(rf'"{kind}".*?height="([\d.]+)"', html)]
        for kind in ("before", "after")
    }
    assert [heights["before"].index(145.0), heights["after"].index(145.0)] == [16, 47]


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(dataset: Dataset) -> None:
    write_report.fn(dataset)
    html = page(dataset.storage)
    assert "<script" not in html and "&lt;script&gt;" in html and "<script>" in unescape(html)
    assert not re.search(r"(src|href)=\"(?!data:|https://example\.org/1\")", html)


def test_nothing_new_writes_nothing(dataset: Dataset) -> None:
    write_report.fn(dataset)
    before = open_storage(dataset.storage_url).read_version("datasets/tiny/report.html")[1]
    write_report.fn(dataset)
    assert open_storage(dataset.storage_url).read_version("datasets/tiny/report.html")[1] == before


def test_an_empty_dataset_has_a_page(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path.as_uri(), "tiny")
    write_report.fn(dataset)
    assert "<svg" not in page(dataset.storage)


def pictures_under(html: str, title: str) -> tuple[str, int]:
    """Returns the text beside a title and the number of pictures before the next title."""
    beside, section = re.search(
        rf"<h2>{title} <small>(.*?)</small></h2>(.*?)(?=<h2>|</html>)", html, re.DOTALL
    ).groups()  # type: ignore[union-attr]
    return beside, section.count("data:image/webp")


def test_a_copy_is_shown_beside_the_one_that_was_kept(dataset: Dataset) -> None:
    for number in (8, 9):
        dataset.storage.write(dataset.key("scrape", "B", f"{number}"), Drawing(number).render("B", 64))
    copy = Row("b:9", "B", "dedupe", "dropped", "nearly the same as another picture", duplicate_of="b:8")
    origins = [Row(f"b:{n}", "B", "scrape", "ok", key=dataset.key("scrape", "B", f"{n}")) for n in (8, 9)]
    dataset.manifest.record([*origins, copy])
    write_report.fn(dataset)
    assert pictures_under(page(dataset.storage), "Colour, lost in dedupe") == ("1", 2)


def test_a_moved_picture_is_shown_where_it_was_found(dataset: Dataset) -> None:
    key = dataset.key("scrape", "A", "7")
    dataset.storage.write(key, Drawing(7).render("A", 64))
    found = Row("b:7", "B", "scrape", "dropped", "grey picture under a colour tag, moved to domain A")
    dataset.manifest.record([found, Row("b:7", "A", "scrape", "ok", key=key, moved_from="B")])
    write_report.fn(dataset)
    assert pictures_under(page(dataset.storage), "Colour, lost in scrape") == ("1", 1)


def test_a_sample_says_of_how_many(dataset: Dataset) -> None:
    dataset.manifest.record([Row(f"b:{n}", "B", "scrape", "dropped", "rating explicit") for n in range(1200)])
    write_report.fn(dataset)
    assert pictures_under(page(dataset.storage), "Colour, lost in scrape") == ("16 of 1,200", 0)


def test_what_is_learned_from_a_colour_picture_is_shown_with_its_lines(dataset: Dataset) -> None:
    """The drawing has a blank ground, so the picture's becomes white."""
    figure = np.array(decode(Drawing(3).render("B", 64)))
    figure[(figure == 255).all(axis=2)] = (40, 120, 160)
    key = dataset.key("resize", "B", "3" * 64)
    dataset.storage.write(key, encode_png(Image.fromarray(figure)))
    dataset.manifest.record([Row("b:3", "B", stage, "ok", key=key) for stage in ("scrape", "dedupe", "resize")])
    write_report.fn(dataset)
    html = page(dataset.storage)
    assert pictures_under(html, "Colour, as it is learned from") == ("1", 2)
    section = html.split("Colour, as it is learned from")[1]
    picture, lines = (
        np.asarray(decode(base64.b64decode(found)))
        for found in re.findall(r"data:image/webp;base64,([^\"]+)", section)[:2]
    )
    assert (picture[:4] > 245).all() and np.ptp(picture.astype(int), axis=2).max() > 40
    assert (lines[:4] > 245).all() and lines.min() < 60 and np.ptp(lines.astype(int), axis=2).max() < 20
    damaged = Row("b:4", "B", "resize", "ok", key="missing.png")
    dataset.manifest.record([Row("b:4", "B", "scrape", "ok"), Row("b:4", "B", "dedupe", "ok"), damaged])
    write_report.fn(dataset)
    assert pictures_under(page(dataset.storage), "Colour, as it is learned from") == ("1", 2)


def test_the_scale_of_both_domains_is_shown_and_what_does_not_match(dataset: Dataset) -> None:
    dataset.storage.write(dataset.key("normalize", "A", "1" * 64), Drawing(1).render("A", 128))
    drawn = np.asarray(decode(Drawing(2).render("B", 512)).convert("RGB"))
    dataset.storage.write(
        key := dataset.key("resize", "B", "2" * 64), encode_png(Image.fromarray(drawn[160:352, 160:352]))
    )
    dataset.manifest.record([Row("b:3", "B", "resize", "ok", key=key)])
    write_report.fn(dataset)
    html = unescape(page(dataset.storage))
    (row,) = re.findall(r"dark outlines.*", html)
    lines, outlines = (float(width) for width in re.findall(r'"number">([\d.]+)', row))
    assert outlines > 1.4 * lines
    assert "Outlines of the colour pictures are" in html and "cut lineart closer around them" in html
