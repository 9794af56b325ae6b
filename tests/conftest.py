"""What the tests share: a real S3 server, both storages, an inbox, an HTTP client, and the Prefect harness."""

import logging
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy import ports
from deploy.seaweed import SeaweedFS
from irodori.datasets import Dataset
from irodori.inbox import Inbox
from irodori.loopback import keep_loopback_direct
from irodori.stack import UNTRACKED
from scraping.fetch import Fetcher
from storage import Storage, open_storage
from tests.fetching import QUICK

BUCKET = "tests"
SERVERS = frozenset({"s3_server", "s3_url", "prefect_server"})

# set before Prefect is imported anywhere: tests neither report usage nor read the user's profile
os.environ.update(UNTRACKED)
os.environ.pop("PREFECT_API_URL", None)
keep_loopback_direct()
# of pytest-xdist's workers each takes its servers' ports from a share of its own
_worker, _workers = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_share = len(ports.PORTS) // _workers
ports.PORTS = ports.PORTS[int(_worker.removeprefix("gw")) * _share :][:_share]
# a script starts what it puts into the background with Ctrl-C ignored, and everything below inherits that
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_setupnodes(specs: list[object]) -> None:
    """Shares the cores out among the workers, for torch, NumPy and OpenCV there and in whatever they start."""
    threads = str(max(1, (os.cpu_count() or 1) // len(specs)))
    os.environ |= {"OMP_NUM_THREADS": threads, "OPENCV_FOR_THREADS_NUM": threads}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks as slow whatever starts a server: make test-quick leaves it out."""
    for item in items:
        names, parameters = getattr(item, "fixturenames", ()), getattr(item, "callspec", None)
        on_s3 = parameters is not None and parameters.params.get("storage") == "s3"
        if on_s3 or not SERVERS.isdisjoint(names):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """A SeaweedFS on loopback, with the environment that lets boto3 find it."""
    with SeaweedFS(tmp_path_factory.mktemp("seaweed")) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        server.create_bucket(BUCKET)
        yield server


@pytest.fixture
def s3_url(s3_server: SeaweedFS) -> str:
    """An empty prefix of its own, in the bucket of all tests: the server reserves up to 1 GB of disk for a bucket."""
    return f"s3://{BUCKET}/some/prefix-{uuid.uuid4().hex[:12]}"


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Each test that takes it runs on a folder and on S3."""
    if request.param == "folder":
        return open_storage((tmp_path / "storage").as_uri())
    return open_storage(request.getfixturevalue("s3_url"))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A checkpoint of a painter that paints noise."""
    from tests.factories import save

    return save(tmp_path_factory.mktemp("model") / "x.pt").read_bytes()


@pytest.fixture
def inbox(storage: Storage, checkpoint: bytes) -> Iterator[Inbox]:
    """An inbox on each storage, with a model that has no palettes."""
    from prefect.logging import disable_run_logger

    from tests.flow_factories import MODEL

    storage.write(MODEL.checkpoint, checkpoint)
    with disable_run_logger():
        yield Inbox(storage.url)


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    """An HTTP client that waits for hardly anything."""
    with Fetcher(QUICK) as fetcher:
        yield fetcher


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """A Prefect server of the tests' own; yields its API URL, for flows in other processes."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield PREFECT_API_URL.value()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sets ``IRODORI_*`` settings for flows: ``environment(storage=url)``."""
    from irodori.settings import settings

    def put(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"IRODORI_{name.upper()}", value)
        settings.cache_clear()

    yield put
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An empty folder, from which a dataset is to be built."""
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """An empty dataset in a folder."""
    return Dataset((tmp_path / "storage").as_uri(), "tiny")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Outside of runs, the tasks that scrape log to a plain logger."""
    monkeypatch.setattr("tasks.scrape.run_logger", lambda: logging.getLogger("irodori.test"))
    caplog.set_level(logging.INFO, "irodori.test")
    return caplog


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a drawing, in the current folder."""
    from tests.factories import drawing

    folder = tmp_path / "scans"
    folder.mkdir()
    drawing(size=40).save(folder / "hero.png")
    monkeypatch.chdir(tmp_path)
    return folder
