"""Stores objects in an S3-compatible bucket, through boto3.

Endpoint and credentials come from boto3's own chain (``AWS_ENDPOINT_URL_S3``, ``AWS_ACCESS_KEY_ID``, ...).
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from storage.base import Conflict, Entry, NotFound, StorageError, checked_key
from storage.copies import Copies
from storage.s3_faults import FAULTS, MISSING, Request, code_of, explained, no_address, no_bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONFLICT = {"412", "409", "PreconditionFailed", "ConditionalRequestConflict"}
ATTEMPTS = 5  # at each request
_INTERRUPTED = (HTTPClientError, IncompleteReadError)


class S3Storage:
    """A storage whose keys are objects below ``prefix`` in ``bucket``."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @property
    def url(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def read(self, key: str) -> bytes:
        return self.read_version(key)[0]

    def write(self, key: str, data: bytes | IO[bytes]) -> None:
        with self._errors(key):
            self._client.put_object(Bucket=self._bucket, Key=self._key(key), Body=data)

    def exists(self, key: str) -> bool:
        try:
            with self._errors(key):
                self._client.head_object(Bucket=self._bucket, Key=self._key(key))
        except NotFound:
            self._require_bucket()  # the answer to a HEAD does not tell a missing bucket from a missing key
            return False
        return True

    def list(self, prefix: str, *, everything: bool = False) -> Iterator[Entry]:
        with self._errors(prefix):
            listing = self._client.get_paginator("list_objects_v2")
            for page in listing.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix):
                for item in page.get("Contents", []):
                    key = item["Key"].removeprefix(self._prefix)
                    if not key.endswith("/"):  # graphical clients create such keys as folder markers
                        yield Entry(key, item["Size"], item["ETag"], item["LastModified"].timestamp())

    def delete(self, key: str) -> None:
        with self._errors(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(key))

    def upload(self, path: Path, key: str) -> None:
        with self._errors(key):
            self._client.upload_file(str(path), self._bucket, self._key(key))

    def download(self, key: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with self._errors(key):
                self._client.download_file(self._bucket, self._key(key), str(temporary))
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def open(self, key: str, *, keep: bool = False) -> tuple[IO[bytes], str]:
        file: IO[bytes] = tempfile.TemporaryFile() if keep else tempfile.SpooledTemporaryFile(max_size=1 << 16)
        try:
            with self._errors(key):
                version = self._fetch(key, file, self._copies.version(key) if keep else None)
        except StorageError:
            file.close()
            raise
        if version is None:
            file.close()
            return self._copies.open(key)
        if keep:
            self._copies.keep(key, version, file)
            return self._copies.open(key)
        file.seek(0)
        return file, version

    def read_version(self, key: str) -> tuple[bytes, str]:
        file, version = self.open(key)
        with file:
            return file.read(), version

    # botocore retries requests that fail before the first byte, but not those that break off later
    @retry(retry=retry_if_exception_type(_INTERRUPTED), stop=stop_after_attempt(5), reraise=True)
    def _fetch(self, key: str, file: IO[bytes], known: str | None) -> str | None:
        """Downloads into ``file`` and returns the version; None, with an empty file, if ``known`` is still current."""
        file.seek(0)
        file.truncate()
        condition: dict[str, Any] = {"IfNoneMatch": known} if known else {}
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(key), **condition)
        except ClientError as error:
            if known and code_of(error) == "304":
                return None
            raise
        shutil.copyfileobj(answer["Body"], file, 1 << 20)
        return answer["ETag"]

    def replace(self, key: str, data: bytes | IO[bytes], version: str | None) -> None:
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        with self._errors(key, conditional=True):
            try:
                answer = self._client.put_object(Bucket=self._bucket, Key=self._key(key), Body=data, **condition)
            except ClientError as error:
                # If-Match on a deleted key answers 404, which is a conflict, too
                if code_of(error) in _CONFLICT | MISSING:
                    raise Conflict(f"{key} was changed by another run") from error
                raise
        if self._copies.version(key) and not isinstance(data, bytes):
            data.seek(0)
            copy = tempfile.TemporaryFile()
            shutil.copyfileobj(data, copy, 1 << 20)
            self._copies.keep(key, answer["ETag"], copy)

    @cached_property
    def _client(self) -> "S3Client":
        # clients are thread-safe; the connection pool is large enough for the threads of one task runner
        config = Config(
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS}, max_pool_connections=32, connect_timeout=10
        )
        try:
            session = boto3.session.Session()
            # boto3 requires a region, S3-compatible servers ignore it
            return session.client("s3", region_name=session.region_name or "us-east-1", config=config)
        except BotoCoreError as error:
            raise StorageError(f"S3 settings for {self.url}: {error}") from error
        except ValueError as error:
            raise no_address(error) from error

    @cached_property
    def _copies(self) -> Copies:
        return Copies()

    def __getstate__(self) -> dict[str, str]:
        return {"_bucket": self._bucket, "_prefix": self._prefix}  # clients and copies cannot be pickled

    def _key(self, key: str) -> str:
        return self._prefix + checked_key(key)

    def _require_bucket(self) -> None:
        with self._errors(""):
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except ClientError as error:
                if code_of(error) in MISSING | {"NoSuchBucket"}:
                    raise no_bucket(self._request("")) from error
                raise

    def _request(self, key: str, *, conditional: bool = False) -> Request:
        meta = self._client.meta
        checksums = meta.config.request_checksum_calculation == "when_supported"  # type: ignore[attr-defined]
        return Request(self.url, key, meta.endpoint_url, checksums, conditional)

    @contextmanager
    def _errors(self, key: str, *, conditional: bool = False) -> Iterator[None]:
        """Turns errors of boto3 into a StorageError of one line."""
        try:
            yield
        except FAULTS as error:
            raise explained(error, self._request(key, conditional=conditional)) from error
