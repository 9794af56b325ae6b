"""Tests the S3 server: it checks credentials, keeps data across restarts and listens on the loopback interface only."""

import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from deploy import DeployError
from deploy.ports import HOST
from deploy.seaweed import SeaweedFS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def listening_addresses() -> set[str]:
    """Returns the addresses on which the S3 servers of this process listen."""
    found = set()
    for process in psutil.Process().children():
        if process.name() != "weed":
            continue
        connections = process.net_connections(kind="inet")
        found |= {one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN}
    return found


def test_wrong_credentials_are_refused(s3_server: SeaweedFS) -> None:
    stranger = boto3.client(
        "s3",
        endpoint_url=s3_server.endpoint,
        aws_access_key_id=s3_server.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key="guessed",
        region_name="us-east-1",
    )
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        stranger.list_buckets()


def test_it_listens_on_loopback_only(s3_server: SeaweedFS) -> None:
    assert listening_addresses() == {"127.0.0.1"}


@pytest.mark.slow
def test_a_restart_keeps_objects_and_credentials(tmp_path: Path) -> None:
    with SeaweedFS(tmp_path) as first:
        first.create_bucket("kept")
        first.create_bucket("kept")
        client(first).put_object(Bucket="kept", Key="a/b", Body=b"kept bytes")
    with SeaweedFS(tmp_path) as second:
        assert second.environment["AWS_SECRET_ACCESS_KEY"] == first.environment["AWS_SECRET_ACCESS_KEY"]
        assert client(second).get_object(Bucket="kept", Key="a/b")["Body"].read() == b"kept bytes"
        assert [bucket["Name"] for bucket in client(second).list_buckets()["Buckets"]] == ["kept"]
    assert (tmp_path / "credentials.json").stat().st_mode & 0o777 == 0o600
    sockets = {path.name for path in Path(tempfile.gettempdir()).glob("seaweedfs-*.sock")}
    assert not {name for name in sockets if f"-{second.port}." in name or f"-{first.port}." in name}


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    server = SeaweedFS(tmp_path, remedy="try another")
    with socket.create_server((HOST, server.port + 3)):
        with pytest.raises(DeployError, match=f"port {server.port + 3} is taken.*; try another"):
            server.__enter__()


def client(server: SeaweedFS) -> "S3Client":
    environment = server.environment
    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
    )
