"""Tests how runs share an inbox: each drawing is claimed by one of them, and claims of the dead are free again."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from irodori import claims
from irodori.claims import CLAIMS, claimed
from irodori.inbox import Inbox
from storage import StorageError, open_storage
from tasks.colorize import ColorizeJob, colorize
from tests.flow_factories import MODEL, keys, plan, png


def test_one_at_a_time(inbox: Inbox) -> None:
    with claimed(inbox.storage, ["a", "b"]) as first, claimed(inbox.storage, ["b", "c"]) as second:
        assert [sorted(first.ids), sorted(second.ids)] == [["a", "b"], ["c"]]
    with claimed(inbox.storage, ["b"]) as third:
        assert third.ids == {"b"}
    assert inbox.storage.read(CLAIMS) == b"{}"


def test_what_another_run_finished_between_look_and_claim_is_not_done_again(inbox: Inbox) -> None:
    inbox.storage.write("inbox/a.png", png())
    works = plan(inbox).works[""]
    assert colorize.fn(works, ColorizeJob(inbox, MODEL, 0)) == {"ok": 1}
    assert not colorize.fn(works, ColorizeJob(inbox, MODEL, 0))


@pytest.mark.parametrize(
    ("change", "is_dead"),
    [({}, False), ({"until": 0}, True), ({"pid": 2**22 + 1}, True), ({"where": "elsewhere", "pid": 2**22 + 1}, False)],
)
def test_claims_of_the_dead(tmp_path: Path, change: dict[str, object], is_dead: bool) -> None:
    """A claim is dropped if it is too old or its process on this machine is gone, not if its machine is another."""
    storage = open_storage(tmp_path.as_uri())
    with claimed(storage, ["a"]):
        stolen = storage.read(CLAIMS)
    claim = json.loads(stolen)["a"] | {"pid": os.getppid()} | change
    storage.write(CLAIMS, json.dumps({"a": claim}).encode())
    with claimed(storage, ["a"]) as ours:
        assert ours.ids == ({"a"} if is_dead else set())


def test_a_storage_that_goes_away(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left incomplete, and the failed run's claims do not block the next run in the same process."""
    inbox.storage.write("inbox/a.png", png())
    works = plan(inbox).works[""]

    def gone(*_: object) -> None:
        raise StorageError("no S3 server answers")

    with monkeypatch.context() as patch:
        patch.setattr(type(inbox.storage), "write", gone)
        patch.setattr(claims, "_release", gone)
        state: Any = colorize.fn(works, ColorizeJob(inbox, MODEL, 0))
        assert state.message == "no S3 server answers"
    assert colorize.fn(works, ColorizeJob(inbox, MODEL, 0)) == {"ok": 1}


def test_nothing_is_begun_when_the_claim_s_time_is_over(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run may have claimed it by then."""
    inbox.storage.write("inbox/a.png", png())
    works = plan(inbox).works[""]
    with monkeypatch.context() as patch:
        patch.setattr(claims, "WORK", 0.0)
        assert not colorize.fn(works, ColorizeJob(inbox, MODEL, 0))
    assert not keys(inbox.storage, "outbox/")
    assert colorize.fn(works, ColorizeJob(inbox, MODEL, 0)) == {"ok": 1}
