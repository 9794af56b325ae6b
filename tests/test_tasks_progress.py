"""Tests the progress of work in the log and as an artifact, with rate and time left."""

import re
from collections.abc import Iterator

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.context import get_run_context

from tasks.progress import Progress, _duration

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Replaces the clock; the list's value is the time in seconds that the work sees."""
    now = [0.0]
    monkeypatch.setattr("tasks.progress.time.monotonic", lambda: now[0])
    yield now


def test_rate_and_time_left_are_shown(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    @flow(name="progress")
    def work() -> str:
        shown = Progress("resize A", 1000, "images")
        for seconds, done in ((1.0, 10), (10.0, 100), (11.0, 150), (40.0, 1000)):
            clock[0] = seconds
            shown.show(done, f"{done} ok")
        return str(get_run_context().flow_run.id)  # type: ignore[union-attr]

    flow_run = work()
    lines = [record.message for record in caplog.records if record.message.startswith("resize A")]
    # at 1 s and 11 s it is too soon for another line
    assert lines == [
        "resize A: 1000 images",
        "resize A: 100 of 1000 images (100 ok), 10.0/s, 1 min 30 s left",
        "resize A: 1000 of 1000 images (1000 ok), 25.0/s, 0 s left",
    ]
    with get_client(sync_client=True) as client:
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run]))
        (artifact,) = client.read_artifacts(artifact_filter=mine)
    assert (artifact.type, artifact.data, artifact.description) == ("progress", 100.0, lines[-1])


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (3599, "59 min 59 s"), (7384, "2 h 03 min")]
)
def test_durations_are_for_people(seconds: float, words: str) -> None:
    assert re.fullmatch(words, _duration(seconds))
