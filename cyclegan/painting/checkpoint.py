"""One file from which a training resumes and a colorizer serves: its format, written whole or not at all.

A checkpoint is a dictionary of tensors and plain values, so it loads with `weights_only=True`:

    format          2; what an older one needs to become that, `formats.upgraded` does
    step            updates made
    painter         {"config": GeneratorConfig.model_dump(), "ema": averaged weights, "raw": those of the last step}
    normalization   imaging.lineart.Normalization.to_dict(): how the training lineart was toned
    lineart         {"size": shortest side of a typical training drawing, "examples": uint8 (n, crop, crop) or None}

A colorizer reads these and nothing else. What follows is for going on with the training:

    config          TrainConfig.model_dump()
    data            {"num_a", "num_b", "fingerprint"} of the training images
    method          Method.state_dict(): its other networks, optimizers, pools
    averages        averaged weights of the networks that Method.averaged names
    batches         which images come next
    rng             state of the one random generator of the run
    losses          sums since the last row of metrics.csv
    scores          [{"step", "weights": "ema" or "raw", "score": Score.to_dict()}] of all checkpoints so far
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Literal

import torch

from cyclegan.errors import CycleganError
from cyclegan.painting.formats import FORMAT, upgraded
from cyclegan.whole_file import whole_file

Checkpoint = dict[str, Any]
Weights = Literal["ema", "raw"]


class CheckpointError(CycleganError):
    """A checkpoint that cannot be used; str() is one line naming the file."""


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `path` so that it is there whole, on disk, or not at all."""
    with whole_file(path) as file:
        torch.save({"format": FORMAT, **checkpoint}, file)


def load_checkpoint(path: Path | str, device: str | torch.device = "cpu") -> Checkpoint:
    """Read a checkpoint of this or an older format onto `device`, as one of this format.

    Raises CheckpointError (one line) for anything that is not one.
    """
    try:
        _check_sums(path)
        checkpoint = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such checkpoint") from None
    except Exception as error:  # torch names a damaged file in many ways: pickle, zip, runtime, end of file
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise CheckpointError(f"{path}: not a whole checkpoint ({reason})") from error
    found = checkpoint.get("format") if isinstance(checkpoint, dict) else None
    if not isinstance(found, int):
        raise CheckpointError(f"{path}: not a checkpoint of this program")
    if found > FORMAT:
        raise CheckpointError(f"{path}: made by a newer version of this program (format {found}); update this one")
    try:
        return upgraded(checkpoint)
    except KeyError as error:
        raise CheckpointError(f"{path}: not a whole checkpoint (it lacks {error})") from error


def export_painter(checkpoint: Path, weights: Weights, target: Path, *, largest: float) -> int:
    """Write the painter alone, in float16, as a checkpoint that serves but cannot be resumed.

    Returns its bytes; where they are more than `largest`, nothing is left at `target`.
    """
    state = load_checkpoint(checkpoint)
    half = {name: tensor.half() for name, tensor in state["painter"][weights].items()}
    painter = {"config": state["painter"]["config"], "ema": half}
    save_checkpoint(target, {**{key: state[key] for key in ("step", "normalization", "lineart")}, "painter": painter})
    size = target.stat().st_size
    if size > largest:
        target.unlink()
    return size


def _check_sums(path: Path | str) -> None:
    # torch reads tensors without looking at the archive's checksums
    with zipfile.ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise CheckpointError(f"checksum of {damaged} is wrong")
