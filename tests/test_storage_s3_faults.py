"""Tests what is said of S3 servers that lack a feature or room, and of settings that boto3 does not take: one line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from storage import StorageError, open_storage
from storage.s3 import S3Storage
from tests.scripted_s3 import scripted_s3
from tests.scripted_server import Reply

VARIABLE = "AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
CONDITION = "writing on a condition (If-None-Match, If-Match)"
CHECKSUMS = "does not support the CRC32 checksums that boto3 sends"
HEADER = "A header you provided implies functionality that is not implemented."
Ask = Callable[[S3Storage], object]


def write(storage: S3Storage) -> None:
    storage.write("m.csv", b"1")


def replace(storage: S3Storage) -> None:
    storage.replace("m.csv", b"1", None)


def upload(storage: S3Storage) -> None:
    storage.upload(Path(__file__), "m.csv")


def line_of(
    monkeypatch: pytest.MonkeyPatch, ask: Ask, status: int, code: str, message: str = "", more: str = ""
) -> str:
    """Asks a server that answers so, and returns the one line that a person sees."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>" if code else ""
    monkeypatch.setattr("storage.s3.ATTEMPTS", 1)
    with scripted_s3(Reply(body.encode(), status), monkeypatch) as (storage, _):
        with pytest.raises(StorageError) as caught:
            ask(storage)  # type: ignore[arg-type]
    line = str(caught.value)
    assert "\n" not in line and "secret" not in line
    return line


@pytest.mark.parametrize(
    ("status", "code", "message", "more"),
    [
        (501, "NotImplemented", HEADER, "<Header>If-None-Match</Header>"),
        (501, "NotImplemented", "conditional writes are not supported", ""),
    ],
)
def test_a_server_without_conditional_writes_is_told_so(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str, message: str, more: str
) -> None:
    line = line_of(monkeypatch, replace, status, code, message, more)
    assert CONDITION in line and "docs/operations.md" in line and VARIABLE not in line


@pytest.mark.parametrize(
    ("ask", "status", "code", "message"),
    [
        (
            write,
            400,
            "InvalidArgument",
            "Unsupported header 'x-amz-sdk-checksum-algorithm' received",
        ),
        (replace, 501, "NotImplemented", "STREAMING-UNSIGNED-PAYLOAD-TRAILER not implemented"),
        (upload, 400, "XAmzContentSHA256Mismatch", ""),
        (write, 411, "MissingContentLength", "You must provide the Content-Length HTTP header."),
        (replace, 403, "AccessDenied", "x-amz-checksum-crc32 is not signed"),
    ],
)
def test_a_server_that_dislikes_checksums_is_cured_by_boto3_s_own_variable(
    monkeypatch: pytest.MonkeyPatch, ask: Ask, status: int, code: str, message: str
) -> None:
    line = line_of(monkeypatch, ask, status, code, message)
    assert CHECKSUMS in line and line.endswith(f"set {VARIABLE}")


def test_a_server_that_does_not_say_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a plain write it can only be the checksums, of a conditional one without checksums only the condition."""
    assert line_of(monkeypatch, write, 501, "NotImplemented", HEADER).endswith(f"set {VARIABLE}")
    both = line_of(monkeypatch, replace, 501, "NotImplemented", HEADER)
    assert both.index(VARIABLE) < both.index("or, if that does not help") < both.index(CONDITION)
    monkeypatch.setenv(*VARIABLE.split("="))
    for code in ("NotImplemented", ""):
        line = line_of(monkeypatch, replace, 501, code, HEADER)
        assert CONDITION in line and VARIABLE not in line
    assert line_of(monkeypatch, write, 501, "NotImplemented").endswith("the server answered NotImplemented")


def test_the_variable_keeps_the_checksums_away(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, sent in (("when_supported", True), ("when_required", False)):
        monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", value)
        with scripted_s3(Reply(headers={"ETag": '"1"'}), monkeypatch) as (storage, log):
            storage.write("m.csv", b"1")
        assert any("checksum" in name.lower() for name in log[0].headers) == sent


@pytest.mark.parametrize(
    ("ask", "status", "code"),
    [(write, 507, "XMinioStorageFull"), (upload, 507, ""), (replace, 403, "QuotaExceeded")],
)
def test_a_full_server_is_told_as_what_it_is(monkeypatch: pytest.MonkeyPatch, ask: Ask, status: int, code: str) -> None:
    line = line_of(monkeypatch, ask, status, code)
    assert f"the server is full ({code or status}): free some room there, or raise its quota" in line


def test_a_seaweedfs_without_volumes_is_not_just_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers with these words, as was seen with -volume.max=3 and a fourth bucket."""
    said = "We encountered an internal error, please try again."
    line = line_of(monkeypatch, write, 500, "InternalError", said)
    assert "most often because its disk is full; a SeaweedFS needs about 1 GB of free disk for each bucket" in line
    reading = line_of(monkeypatch, lambda storage: storage.read("m.csv"), 500, "InternalError", said)
    assert reading.endswith("the server answered InternalError")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "AccessDenied", "refuses these credentials"),
        (404, "NoSuchBucket", "no bucket 'scripted' at"),
        (400, "BadDigest", "the server answered BadDigest"),
    ],
)
def test_an_upload_fails_in_the_same_words(monkeypatch: pytest.MonkeyPatch, status: int, code: str, words: str) -> None:
    """boto3 wraps the answer in an error of its own there; a file called crc32 says nothing of checksums."""
    resource = "<Resource>/scripted/crc32.png</Resource>"
    assert words in line_of(monkeypatch, upload, status, code, more=resource)


def test_an_archived_object_is_told_from_wrong_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    line = line_of(monkeypatch, lambda storage: storage.read("a.png"), 403, "InvalidObjectState")
    assert line.startswith("a.png in s3://scripted/") and line.endswith("is archived: restore it")


@pytest.mark.parametrize("endpoint", ["127.0.0.1:8333", "s3.example.com", "htp://x", "http://", "http://x:99999"])
def test_an_endpoint_without_scheme_is_one_line(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    for name, value in (("ENDPOINT_URL_S3", endpoint), ("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "secret")):
        monkeypatch.setenv(f"AWS_{name}", value)
    storage = S3Storage("bucket")
    for ask in (write, lambda storage: list(storage.list("")), lambda storage: storage.exists("a")):
        with pytest.raises(StorageError, match=r"^AWS_ENDPOINT_URL_S3 is no address such as http://127.0.0.1:8333 \("):
            ask(storage)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("AWS_PROFILE", "nobody", r"profile \(nobody\) could not be found"),
        ("AWS_DEFAULT_REGION", "eu west", "region_name 'eu west'"),
        ("AWS_REQUEST_CHECKSUM_CALCULATION", "never", "never"),
    ],
)
def test_a_setting_that_boto3_refuses_is_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    for ask in (write, lambda storage: list(storage.list(""))):
        with pytest.raises(StorageError, match=rf"^S3 settings for s3://bucket: .*{words}[^\n]*$"):
            ask(S3Storage("bucket"))


def test_a_bucket_name_that_cannot_be_is_one_line() -> None:
    with pytest.raises(StorageError, match=r'^[^\n]*Invalid bucket name "A b"[^\n]*$'):
        open_storage("s3://A b").read("a")
