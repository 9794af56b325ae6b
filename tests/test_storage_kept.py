"""Tests what a storage keeps at hand: it is never stale, and S3 sends it once."""

import io
import os
import pickle

import pytest

from storage import NotFound, Storage
from storage.s3 import S3Storage


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
