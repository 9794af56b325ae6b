"""Tests what S3 servers do besides: they refuse, call a lost race by many names, and break off."""

import os
import random

import boto3
import pytest

from deploy.seaweed import SeaweedFS
from drills.unreliable_storage import UnreliableS3
from storage import Conflict, StorageError, open_storage
from storage.s3 import S3Storage
from tests.scripted_s3 import scripted_s3
from tests.scripted_server import Reply


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
