"""What earlier versions wrote is read, served and gone on with.

tests/data/format-1 was written by the last version of format 1: checkpoints of one training (TINY in float32, a pool of
one) after 12 and after all 24 steps, a drawing and what the first of them made of it, and the best.json of a demo.
"""

import hashlib
import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cyclegan.painting.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.formats import FORMAT, config_1, upgraded
from cyclegan.painting.guide import Guide
from cyclegan.training.config import PresetName, TrainConfig, preset
from irodori.models import Model, Served
from storage import open_storage
from tests.factories import TOTAL, same, tiny_config, trainer

torch.set_num_threads(1)
OLD = Path(__file__).parent / "data" / "format-1"
SETTINGS = tiny_config(precision="float32", pool=1, checkpoint_every=12)
PRESETS: list[PresetName] = ["paper", "default", "demo"]


def old_checkpoint(folder: Path, step: int) -> Path:
    name = f"step_{step:09d}.pt"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(lzma.decompress((OLD / f"{name}.xz").read_bytes()))
    return folder / name


def network_weights(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """All but what a painter remembers."""
    return {name: tensor for name, tensor in state.items() if name.startswith("network.")}


def digest(of: Any) -> str:
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:8]


def test_an_old_checkpoint_colours_as_it_did(tmp_path: Path) -> None:
    colorizer = Colorizer.load(old_checkpoint(tmp_path, 12), device="cpu")
    page, then = Image.open(OLD / "page.png"), np.asarray(Image.open(OLD / "coloured.png")).astype(int)
    soft = (colorizer(page, Guide(palette, soft=True)) for palette in colorizer.palettes(64))
    # in the palette of then; another processor rounds otherwise
    assert min(np.abs(np.asarray(made) - then).max() for made in soft) <= 1


def test_an_old_training_goes_on_to_its_end(tmp_path: Path) -> None:
    """With the lines of pictures as they are drawn today, so not to the same bits."""
    old_checkpoint(tmp_path / "run" / "checkpoints", 12)
    trainer(tmp_path / "run", SETTINGS).run()
    ours = load_checkpoint(tmp_path / "run" / "checkpoints" / f"step_{TOTAL:09d}.pt")
    theirs = load_checkpoint(old_checkpoint(tmp_path / "old", TOTAL))
    assert TrainConfig.model_validate(ours["config"]) == TrainConfig.model_validate(theirs["config"])
    assert same(ours["data"], theirs["data"])
    for part in ("raw", "ema"):
        now, then = (network_weights(each["painter"][part]) for each in (ours, theirs))
        assert now.keys() == then.keys() and all(value.isfinite().all() for value in now.values())
    assert {part: each.keys() for part, each in ours["method"].items()} == {
        part: each.keys() for part, each in theirs["method"].items()
    }
    assert [each["step"] for each in ours["scores"]] == [12, 12, 24, 24]


def test_an_upgraded_checkpoint_is_whole_and_stays_as_it_is(tmp_path: Path) -> None:
    state = load_checkpoint(old_checkpoint(tmp_path, 12))
    assert state["format"] == FORMAT and TrainConfig.model_validate(state["config"]) == SETTINGS
    assert state["painter"].keys() == {"config", "ema", "raw"} and state["averages"].keys() == {"g_ba"}
    assert state["method"]["networks"].keys() == {"g_ba", "d_a", "d_b"}
    save_checkpoint(tmp_path / "new.pt", state)
    assert same(load_checkpoint(tmp_path / "new.pt"), state) and upgraded(state) is state


def test_an_old_export_serves_without_what_a_training_needs(tmp_path: Path) -> None:
    whole = torch.load(old_checkpoint(tmp_path, 12), weights_only=True)
    exported = {name: whole[name] for name in ("format", "step", "config", "normalization", "lineart")}
    torch.save(exported | {"ema": {"g_ab": whole["ema"]["g_ab"]}}, tmp_path / "exported.pt")
    assert Colorizer.load(tmp_path / "exported.pt", device="cpu")(Image.open(OLD / "page.png")).size == (48, 40)


def test_a_checkpoint_from_before_drawings_were_described_is_shown_crops(tmp_path: Path) -> None:
    whole = torch.load(old_checkpoint(tmp_path, 12), weights_only=True)
    del whole["lineart"]
    torch.save(whole, tmp_path / "older.pt")
    assert load_checkpoint(tmp_path / "older.pt")["lineart"] == {"size": 16, "examples": None}


def test_a_checkpoint_of_the_future_and_one_with_a_part_missing_are_a_line(tmp_path: Path) -> None:
    whole = torch.load(old_checkpoint(tmp_path, 12), weights_only=True)
    torch.save(whole | {"format": FORMAT + 1}, tmp_path / "future.pt")
    with pytest.raises(CheckpointError, match=r"future\.pt: made by a newer version .*update this one"):
        load_checkpoint(tmp_path / "future.pt")
    torch.save({name: part for name, part in whole.items() if name != "ema"}, tmp_path / "partial.pt")
    with pytest.raises(CheckpointError, match=r"partial\.pt: not a whole checkpoint \(it lacks 'ema'\)"):
        load_checkpoint(tmp_path / "partial.pt")


def test_serving_reads_the_painter_the_normalization_and_the_lineart_alone(tmp_path: Path) -> None:
    state = load_checkpoint(old_checkpoint(tmp_path, 12))
    served = {name: state[name] for name in ("painter", "normalization", "lineart")}
    save_checkpoint(tmp_path / "served.pt", served | {"config": {"a setting": "of the future"}})
    page = Image.open(OLD / "page.png")
    one, other = (Colorizer.load(tmp_path / name, device="cpu")(page) for name in ("served.pt", "step_000000012.pt"))
    assert one.tobytes() == other.tobytes()


def test_an_old_best_json_says_what_serves() -> None:
    served = Served.from_json((OLD / "best.json").read_bytes(), "best.json")
    assert served.step > 0 and served.checkpoint.endswith(f"step_{served.step:09d}.pt") and served.parts["b_line"] >= 0
    assert served.to_json() == (OLD / "best.json").read_bytes()


# frozen: whoever has trained with a preset finds that run again, and trains nothing twice. A preset that learns
# something more is another training: default and demo learn shadows; runs begun without them go on (tasks/train.py)
IDS_1 = {"paper": "43691723", "default": "522b687a", "demo": "bb5371a8"}
IDS = {"paper": "e27a0d22", "default": "dbf62ca0", "demo": "ddbd5ec2"}


@pytest.mark.parametrize("name", PRESETS)
def test_the_ids_of_runs_are_what_they_were(name: PresetName) -> None:
    config = preset(name, "cyclegan")
    assert digest(["pink", config.identity(), ["a", "b"]]) == IDS[name]
    assert digest(["pink", config_1(config.model_dump()), ["a", "b"]]) == IDS_1[name]


def test_a_run_begun_under_its_old_id_goes_on_under_it(tmp_path: Path) -> None:
    model = Model(tmp_path.as_uri(), "m")
    new, old = model.run("demo", of=["new"], formerly=["old"]), model.run("demo", of=["old"])
    assert new.id == model.run("demo", of=["new"]).id != old.id
    open_storage(tmp_path.as_uri()).write(f"{old.prefix}config.json", b"{}")
    assert model.run("demo", of=["new"], formerly=["old"]).id == old.id
    assert model.run("demo", of=["newer"], formerly=["older"]).id not in (new.id, old.id)
