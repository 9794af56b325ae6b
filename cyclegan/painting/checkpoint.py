"""Saves, loads and exports checkpoints: files from which a training resumes and a colorizer serves.

A checkpoint is a dictionary of tensors and plain values, so it loads with `weights_only=True`:

    format          3; `formats.upgraded` converts older formats
    step            number of updates made
    painter         {"config": GeneratorConfig.model_dump(), "ema": averaged weights, "raw": weights of the last step}
    normalization   imaging.lineart.Normalization.to_dict(), as applied to the training lineart
    lineart         {"size": shortest side of a typical training drawing, "examples": uint8 (n, crop, crop) or None,
                    "style": imaging.line_style.LineStyle.to_dict(), missing before pictures' lines were drawn in it}

A colorizer reads only these. The trainer also needs:

    config          TrainConfig.model_dump()
    data            {"num_a", "num_b", "fingerprint"} of the training images
    method          Method.state_dict(): its other networks, optimizers, image pools
    averages        averaged weights of the networks that Method.averaged names
    batches         order of the images that come next
    rng             state of the run's only random generator
    losses          sums of the losses since the last row of metrics.csv
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
    """A checkpoint that cannot be used. Its text is one line that names the file."""


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Saves a checkpoint to `path`, atomically, and adds its format."""
    with whole_file(path) as file:
        torch.save({"format": FORMAT, **checkpoint}, file)


def load_checkpoint(path: Path | str, device: str | torch.device = "cpu") -> Checkpoint:
    """Loads a checkpoint of the current or an older format.

    Args:
        path: the file.
        device: torch device of the tensors.

    Returns:
        The checkpoint, converted to the current format.

    Raises:
        CheckpointError: the file is missing, damaged, not a checkpoint, or of a newer format (its text is one line).
    """
    try:
        _check_sums(path)
        checkpoint = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such checkpoint") from None
    except Exception as error:  # torch raises many types for a damaged file: pickle, zip, runtime, end of file
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
    """Exports the painter alone, in float16, as a checkpoint that serves but from which no training resumes.

    Args:
        checkpoint: the file to read.
        weights: "ema" or "raw"; stored as "ema".
        target: the file to write.
        largest: size limit in bytes; a larger file is deleted.

    Returns:
        The size of the file in bytes, also if it was deleted.

    Raises:
        CheckpointError: `checkpoint` cannot be loaded, or lacks these weights (its text is one line).
    """
    state = load_checkpoint(checkpoint)
    half = {name: tensor.half() for name, tensor in weights_of(state, weights, checkpoint).items()}
    painter = {"config": state["painter"]["config"], "ema": half}
    save_checkpoint(target, {**{key: state[key] for key in ("step", "normalization", "lineart")}, "painter": painter})
    size = target.stat().st_size
    if size > largest:
        target.unlink()
    return size


def weights_of(checkpoint: Checkpoint, weights: Weights, path: Path | str) -> dict[str, torch.Tensor]:
    """Returns the painter's weights of one kind.

    Args:
        checkpoint: a loaded checkpoint.
        weights: "ema" or "raw".
        path: the checkpoint's file, for the message.

    Raises:
        CheckpointError: the checkpoint has only the other kind (its text is one line).
    """
    painter: dict[str, Any] = checkpoint["painter"]
    if weights not in painter and "ema" in painter:
        raise CheckpointError(f"{path}: an exported painter, which has no {weights} weights; ask for its ema weights")
    found: dict[str, torch.Tensor] = painter[weights]
    return found


def _check_sums(path: Path | str) -> None:
    # torch does not check the checksums of the archive
    with zipfile.ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise CheckpointError(f"checksum of {damaged} is wrong")
