"""The checkpoints of a run's folder: named, found, pruned."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from pathlib import Path

from cyclegan.painting.checkpoint import Checkpoint, CheckpointError, load_checkpoint

_NAME = re.compile(r"step_(\d{9})\.pt")
_log = logging.getLogger(__name__)


def checkpoint_path(folder: Path, step: int) -> Path:
    """folder/step_000012000.pt"""
    return folder / checkpoint_name(step)


def checkpoint_name(step: int) -> str:
    """step_000012000.pt"""
    return f"step_{step:09d}.pt"


def checkpoint_step(path: Path) -> int:
    """The step that a checkpoint's name says; -1 for other files."""
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else -1


def list_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints in `folder`, newest first."""
    found = [path for path in folder.glob("step_*.pt") if checkpoint_step(path) >= 0]
    return sorted(found, key=checkpoint_step, reverse=True)


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
