"""Tests an inbox with real storage failures: a full disk, a read-only disk, an S3 server that stops answering."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.logging import disable_run_logger

from deploy.seaweed import SeaweedFS
from drills.unreliable_storage import Outage, UnreliableS3, small_disk
from irodori.inbox import Inbox
from storage import open_storage
from tasks.colorize import ColorizeJob, colorize
from tests.factories import save
from tests.flow_factories import MODEL, keys, plan, png, run, status

pytestmark = pytest.mark.slow

NAMES = ["a.png", "p/b.png", "p/c.png"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[list[Outage]]:
    with small_disk(tmp_path / "storage", megabytes=8) as outages, disable_run_logger():
        yield outages


def line(state: Any) -> str:
    assert state.is_failed()
    assert "\n" not in state.message
    return str(state.message)


def reach(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the S3 endpoint and drops the cached clients, so that new ones use it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    open_storage.cache_clear()


def test_a_disk_that_fails_loses_nothing_and_the_next_run_goes_on(disk: list[Outage], tmp_path: Path) -> None:
    storage = open_storage((tmp_path / "storage").as_uri())
    storage.upload(save(tmp_path / "x.pt"), MODEL.checkpoint)
    inbox = Inbox(storage.url)
    told = []
    for number, outage in enumerate(disk):
        names = [f"{number}/{name}" for name in NAMES]
        for name in names:
            storage.write(f"inbox/{name}", png())
        works = plan(inbox).works[""]
        assert len(works) == len(NAMES)
        with outage():
            told.append(line(colorize.fn(works, ColorizeJob(inbox, MODEL, 0))))
        assert {entry.key for entry in storage.list(f"inbox/{number}/")} == {f"inbox/{name}" for name in names}
        run(inbox)
        assert {id_: status(inbox)[id_] for id_ in names} == dict.fromkeys(names, "ok")
    remedies = ["the disk is full: free some space", "it is read-only"] if os.geteuid() == 0 else ["permission denied"]
    assert all(remedy in text for remedy, text in zip(remedies, told, strict=True))


def test_a_server_that_goes_away_in_the_middle(
    s3_server: SeaweedFS, s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server refuses requests after the first nine; when it answers again, the next run finishes."""
    direct = Inbox(s3_url)
    direct.storage.upload(save(tmp_path / "x.pt"), MODEL.checkpoint)
    for name in NAMES:
        direct.storage.write(f"inbox/{name}", png())
    works = plan(direct).works[""]
    with UnreliableS3(s3_server.endpoint, random.Random(0)) as proxy, disable_run_logger():
        reach(proxy.endpoint, monkeypatch)
        answered = iter(range(9))
        monkeypatch.setattr(proxy, "fault", lambda: "" if next(answered, None) is not None else "refused")
        told = line(colorize.fn(works, ColorizeJob(direct, MODEL, 0)))
        reach(s3_server.endpoint, monkeypatch)
        assert s3_url in told or proxy.endpoint in told
        assert keys(direct.storage, "inbox/") == {f"inbox/{name}" for name in NAMES}
        run(direct)
    assert status(direct) == dict.fromkeys(NAMES, "ok")
    assert keys(direct.storage, "outbox/") == {f"outbox/{name}" for name in NAMES}
