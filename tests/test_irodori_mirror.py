"""Tests uploads during the training: it does not wait for them, and the storage is consistent at any moment."""

import multiprocessing
import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from cyclegan.painting.checkpoint import load_checkpoint
from cyclegan.training.checkpoints import checkpoint_step, list_checkpoints
from cyclegan.training.trainer import Trainer
from deploy.seaweed import SeaweedFS
from imaging.lineart import Normalization
from irodori.errors import PipelineError
from irodori.mirror import Mirror
from irodori.models import Model, Run, Served
from storage import Entry, Storage, open_storage
from tests.factories import TOTAL, assert_same_run, tiny_config, training_data
from tests.slow_proxy import SlowProxy

pytestmark = pytest.mark.slow

torch.set_num_threads(1)
KEEP, KEEP_BEST = 1, 1
MOST = KEEP + KEEP_BEST + 1  # most checkpoints that a run keeps
SETTINGS = tiny_config(keep=KEEP, keep_best=KEEP_BEST, checkpoint_every=3, log_every=1)


@pytest.fixture
def slow_s3(s3_server: SeaweedFS, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yields an empty prefix of a real S3 server behind a proxy that needs a second or more for a checkpoint."""
    with SlowProxy(s3_server.port, 400_000) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{proxy.port}")
        yield s3_url


def run_of(url: str) -> Run:
    return Model(url, "m").run("tiny", of=1)


def train(url: str, folder: Path, look: Callable[[Mirror], None] = lambda mirror: None) -> None:
    """Trains and uploads as the task does, without Prefect."""
    run = run_of(url)
    with Mirror(run, folder) as mirror:
        mirror.pull()
        trainer = Trainer(SETTINGS, training_data(), folder, normalization=Normalization())

        def choice() -> Served:
            best = trainer.choice()
            return Served(f"{run.prefix}checkpoints/step_{best.step:09d}.pt", run.id, best.step, best.weights)

        trainer.run(
            on_progress=lambda *_: look(mirror),
            on_checkpoint=lambda *_: mirror.put(choice()),
        )
        mirror.put(choice())
        mirror.wait()
        shutil.copytree(folder, folder.with_name("result"), dirs_exist_ok=True)


def checkpoints(storage: Storage) -> dict[int, str]:
    entries = storage.list(run_of(storage.url).prefix + "checkpoints/")
    return {checkpoint_step(Path(entry.key)): entry.key for entry in entries}


def settle(storage: Storage) -> None:
    """Waits until the listing is stable: the server briefly shows a new object whose upload broke off."""
    seen: set[Entry] | None = None
    while (now := set(storage.list(""))) != seen:
        seen = now
        time.sleep(1)


def assert_whole(url: str, scratch: Path) -> None:
    """Checks that the served checkpoint is there, and the newest checkpoint with all files of its step."""
    storage, run = open_storage(url), run_of(url)
    steps = checkpoints(storage)
    assert -1 not in steps and len(steps) <= 2 * MOST
    keys = {entry.key for entry in storage.list(run.prefix)}
    for step, key in steps.items():
        storage.download(key, scratch / "checkpoint.pt")
        assert load_checkpoint(scratch / "checkpoint.pt")["step"] == step
        assert f"{run.prefix}samples/step_{step:09d}.png" in keys
    if storage.exists(run.model.best_key):
        assert run.model.best().checkpoint in keys
    if steps:
        written = storage.read(run.prefix + "scores.csv").decode()
        assert f"\n{max(steps)},ema," in written


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes an uninterrupted run without uploads to compare with."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    Trainer(SETTINGS, training_data(), folder, normalization=Normalization()).run()
    return folder


def test_steps_go_on_while_an_upload_runs(slow_s3: str, tmp_path: Path, whole: Path) -> None:
    busy, folders, most = [], [], []

    def look(mirror: Mirror) -> None:
        upload, outgoing = mirror._upload, mirror.folder.with_name("run.outgoing")
        busy.append(upload is not None and not upload.done())
        folders.append(len(list(outgoing.iterdir())) if outgoing.exists() else 0)
        most.append(len({path.stat().st_ino for path in tmp_path.rglob("*.pt")}))

    train(slow_s3, tmp_path / "run", look)
    assert sum(busy) > TOTAL / 2
    assert max(folders) <= 2  # one is being uploaded, one is waiting
    assert max(most) <= 2 * MOST
    assert not (tmp_path / "run").exists() and not (tmp_path / "run.outgoing").exists()
    assert_same_run(whole, tmp_path / "result")
    assert_whole(slow_s3, tmp_path)
    storage, prefix = open_storage(slow_s3), run_of(slow_s3).prefix
    stored = {entry.key.removeprefix(prefix): storage.read(entry.key) for entry in storage.list(prefix)}
    local = {path.relative_to(tmp_path / "result").as_posix(): path for path in (tmp_path / "result").rglob("*.*")}
    assert {name: path.read_bytes() for name, path in local.items() if path.is_file()} == stored
    assert len(checkpoints(storage)) <= MOST


def test_killed_at_any_moment_the_storage_is_whole_and_the_run_goes_on(
    slow_s3: str, tmp_path: Path, whole: Path
) -> None:
    chance, newest = random.Random(os.environ.get("IRODORI_KILL_SEED", "7")), [0]
    for number in range(6):
        child = multiprocessing.get_context("fork").Process(target=train, args=(slow_s3, tmp_path / f"run-{number}"))
        child.start()
        made = newest[-1]
        while child.is_alive() and made == newest[-1]:
            time.sleep(0.02)
            made = max(map(checkpoint_step, list_checkpoints(tmp_path / f"run-{number}/checkpoints")), default=made)
        time.sleep(1.5 * chance.random())
        child.kill()
        child.join()
        settle(open_storage(slow_s3))
        assert_whole(slow_s3, tmp_path)
        newest.append(max(checkpoints(open_storage(slow_s3)), default=0))
    assert newest == sorted(newest) and 0 < max(newest)
    train(slow_s3, tmp_path / "run")
    assert_same_run(whole, tmp_path / "result")


def test_a_damaged_newest_checkpoint_on_s3_gives_way_to_the_one_before(
    s3_url: str, tmp_path: Path, whole: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(s3_url, tmp_path / "run")
    storage = open_storage(s3_url)
    newest = checkpoints(storage)[TOTAL]
    storage.write(newest, storage.read(newest)[:-1000])
    caplog.clear()
    train(s3_url, tmp_path / "run")
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert f"step_{TOTAL:09d}.pt" in warning and "trying the one before" in warning and "\n" not in warning
    assert_same_run(whole, tmp_path / "result")
    assert_whole(s3_url, tmp_path)


def test_where_the_storage_fails_the_run_ends_in_one_line_and_its_files_stay(tmp_path: Path, whole: Path) -> None:
    url, blocked = (tmp_path / "storage").as_uri(), tmp_path / "storage" / run_of("file:///").prefix

    def block(mirror: Mirror) -> None:
        if not blocked.exists():
            blocked.parent.mkdir(parents=True)
            blocked.write_bytes(b"a file where a folder is needed")

    with pytest.raises(PipelineError) as error:
        train(url, tmp_path / "run", block)
    assert "File exists" in str(error.value) and str(tmp_path / "run") in str(error.value)
    assert "\n" not in str(error.value)
    left = list_checkpoints(tmp_path / "run" / "checkpoints")
    assert left and load_checkpoint(left[0])["step"] < TOTAL
    blocked.unlink()
    shutil.copytree(tmp_path / "run", blocked)
    train(url, tmp_path / "run-2")
    assert_same_run(whole, tmp_path / "result")


def test_a_signal_while_the_best_checkpoint_changes_leaves_none_that_is_missing(tmp_path: Path) -> None:
    """The upload that would have changed best.json waits, and the last one takes its place."""
    run, folder, busy = run_of((tmp_path / "storage").as_uri()), tmp_path / "run" / "checkpoints", threading.Event()
    folder.mkdir(parents=True)

    def choose(step: int) -> Served:
        (folder / f"step_{step:09d}.pt").write_bytes(b"weights")
        return Served(f"{run.prefix}checkpoints/step_{step:09d}.pt", run.id, step)

    with Mirror(run, folder.parent) as mirror:
        mirror.put(choose(1))
        mirror.wait()
        mirror._thread.submit(busy.wait)
        (folder / "step_000000001.pt").unlink()
        mirror.put(choose(2))
        mirror.put(None)
        busy.set()
    assert run.model.best().step == 2
    assert run.model.storage.exists(run.model.best().checkpoint)


def test_what_a_signal_saved_is_uploaded(tmp_path: Path) -> None:
    url = (tmp_path / "storage").as_uri()
    steps: list[None] = []

    def interrupt(mirror: Mirror) -> None:
        steps.append(None)
        if len(steps) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(url, tmp_path / "run", interrupt)
    assert max(checkpoints(open_storage(url))) == 5
    assert run_of(url).model.best().step == 3
    assert not (tmp_path / "run").exists()
