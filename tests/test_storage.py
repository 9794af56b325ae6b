"""Tests that a folder and a real S3 server give the same guarantees as storage."""

import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage import Conflict, NotFound, Storage, StorageError, open_storage


def test_write_then_read(storage: Storage) -> None:
    storage.write("datasets/pink/a b/ü.bin", b"\x00\xff")
    assert storage.read("datasets/pink/a b/ü.bin") == b"\x00\xff"
    storage.write("datasets/pink/a b/ü.bin", b"new")
    assert storage.read("datasets/pink/a b/ü.bin") == b"new"


def test_missing_key(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no/such"):
        storage.read("no/such")
    with pytest.raises(NotFound):
        storage.download("no/such", tmp_path / "x")
    with pytest.raises(NotFound):
        storage.read_version("no/such")
    assert not storage.exists("no/such")
    storage.delete("no/such")
    assert list(storage.list("no/")) == []


def test_list_takes_a_prefix_and_tells_size_version_and_time(storage: Storage) -> None:
    for key in ("in/a/1.png", "in/a-b/2.png", "in/a.png", "other/3.png"):
        storage.write(key, key.encode())
    entries = {entry.key: entry for entry in storage.list("in/a")}
    assert sorted(entries) == ["in/a-b/2.png", "in/a.png", "in/a/1.png"]
    assert entries["in/a.png"].size == len("in/a.png")
    storage.write("in/a.png", b"other by")
    again = next(entry for entry in storage.list("in/a.png"))
    assert again.version != entries["in/a.png"].version
    assert again.modified >= entries["in/a.png"].modified - 1
    assert again.version == storage.read_version("in/a.png")[1]


def test_list_of_more_than_one_page(storage: Storage) -> None:
    keys = {f"many/{number:04}" for number in range(1050)}
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: storage.write(key, b"x"), sorted(keys)))
    assert {entry.key for entry in storage.list("many/")} == keys


def test_delete(storage: Storage) -> None:
    storage.write("a/b", b"1")
    storage.delete("a/b")
    assert not storage.exists("a/b")


def test_upload_and_download_stream_files(storage: Storage, tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "deep" / "copy"
    source.write_bytes(os.urandom(9_000_000))  # above the size from which boto3 uploads in parts
    storage.upload(source, "models/x.pt")
    storage.download("models/x.pt", copy)
    assert copy.read_bytes() == source.read_bytes()
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


def test_replace_needs_the_version_that_was_read(storage: Storage) -> None:
    storage.replace("m.csv", b"1", None)
    with pytest.raises(Conflict):
        storage.replace("m.csv", b"2", None)
    _, version = storage.read_version("m.csv")
    storage.replace("m.csv", b"2", version)
    with pytest.raises(Conflict):
        storage.replace("m.csv", b"3", version)
    with pytest.raises(Conflict):
        storage.replace("gone.csv", b"3", version)
    assert storage.read("m.csv") == b"2"


def test_of_many_writers_with_one_version_one_wins(storage: Storage) -> None:
    storage.write("m.csv", b"start")
    _, version = storage.read_version("m.csv")
    barrier = threading.Barrier(8)

    def attempt(number: int) -> bool:
        barrier.wait()
        try:
            storage.replace("m.csv", f"{number}".encode(), version)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(attempt, range(8)))
    assert sum(won) == 1
    assert storage.read("m.csv") == f"{won.index(True)}".encode()


def test_readers_never_see_a_part(storage: Storage) -> None:
    sizes = (1_000_000, 1_500_000)
    storage.write("big", b"a" * sizes[0])
    seen: set[tuple[int, int]] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            data = storage.read("big")
            seen.add((len(data), len(set(data))))

    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(read)
        for number in range(20):
            storage.write("big", b"ab"[number % 2 : number % 2 + 1] * sizes[number % 2])
        stop.set()
        reading.result()
    assert seen <= {(size, 1) for size in sizes}


@pytest.mark.parametrize("key", ["", "/abs", "a//b", "../x", "a/../../x", "a/./b", "a\\b", "a\0b", "a/"])
def test_keys_cannot_leave_the_storage(storage: Storage, key: str) -> None:
    with pytest.raises(StorageError, match="bad key"):
        storage.write(key, b"x")
    with pytest.raises(StorageError, match="bad key"):
        storage.read(key)


def test_a_storage_travels_to_other_processes_by_url_or_pickle(storage: Storage) -> None:
    storage.write("a", b"1")
    assert pickle.loads(pickle.dumps(storage)).read("a") == b"1"
    assert open_storage(storage.url).read("a") == b"1"


@pytest.mark.parametrize("url", ["data", "s3://", "ftp://host/x", "file://relative", "http://x"])
def test_bad_url(url: str) -> None:
    with pytest.raises(StorageError, match=r"file:///absolute/folder or s3://"):
        open_storage(url)
