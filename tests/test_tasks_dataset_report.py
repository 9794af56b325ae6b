"""The report page stands alone, adds up, shows pictures, and is not fooled by what boards write."""

import re
from html import unescape
from pathlib import Path

import pytest

from demo.drawings import Drawing
from storage import Row, Storage, open_storage
from tasks.dataset import Dataset
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
    cells = re.findall(r"<tr><td>(\w+)<td>(\w)" + r'<td class="number">(\d+)' * 4, html)
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
