"""Explains in one line, with the remedy and without credentials, what boto3 or an S3 server refused."""

import re
from dataclasses import dataclass

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    EndpointProviderError,
    FlexibleChecksumError,
    NoCredentialsError,
    SSLError,
)

from storage.base import NotFound, StorageError, Unreadable

Fault = Boto3Error | BotoCoreError | ClientError
FAULTS = (Boto3Error, BotoCoreError, ClientError)
MISSING = {"404", "NoSuchKey", "NotFound"}
_DENIED = {"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden"}
_FULL = {"507", "InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}
_UNKNOWN_FEATURE = {"501", "NotImplemented"}
_INTERNAL = {"500", "InternalError"}
_WRITES = {"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}
_CONDITIONS = re.compile(r"if-none-match|if-match|conditional|precondition", re.IGNORECASE)
_CHECKSUMS = re.compile(r"checksum|crc|trailer|content-sha256|contentsha256|content-?length|aws-chunked", re.IGNORECASE)
_NO_CONDITIONS = "writing on a condition (If-None-Match, If-Match), without which runs would lose each other's rows"
_NO_CHECKSUMS = "the CRC32 checksums that boto3 sends"
_WITHOUT_CHECKSUMS = "set AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
_OTHER_SERVER = "take a server that does what docs/operations.md lists"


@dataclass(frozen=True)
class Request:
    """What was asked.

    Attributes:
        url: of the storage.
        key: of the object, without the storage's prefix; "" for all.
        endpoint: address of the server.
        checksums: whether boto3 sends checksums with everything that it writes.
        conditional: whether it was to be written on a condition.
    """

    url: str
    key: str
    endpoint: str
    checksums: bool
    conditional: bool = False

    @property
    def bucket(self) -> str:
        return self.url.removeprefix("s3://").partition("/")[0]


def code_of(error: ClientError) -> str:
    """Returns the server's name for what went wrong, or the number of the HTTP status."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def explained(error: Fault, request: Request) -> StorageError:
    """Returns the error to raise instead."""
    if isinstance(error, Boto3Error) and isinstance(error.__context__, ClientError):  # of an upload in parts
        error = error.__context__
    if isinstance(error, ClientError):
        return _answered(error, request)
    if isinstance(error, NoCredentialsError):
        return StorageError(f"no S3 credentials for {request.url}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if isinstance(error, EndpointConnectionError):
        return StorageError(f"no S3 server answers at {request.endpoint}: start it or correct AWS_ENDPOINT_URL_S3")
    if isinstance(error, EndpointProviderError):
        return no_address(error)
    line = f"storage {request.url}, key {request.key}: {' '.join(str(error).split())}"
    if isinstance(error, SSLError):
        line += "; if the server speaks no TLS, begin AWS_ENDPOINT_URL_S3 with http://"
    if isinstance(error, FlexibleChecksumError):
        line += "; if the server computes checksums in its own way, set AWS_RESPONSE_CHECKSUM_VALIDATION=when_required"
    return StorageError(line)


def no_address(error: Exception) -> StorageError:
    """Returns the error for an endpoint that boto3 cannot use."""
    return StorageError(f"AWS_ENDPOINT_URL_S3 is no address such as http://127.0.0.1:8333 ({error}): correct it")


def no_bucket(request: Request) -> StorageError:
    """Returns the error for a bucket that does not exist."""
    return StorageError(f"no bucket {request.bucket!r} at {request.endpoint}: create it or correct IRODORI_STORAGE")


def _answered(error: ClientError, request: Request) -> StorageError:
    code, place = code_of(error), f"storage {request.url}, key {request.key}"
    if code == "NoSuchBucket":
        return no_bucket(request)
    if code in MISSING:
        return NotFound(f"no {request.key} in {request.url}")
    if code == "InvalidObjectState":
        return Unreadable(f"{request.key} in {request.url} is archived: restore it")
    if missing := _missing_feature(error, request):
        return StorageError(f"{request.endpoint} does not support {missing}")
    if code in _DENIED:
        return StorageError(
            f"{request.endpoint} refuses these credentials for {request.url} ({code}): "
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY and the bucket's policy"
        )
    if code in _FULL:
        return StorageError(f"{place}: the server is full ({code}): free some room there, or raise its quota")
    if code in _INTERNAL and error.operation_name in _WRITES:
        return StorageError(
            f"{place}: the server cannot write ({code}), most often because its disk is full; a SeaweedFS needs about "
            "1 GB of free disk for each bucket: free some room there or delete buckets, and see its log"
        )
    return StorageError(f"{place}: the server answered {code}")


def _missing_feature(error: ClientError, request: Request) -> str:
    """Returns what the server lacks, with the remedy; "" if it is not known to lack anything."""
    if error.operation_name not in _WRITES or code_of(error) in {"BadDigest", *_FULL, *_INTERNAL}:
        return ""
    answer, unknown = error.response.get("Error", {}), code_of(error) in _UNKNOWN_FEATURE
    said = " ".join(str(answer.get(name, "")) for name in ("Code", "Message", "Header"))
    if request.conditional and unknown and (_CONDITIONS.search(said) or not request.checksums):
        return f"{_NO_CONDITIONS}: {_OTHER_SERVER}"
    if not request.checksums:
        return ""
    if _CHECKSUMS.search(said) or (unknown and not request.conditional):
        return f"{_NO_CHECKSUMS}: {_WITHOUT_CHECKSUMS}"
    if unknown:  # it does not say which of the two
        return f"{_NO_CHECKSUMS} ({_WITHOUT_CHECKSUMS}) or, if that does not help, {_NO_CONDITIONS}: {_OTHER_SERVER}"
    return ""
