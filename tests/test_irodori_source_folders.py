"""Tests what people's folders hold besides pictures, as a source: nothing stops or hangs, nothing is lost unsaid."""

import os
import socket
from pathlib import Path

import pytest

from demo.drawings import Drawing
from irodori.datasets import Dataset
from irodori.sources import StoredPictures, subfolder
from scraping.fetch import FetchError
from scraping.politeness import Politeness
from scraping.post import Post, SourceError
from storage import Row, Storage, StorageError, open_storage
from tasks.scrape import Query, ScrapeJob, list_posts, scrape

LINES = Drawing(1).render("A", 64)
MAX_BYTES = 100_000

pytestmark = pytest.mark.usefixtures("log")


def scraped(dataset: Dataset, address: str, query: Query = Query()) -> dict[str, Row]:  # noqa: B008 - frozen
    """Scrapes as the flow does, and returns the rows by name."""
    posts = list_posts.fn(dataset, "A", subfolder(address, query.tags), query, Politeness())
    scrape.fn(posts, ScrapeJob(dataset, "A", subfolder(address, query.tags), Politeness()))
    return {row.id.partition(f"{address}/")[2]: row for row in dataset.manifest.rows("scrape", "A")}


@pytest.mark.timeout(60)
def test_links_pipes_and_sockets_are_listed_as_failed_and_the_rest_is_done(
    dataset: Dataset, source: Path, log: pytest.LogCaptureFixture
) -> None:
    (source / "good.png").write_bytes(LINES)
    (source / "loop.png").symlink_to("loop.png")
    (source / "loop").symlink_to(source)
    (source / "knot").symlink_to("knot")
    (source / "copy.png").symlink_to(source / "good.png")
    (source / "caption.txt").symlink_to(source / "good.png")
    os.mkfifo(source / "pipe.png")
    os.mkfifo(source / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(source)  # addresses of sockets are short
        listener.bind("plug.png")
        os.chdir(here)
        rows = scraped(dataset, source.as_uri())
    link = "is a link, and links are not followed: put the file or folder itself there"
    pipe = "is no file but a pipe, a socket or a device: take it away"
    assert {name: (row.status, row.reason) for name, row in rows.items()} == {
        "good.png": ("ok", ""),
        "loop.png/": ("failed", link),
        "loop/": ("failed", link),
        "knot/": ("failed", link),
        "copy.png": ("failed", link),
        "pipe.png": ("failed", pipe),
        "plug.png": ("failed", pipe),
    }
    assert f"7 pictures found in {source.as_uri()}, 0 already done" in log.text
    assert "6 that cannot be read, 1 to download" in log.text


def test_again_nothing_changes_and_what_was_mended_is_taken(dataset: Dataset, source: Path) -> None:
    (source / "good.png").write_bytes(LINES)
    (source / "late.png").symlink_to(source / "good.png")
    first = scraped(dataset, source.as_uri())
    assert scraped(dataset, source.as_uri()) == first
    (source / "late.png").unlink()
    (source / "late.png").write_bytes(Drawing(2).render("A", 64))
    assert scraped(dataset, source.as_uri())["late.png"].status == "ok"


@pytest.mark.parametrize("name", ["線画.png".encode("cp932"), b"caf\xe9.png", b"sub\xff/a.png"])
def test_a_name_that_is_not_utf_8_is_taken_like_any_other(dataset: Dataset, source: Path, name: bytes) -> None:
    path = os.path.join(os.fsencode(source), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(LINES)
    rows = scraped(dataset, source.as_uri())
    (shown,) = rows
    assert shown == name.decode("utf-8", "backslashreplace")
    assert dataset.storage.read(rows[shown].key) == LINES
    assert len(dataset.manifest.merge().load()) == 1


def test_a_folder_whose_own_name_is_not_utf_8(dataset: Dataset, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), "線画".encode("cp932"))))
    folder.mkdir()
    (folder / "a.png").write_bytes(LINES)
    assert scraped(dataset, folder.as_uri())["a.png"].status == "ok"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_folder_that_may_not_be_entered_and_a_file_that_may_not_be_read(dataset: Dataset, source: Path) -> None:
    for name in ("good.png", "secret.png", "closed/a.png"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_bytes(LINES)
    (source / "closed").chmod(0)
    (source / "secret.png").chmod(0)
    rows = scraped(dataset, source.as_uri())
    assert {name: row.status for name, row in rows.items()} == {
        "good.png": "ok", "secret.png": "failed", "closed/": "failed"
    }  # fmt: skip
    assert "permission denied" in rows["closed/"].reason and "permission denied" in rows["secret.png"].reason


def test_a_source_that_is_no_folder_is_one_line(source: Path) -> None:
    (source / "knot").symlink_to("knot")
    (source / "file.png").write_bytes(LINES)
    os.mkfifo(source / "pipe")
    for name in ("knot", "file.png", "pipe", "gone"):
        with pytest.raises((SourceError, StorageError)) as caught:
            next(StoredPictures((source / name).as_uri(), MAX_BYTES).posts("", 1))
        assert (source / name).as_uri() in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.timeout(60)
def test_what_became_a_pipe_since_it_was_listed_is_refused_at_once(source: Path) -> None:
    os.mkfifo(source / "a.png")
    post = Post(f"{source.as_uri()}/a.png", f"{source.as_uri()}/a.png", source.as_uri())
    with pytest.raises(FetchError, match=r"a\.png in file://.* is no file but a pipe, a socket or a device"):
        StoredPictures(source.as_uri(), MAX_BYTES).download(post)
    with pytest.raises(StorageError, match="named pipe"):
        open_storage(source.as_uri()).download("a.png", source / "copy.png")


RUBBISH = (
    "._good.png", ".Trash-1000/files/a.png", "@eaDir/good.png/SYNOPHOTO_THUMB_XL.jpg", "#recycle/a.png", ".git/a.png",
    "$RECYCLE.BIN/S-1-5/a.png", "System Volume Information/a.png", "lost+found/a.png", "sub/@eaDir/a.png",
)  # fmt: skip


@pytest.mark.parametrize("hidden", ["", "/.hidden", "/@eaDir/mine"])
def test_what_systems_leave_is_no_source_though_the_folder_itself_may_be_called_so(
    storage: Storage, hidden: str
) -> None:
    """A person who names a hidden folder means it."""
    address = f"{storage.url}{hidden}"
    for name in ("good.png", "sub/also good.png", *RUBBISH):
        open_storage(address).write(name, b"x")
    source = open_storage(address)
    posts = StoredPictures(address, MAX_BYTES).posts("", 100)
    assert sorted(post.id.removeprefix(f"{source.url}/") for post in posts) == ["good.png", "sub/also good.png"]
