"""Tests pictures in a folder or under a bucket's prefix as a source; each test runs on both."""

import time
from pathlib import Path

import pytest

from demo.drawings import Drawing
from irodori.datasets import Dataset
from irodori.sources import StoredPictures
from scraping.fetch import FetchError
from scraping.politeness import Politeness
from scraping.post import SourceError
from storage import Storage
from tasks.scrape import ScrapeJob, scrape

MAX_BYTES = 100_000


def test_pictures_are_listed_newest_first_and_only_those(storage: Storage) -> None:
    for key in ("old.webp", "sub/mid dle ü#1.JPG", "notes.txt", "new.png"):
        storage.write(key, b"x")
        time.sleep(1.05 if storage.url.startswith("s3") else 0.01)  # times in S3 are whole seconds
    source = StoredPictures(storage.url, MAX_BYTES)
    posts = list(source.posts("any tags", 10))
    assert [post.id for post in posts] == [
        f"{storage.url}/{key}" for key in ("new.png", "sub/mid dle ü#1.JPG", "old.webp")
    ]
    assert [post.file_type for post in posts] == ["png", "jpg", "webp"]
    assert posts[1].file_url == f"{storage.url}/sub/mid%20dle%20%C3%BC%231.JPG" == posts[1].post_url
    assert [post.id for post in source.posts("", 2)] == [post.id for post in posts[:2]]


def test_a_file_is_read_whole_or_refused_with_a_reason(storage: Storage) -> None:
    storage.write("a ü.png", b"y" * 1000)
    storage.write("huge.png", b"x" * (MAX_BYTES + 1))
    source = StoredPictures(storage.url, MAX_BYTES)
    posts = {post.id.rpartition("/")[2]: post for post in source.posts("", 10)}
    download = source.download(posts["a ü.png"])
    assert (download.data, download.md5_ok) == (b"y" * 1000, None)
    with pytest.raises(FetchError, match="100,001 bytes are more than max_bytes = 100,000"):
        source.download(posts["huge.png"])
    storage.delete("a ü.png")
    with pytest.raises(FetchError, match=r"^no a ü\.png in "):
        source.download(posts["a ü.png"])


def test_nothing_there_is_one_clear_line(storage: Storage) -> None:
    with pytest.raises(SourceError, match=r"^there are no pictures below .*; put some there"):
        next(StoredPictures(f"{storage.url}/gone", MAX_BYTES).posts("", 1))


def test_a_dataset_is_scraped_from_it(storage: Storage, tmp_path: Path) -> None:
    pictures = {f"{n}.png": Drawing(n).render("A", 64) for n in range(3)} | {
        "cut.png": Drawing(9).render("A", 64)[:700]
    }
    for name, data in pictures.items():
        storage.write(f"scans/{name}", data)
    address = f"{storage.url}/scans"
    dataset = Dataset((tmp_path / "made").as_uri(), "tiny")
    posts = list(StoredPictures(address, MAX_BYTES).posts("", 10))
    assert scrape.fn(posts, ScrapeJob(dataset, "A", address, Politeness())) == {"ok": 3, "failed": 1}
    rows = {row.id.rpartition("/")[2]: row for row in dataset.manifest.rows("scrape", "A")}
    assert {name: dataset.storage.read(row.key) for name, row in rows.items() if row.key} == {
        name: data for name, data in pictures.items() if name != "cut.png"
    }
    assert rows["cut.png"].reason.startswith("truncated PNG")
