"""Tests that a folder and a real S3 server give the same guarantees as storage."""

import io
import os
import pickle
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from deploy.seaweed import SeaweedFS
from drills.unreliable_storage import UnreliableS3
from storage import Conflict, NotFound, Storage, StorageError, open_storage
from storage.s3 import S3Storage
from tests.scripted_server import Reply, Request, ScriptedServer


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


def kept(storage: Storage) -> bytes:
    file, _ = storage.open("m.csv", keep=True)
    with file:
        return file.read()


def test_what_is_kept_at_hand_is_never_stale(storage: Storage) -> None:
    elsewhere = pickle.loads(pickle.dumps(storage))
    for content in (os.urandom(300_000), b"short", b""):
        elsewhere.write("m.csv", content)
        for _ in range(2):
            file, version = storage.open("m.csv", keep=True)
            with file:
                assert (file.read(), version) == elsewhere.read_version("m.csv")
    elsewhere.delete("m.csv")
    with pytest.raises(NotFound):
        storage.open("m.csv", keep=True)


def test_who_reads_what_is_kept_at_hand_reads_on_in_it(storage: Storage) -> None:
    old, new = os.urandom(600_000), b"new"
    storage.write("m.csv", old)
    first, _ = storage.open("m.csv", keep=True)
    second, version = storage.open("m.csv", keep=True)
    with first, second:
        assert first.read(10) == old[:10]
        second.seek(-5, os.SEEK_END)
        assert second.read() == old[-5:]
        storage.replace("m.csv", io.BytesIO(new), version)
        assert kept(storage) == new
        assert first.read() == old[10:]


def test_s3_sends_what_is_kept_at_hand_once(s3_url: str) -> None:
    storage, answers = S3Storage(*s3_url.removeprefix("s3://").split("/", 1)), []
    note = storage._client.meta.events.register
    note("after-call.s3.GetObject", lambda http_response, **_: answers.append(http_response.status_code))
    storage.write("m.csv", b"1")
    assert [kept(storage) for _ in range(3)] == [b"1"] * 3
    assert answers == [200, 304, 304]
    storage.replace("m.csv", io.BytesIO(b"what was written is at hand"), storage.read_version("m.csv")[1])
    assert kept(storage) == b"what was written is at hand"
    assert answers == [200, 304, 304, 200, 304]


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


def test_links_out_of_a_folder_are_neither_listed_nor_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    root = tmp_path / "storage"
    (root / "inbox").mkdir(parents=True)
    (root / "inbox" / "link.png").symlink_to(tmp_path / "secret.txt")
    (root / "inbox" / "folder").symlink_to(tmp_path)
    storage = open_storage(root.as_uri())
    assert list(storage.list("")) == []
    for key in ("inbox/link.png", "inbox/folder/secret.txt"):
        with pytest.raises(StorageError, match="link"):
            storage.read(key)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(tmp_path: Path) -> None:
    root = tmp_path / "storage"
    root.mkdir(mode=0o500)
    with pytest.raises(StorageError, match="permission"):
        open_storage(root.as_uri()).write("a", b"1")


def test_full_disk_loses_nothing_and_says_so(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    root = tmp_path / "storage"
    storage = open_storage(root.as_uri())
    storage.write("a", b"old")
    with pytest.raises(StorageError, match="disk is full"):
        storage._put("a", lambda _: Path("/dev/full").write_bytes(b"x" * 100_000))  # type: ignore[attr-defined]
    assert storage.read("a") == b"old"
    assert not any((root / ".irodori" / "unfinished").iterdir())


def test_name_too_long(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="too long"):
        open_storage((tmp_path / "storage").as_uri()).write("x" * 300, b"1")


def test_s3_faults_are_one_line_each(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from storage.s3 import S3Storage

    with pytest.raises(StorageError, match=r"no bucket 'nowhere-1' at http.*create it"):
        S3Storage("nowhere-1").write("a", b"1")
    with pytest.raises(StorageError, match="no bucket 'nowhere-1'"):
        S3Storage("nowhere-1").exists("a")
    with pytest.raises(StorageError, match="no bucket 'nowhere-1'"):
        list(S3Storage("nowhere-1").list(""))
    bucket = s3_url.removeprefix("s3://").partition("/")[0]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    with pytest.raises(StorageError, match="refuses these credentials") as caught:
        S3Storage(bucket).write("a", b"1")
    assert "wrong-secret" not in str(caught.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match=r"no S3 server answers at http://127.0.0.1:9.*AWS_ENDPOINT_URL_S3"):
        S3Storage(bucket).write("a", b"1")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "NoSuchKey"),  # of If-Match on a key that is gone, as AWS has it
        (404, ""),
        (409, "ConditionalRequestConflict"),
        (409, ""),
        (412, "PreconditionFailed"),
        (412, ""),
    ],
)
@pytest.mark.parametrize("version", ['"1"', None])
def test_a_lost_race_is_a_conflict_whatever_the_server_calls_it(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str, version: str | None
) -> None:
    reply = Reply(f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode() if code else b"", status)
    with scripted_s3(reply, monkeypatch) as (storage, log):
        with pytest.raises(Conflict, match=r"^m\.csv was changed by another run$"):
            storage.replace("m.csv", b"1", version)
    (request,) = log
    assert (request.method, request.path.rpartition("/")[2]) == ("PUT", "m.csv")
    conditions = {name: value for name, value in request.headers.items() if name.lower().startswith("if-")}
    assert conditions == ({"If-None-Match": "*"} if version is None else {"If-Match": version})


def test_what_is_no_lost_race_is_no_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    for status, code, words in (
        (403, "AccessDenied", "refuses these credentials"),
        (404, "NoSuchBucket", "no bucket"),
        (400, "EntityTooLarge", "the server answered EntityTooLarge"),
    ):
        with scripted_s3(Reply(f"<Error><Code>{code}</Code></Error>".encode(), status), monkeypatch) as (storage, _):
            with pytest.raises(StorageError, match=words) as caught:
                storage.replace("m.csv", b"1", None)
            assert not isinstance(caught.value, Conflict)


@contextmanager
def scripted_s3(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Storage, list[Request]]]:
    """A storage whose server answers everything alike, and what it was asked."""
    with ScriptedServer(lambda _: reply) as server:
        values = {"ENDPOINT_URL_S3": server.url, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret"}
        for name, value in values.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        yield open_storage(f"s3://scripted/{server.host}"), server.log


def test_s3_folders_of_graphical_clients_are_no_objects(s3_url: str) -> None:
    storage, (bucket, prefix) = open_storage(s3_url), s3_url.removeprefix("s3://").split("/", 1)
    storage.write("inbox/a.png", b"1")
    boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/inbox/folder/", Body=b"")
    assert [entry.key for entry in storage.list("")] == ["inbox/a.png"]


@pytest.mark.parametrize("keep", [False, True])
def test_s3_begins_anew_what_broke_off(
    s3_server: SeaweedFS, s3_url: str, monkeypatch: pytest.MonkeyPatch, keep: bool
) -> None:
    data = os.urandom(300_000)
    open_storage(s3_url).write("a", data)
    faults = iter(["cut short", "cut short"])
    with UnreliableS3(s3_server.endpoint, random.Random(0)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
        monkeypatch.setattr(proxy, "fault", lambda: next(faults, ""))
        file, _ = S3Storage(*s3_url.removeprefix("s3://").split("/", 1)).open("a", keep=keep)
        with file:
            assert file.read() == data
        assert next(faults, "") == ""
