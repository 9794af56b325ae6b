"""One file from which a training resumes and a colorizer serves: written whole or not at all, found, pruned.

A checkpoint is a dictionary of tensors and plain values, so it loads with `weights_only=True`:

    format          1
    step            updates made
    config          TrainConfig.model_dump(); the architecture comes from here, a reader needs no flags
    normalization   imaging.lineart.Normalization.to_dict(): how the training lineart was toned
    data            {"num_a", "num_b", "fingerprint"} of the training images
    lineart         {"size": shortest side of a typical training drawing, "examples": uint8 (n, crop, crop)}, for
                    those who serve the model; older checkpoints lack it
    networks        g_ab, g_ba, d_a, d_b: state dicts as of the last step
    ema             g_ab, g_ba: averaged weights, the ones to serve
    optimizers      generators, discriminators
    pools           a, b: past fakes
    batches         which images come next
    rng             state of the one random generator of the run
    losses          sums since the last row of metrics.csv
    scores          [{"step", "weights": "ema" or "raw", "score": Score.to_dict()}] of all checkpoints so far
"""

from __future__ import annotations

import logging
import os
import re
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

import torch

from cyclegan.errors import CycleganError

FORMAT = 1
_NAME = re.compile(r"step_(\d{9})\.pt")
_log = logging.getLogger(__name__)

Checkpoint = dict[str, Any]


class CheckpointError(CycleganError):
    """A checkpoint that cannot be used; str() is one line naming the file."""


def checkpoint_path(folder: Path, step: int) -> Path:
    """folder/step_000012000.pt"""
    return folder / f"step_{step:09d}.pt"


def checkpoint_step(path: Path) -> int:
    """The step that a checkpoint's name says; -1 for other files."""
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else -1


def list_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints in `folder`, newest first."""
    found = [path for path in folder.glob("step_*.pt") if checkpoint_step(path) >= 0]
    return sorted(found, key=checkpoint_step, reverse=True)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `path` so that it is there whole, on disk, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("wb") as file:
        torch.save({"format": FORMAT, **checkpoint}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
    _sync_folder(path.parent)


def export_generator(checkpoint: Path, weights: Literal["ema", "raw"], target: Path, *, largest: float) -> int:
    """Write the colouring generator alone, in float16, as a checkpoint that serves but cannot be resumed.

    Returns its bytes; where they are more than `largest`, nothing is left at `target`.
    """
    state = load_checkpoint(checkpoint)
    generator = state["ema" if weights == "ema" else "networks"]["g_ab"]
    served = {"ema": {"g_ab": {name: tensor.half() for name, tensor in generator.items()}}}
    save_checkpoint(target, {**{key: state[key] for key in ("step", "config", "normalization", "lineart")}, **served})
    size = target.stat().st_size
    if size > largest:
        target.unlink()
    return size


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_checkpoint(path: Path | str, device: str | torch.device = "cpu") -> Checkpoint:
    """Read a checkpoint onto `device`. Raises CheckpointError (one line) for anything that is not one."""
    try:
        _check_sums(path)
        checkpoint = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such checkpoint") from None
    except Exception as error:  # torch names a damaged file in many ways: pickle, zip, runtime, end of file
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise CheckpointError(f"{path}: not a whole checkpoint ({reason})") from error
    if not isinstance(checkpoint, dict) or checkpoint.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a checkpoint of this program (format {FORMAT})")
    return checkpoint


def _check_sums(path: Path | str) -> None:
    # torch reads tensors without looking at the archive's checksums
    with zipfile.ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise CheckpointError(f"checksum of {damaged} is wrong")


def load_newest(folder: Path) -> tuple[Path, Checkpoint] | None:
    """The newest checkpoint that can be read, or None; says which damaged ones were passed over."""
    for path in list_checkpoints(folder):
        try:
            return path, load_checkpoint(path)
        except CheckpointError as error:
            _log.warning("%s; trying the one before", error)
    return None


def set_aside_newer(path: Path) -> None:
    """Rename the damaged checkpoints after `path`, so that they are neither counted nor tried again."""
    for newer in list_checkpoints(path.parent):
        if checkpoint_step(newer) > checkpoint_step(path):
            newer.replace(newer.with_name(newer.name + ".damaged"))


def prune(folder: Path, keep: int, protected: Collection[int]) -> None:
    """Delete all but the newest `keep` checkpoints and those of the `protected` steps, and what broken writes left."""
    for path in list_checkpoints(folder)[keep:]:
        if checkpoint_step(path) not in protected:
            path.unlink(missing_ok=True)
    for path in (*folder.glob(".step_*.unfinished"), *folder.glob("step_*.damaged")):
        path.unlink(missing_ok=True)
