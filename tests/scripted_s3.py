"""Makes a storage on an S3 server that answers everything alike."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from storage import Storage, open_storage
from tests.scripted_server import Reply, Request, ScriptedServer


@contextmanager
def scripted_s3(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Storage, list[Request]]]:
    """A storage whose server answers everything alike, and what it was asked."""
    with ScriptedServer(lambda _: reply) as server:
        values = {"ENDPOINT_URL_S3": server.url, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret"}
        for name, value in values.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        yield open_storage(f"s3://scripted/{server.host}"), server.log
