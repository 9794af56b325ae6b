"""Tests that an old checkpoint gains what palettes by resemblance need, and that nothing else of it changes."""

from pathlib import Path

import torch

from cyclegan.painting.checkpoint import load_checkpoint, save_checkpoint
from cyclegan.painting.memory import key_length
from cyclegan.training.dataset import TrainingData
from cyclegan.training.remembering import remember_anew
from tests.factories import TINY, TOTAL, same, tiny_config, trainer
from tests.test_painting_formats import old_checkpoint

torch.set_num_threads(1)
PALETTE = TINY["generator"]["palette"]
MEMORY = ("remembered", "shares", "keys")


def not_needed() -> TrainingData:
    raise AssertionError("the images are read although nothing lacks")


def test_an_old_checkpoint_remembers_what_its_pictures_show_and_stays_the_same_otherwise(tmp_path: Path) -> None:
    path = old_checkpoint(tmp_path, TOTAL)
    before, data = load_checkpoint(path), trainer(tmp_path / "run").data
    assert remember_anew(path, lambda: data)
    after = load_checkpoint(path)
    for weights in ("ema", "raw"):
        memory = [after["painter"][weights].pop(name) for name in MEMORY]
        assert [len(each) for each in memory] == [len(data.b)] * 3
        assert memory[2].shape[1] == key_length(PALETTE) and memory[2].std(0).max() > 0
        for name in MEMORY:
            del before["painter"][weights][name]
    assert same(after, before)


def test_it_remembers_what_a_training_of_today_does(tmp_path: Path) -> None:
    made = trainer(tmp_path / "run", tiny_config())
    made.run()
    path = tmp_path / "run" / "checkpoints" / f"step_{TOTAL:09d}.pt"
    whole, forgetful = load_checkpoint(path), load_checkpoint(path)
    assert not remember_anew(path, not_needed)
    for weights in ("ema", "raw"):
        forgetful["painter"][weights]["keys"] = torch.zeros(0, 0)
    save_checkpoint(path, forgetful)
    assert remember_anew(path, lambda: made.data) and same(load_checkpoint(path), whole)
