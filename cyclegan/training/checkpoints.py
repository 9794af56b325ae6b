"""Names, finds and prunes the checkpoints in a run's folder."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from pathlib import Path

from cyclegan.painting.checkpoint import Checkpoint, CheckpointError, load_checkpoint

_NAME = re.compile(r"step_(\d{9})\.pt")
_log = logging.getLogger(__name__)


def checkpoint_path(folder: Path, step: int) -> Path:
    """Returns the path of a checkpoint, such as folder/step_000012000.pt."""
    return folder / checkpoint_name(step)


def checkpoint_name(step: int) -> str:
    """Returns the file name of a checkpoint, such as step_000012000.pt."""
    return f"step_{step:09d}.pt"


def checkpoint_step(path: Path) -> int:
    """Returns the step in a checkpoint's file name; -1 for other files."""
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else -1


def list_checkpoints(folder: Path) -> list[Path]:
    """Lists the checkpoints in `folder`, newest first."""
    found = [path for path in folder.glob("step_*.pt") if checkpoint_step(path) >= 0]
    return sorted(found, key=checkpoint_step, reverse=True)


def load_newest(folder: Path) -> tuple[Path, Checkpoint] | None:
    """Loads the newest checkpoint that can be read, or returns None; logs the damaged ones that it skips."""
    for path in list_checkpoints(folder):
        try:
            return path, load_checkpoint(path)
        except CheckpointError as error:
            _log.warning("%s; trying the one before", error)
    return None


def set_aside_newer(path: Path) -> None:
    """Renames the damaged checkpoints newer than `path`, so that they are neither counted nor loaded again."""
    for newer in list_checkpoints(path.parent):
        if checkpoint_step(newer) > checkpoint_step(path):
            newer.replace(newer.with_name(newer.name + ".damaged"))


def prune(folder: Path, keep: int, protected: Collection[int]) -> None:
    """Deletes old checkpoints, damaged ones, and the temporary files of interrupted writes.

    Args:
        folder: the folder of checkpoints.
        keep: number of newest checkpoints that are kept.
        protected: steps of further checkpoints that are kept.
    """
    for path in list_checkpoints(folder)[keep:]:
        if checkpoint_step(path) not in protected:
            path.unlink(missing_ok=True)
    for path in (*folder.glob(".step_*.unfinished"), *folder.glob("step_*.damaged")):
        path.unlink(missing_ok=True)
