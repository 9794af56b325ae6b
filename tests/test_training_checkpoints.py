"""Tests checkpoints: they are written atomically and loaded safely, damaged ones are skipped, old ones deleted."""

import logging
import os
from pathlib import Path

import pytest
import torch

from cyclegan.painting.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from cyclegan.painting.formats import FORMAT
from cyclegan.training import checkpoints as files
from cyclegan.training.checkpoints import checkpoint_path, load_newest, prune


def saved(folder: Path, *steps: int) -> None:
    for step in steps:
        save_checkpoint(checkpoint_path(folder, step), {"step": step, "weights": torch.arange(1000.0) + step})


def steps(folder: Path) -> list[int]:
    return [files.checkpoint_step(path) for path in files.list_checkpoints(folder)]


def test_a_checkpoint_is_named_by_its_step_and_loads_as_it_was(tmp_path: Path) -> None:
    saved(tmp_path, 12000)
    assert [path.name for path in tmp_path.iterdir()] == ["step_000012000.pt"]
    loaded = load_checkpoint(tmp_path / "step_000012000.pt")
    assert loaded["step"] == 12000 and loaded["format"] == FORMAT
    assert torch.equal(loaded["weights"], torch.arange(1000.0) + 12000)


def test_what_is_not_plain_data_is_not_loaded(tmp_path: Path) -> None:
    torch.save({"format": FORMAT, "path": Path("x")}, tmp_path / "step_000000001.pt")
    with pytest.raises(CheckpointError, match="not a whole checkpoint"):
        load_checkpoint(tmp_path / "step_000000001.pt")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\x00" * 5000])
def test_a_damaged_checkpoint_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "step_000000007.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_another_programs_file_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="not a checkpoint of this program"):
        load_checkpoint(tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "none.pt")


@pytest.mark.parametrize("kept_share", [0.0, 0.3, 0.999])
def test_a_cut_off_newest_checkpoint_gives_way_to_the_one_before(
    tmp_path: Path, kept_share: float, caplog: pytest.LogCaptureFixture
) -> None:
    saved(tmp_path, 10, 20)
    newest = checkpoint_path(tmp_path, 20)
    newest.write_bytes(newest.read_bytes()[: int(newest.stat().st_size * kept_share)])
    with caplog.at_level(logging.WARNING):
        found = load_newest(tmp_path)
    assert found is not None and found[1]["step"] == 10
    assert len(caplog.messages) == 1 and str(newest) in caplog.messages[0]
    files.set_aside_newer(found[0])
    assert steps(tmp_path) == [10]


def test_bytes_changed_inside_a_checkpoint_are_noticed(tmp_path: Path) -> None:
    saved(tmp_path, 10, 20)
    newest = checkpoint_path(tmp_path, 20)
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    newest.write_bytes(content)
    found = load_newest(tmp_path)
    assert found is not None and found[1]["step"] == 10


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert load_newest(tmp_path / "nowhere") is None


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, 5)
    before = checkpoint_path(tmp_path, 5).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(checkpoint_path(tmp_path, 5), {"step": 6})
    assert checkpoint_path(tmp_path, 5).read_bytes() == before
    assert steps(tmp_path) == [5]


def test_old_checkpoints_go_but_the_protected_stay(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2, 3, 4, 5, 6)
    (tmp_path / ".step_000000007.pt.unfinished").write_bytes(b"half")
    prune(tmp_path, keep=2, protected={3})
    assert steps(tmp_path) == [6, 5, 3]
    assert sorted(path.name for path in tmp_path.iterdir())[0] == "step_000000003.pt"
