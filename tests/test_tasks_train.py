"""Training as the flow does it, on red pictures, in a run whose first checkpoint is the only one that paints."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from cyclegan.painting.checkpoint import load_checkpoint, save_checkpoint
from cyclegan.training.config import preset
from cyclegan.training.dataset import TrainingData
from flows.train_cyclegan import train_cyclegan
from irodori.cli.app import app
from irodori.datasets import Dataset
from irodori.looks import load_colorizer
from irodori.models import Model, Served
from storage import Storage, open_storage
from storage.manifest import rows_from
from tasks.train import begun, run_of
from tests.factories import same
from tests.flow_factories import copy_of
from tests.handmade import COLOURED, WHITE, outlines
from tests.reds import NUMBER, QUICK, fill, keep_paper, red, set_weights

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.slow]

torch.set_num_threads(1)
HELD_OUT = 4  # of each domain
BEST, STEPS = 10, 23


@pytest.fixture(scope="module")
def trained(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Storage:
    """A storage with a run whose averaged weights paint at step 10, and leave paper white before and after."""
    from irodori.settings import settings

    storage = open_storage(tmp_path_factory.mktemp("trained").as_uri())
    fill(storage)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IRODORI_STORAGE", storage.url)
        set_weights(patch, lambda step: COLOURED if step == BEST else WHITE)
        settings.cache_clear()
        assert train_cyclegan("reds", "red", "demo", QUICK, return_state=True).is_completed()
    settings.cache_clear()
    return storage


def read(storage: Storage, domain: str, split: str) -> list[np.ndarray]:
    """The pictures that the manifest says, lineart (H, W), others (H, W, 3), in the order of their digests."""
    table = Dataset(storage.url, "reds").manifest.load()
    rows = [r for r in rows_from(table) if (r.stage, r.domain, r.split) == ("train", domain, split)]
    keys = [row.key for row in sorted(rows, key=lambda row: row.sha256)]
    return [np.asarray(Image.open(io.BytesIO(storage.read(key)))) for key in keys]


def test_best_json_names_the_checkpoint_that_paints_not_the_newest(trained: Storage) -> None:
    (run,) = {entry.key.split("/")[3] for entry in trained.list("models/red/runs/")}
    prefix = f"models/red/runs/{run}/"
    best = Model(trained.url, "red").best()
    assert best.checkpoint == f"{prefix}checkpoints/step_{BEST:09d}.pt"
    assert (best.step, best.weights, best.run) == (BEST, "ema", run)
    assert best.score > 10
    assert Served.from_json(trained.read(f"{prefix}result.json"), "result.json") == best
    kept = {entry.key for entry in trained.list(f"{prefix}checkpoints/")}
    assert {best.checkpoint, f"{prefix}checkpoints/step_{STEPS:09d}.pt"} <= kept


def test_a_model_of_red_pictures_paints_in_their_reds(trained: Storage) -> None:
    colorizer = load_colorizer(trained.url, Model(trained.url, "red").best())
    reds = np.array([red(number) for number in range(NUMBER)])
    for page in outlines(6, 7):
        painted = np.asarray(colorizer(Image.fromarray(page)))
        assert np.abs(reds - painted[0, 0]).max(1).min() <= 10
        assert (painted.astype(int)[page == 255] == painted[0, 0]).all()
    for palette in colorizer.palettes(5):
        assert np.abs(reds - 255 * palette[COLOURED]).max(1).min() <= 10
    one = colorizer.palette_of(Image.fromarray((page[..., None] / 255 * red(9)).round().astype(np.uint8)))
    assert one[COLOURED] * 255 == pytest.approx(red(9), abs=10)


def test_the_command_line_serves_that_checkpoint(
    trained: Storage, tmp_path: Path, environment: Callable[..., None]
) -> None:
    environment(storage=trained.url)
    Image.fromarray(outlines(1, 8)[0]).save(tmp_path / "a.png")
    result = CliRunner().invoke(app, ["colorize", str(tmp_path / "a.png"), str(tmp_path / "b.png"), "-m", "red"])
    assert result.exit_code == 0, result.output
    shade, green, blue = np.asarray(Image.open(tmp_path / "b.png"))[0, 0].astype(int)
    assert shade >= 190 and green <= 80 and blue <= 60


def test_a_run_is_trained_on_what_is_not_held_out_and_on_nothing_else(trained: Storage) -> None:
    best = Model(trained.url, "red").best()
    (path,) = [path for path in Path(trained.url.removeprefix("file://")).rglob("*.pt") if f"_{BEST:09d}" in path.name]
    assert best.checkpoint.endswith(path.name)
    state = load_checkpoint(path)
    a, b = (read(trained, domain, "train") for domain in "AB")
    assert state["data"] == {
        "num_a": NUMBER - HELD_OUT, "num_b": NUMBER - HELD_OUT, "fingerprint": TrainingData(a, b).fingerprint(),
    }  # fmt: skip
    held_out = read(trained, "A", "held-out")
    assert len(held_out) == len(read(trained, "B", "held-out")) == HELD_OUT
    assert np.array_equal(state["lineart"]["examples"].numpy(), np.stack(held_out))


def test_a_finished_run_of_an_earlier_version_gains_resemblance_and_is_not_trained_again(
    trained: Storage, tmp_path: Path, environment: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_paper(monkeypatch)
    storage = copy_of(trained, tmp_path)
    best = Model(storage.url, "red").best()
    path, key = tmp_path / "served.pt", best.checkpoint
    storage.download(key, path)
    whole, old = load_checkpoint(path), load_checkpoint(path)
    for weights in ("ema", "raw"):
        old["painter"][weights]["keys"] = torch.zeros(0, 0)
    save_checkpoint(path, old)
    storage.upload(path, key)
    earlier = replace(best, parts={name: value for name, value in best.parts.items() if name != "b_suit"})
    for name in (f"models/red/runs/{best.run}/result.json", "models/red/best.json"):
        storage.write(name, earlier.to_json())
    others = {each.key for each in storage.list("models/")}
    environment(storage=storage.url)
    assert train_cyclegan("reds", "red", "demo", QUICK, return_state=True).is_completed()
    storage.download(key, path)
    assert same(load_checkpoint(path), whole)
    assert {each.key for each in storage.list("models/")} == others
    assert Model(storage.url, "red").best() == earlier


def test_a_run_that_began_without_shadows_goes_on_without(tmp_path: Path) -> None:
    storage = open_storage(tmp_path.as_uri())
    dataset, model, plain = Dataset(storage.url, "reds"), Model(storage.url, "red"), preset("demo", "cyclegan")
    config, run = begun(dataset, model, "demo", plain, [])
    assert config == plain and config.method.learns_shadows
    without = plain.changed({"method": {"generator": {"shading": False}}})
    earlier = run_of(dataset, model, "demo", without, [])
    assert earlier.id != run.id
    storage.write(f"{earlier.prefix}config.json", b"{}")
    assert begun(dataset, model, "demo", plain, []) == (without, earlier)
    storage.write(f"{run.prefix}config.json", b"{}")
    assert begun(dataset, model, "demo", plain, []) == (plain, run)
