"""Loads the part of a checkpoint that serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cyclegan.painting.checkpoint import CheckpointError, Weights, load_checkpoint, weights_of
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.painter import Painter
from imaging.line_style import LineStyle
from imaging.lineart import Normalization


def load_painter(path: Path | str, weights: Weights) -> tuple[Painter, Normalization, dict[str, Any]]:
    """Loads the part of a checkpoint that serves.

    Args:
        path: the checkpoint.
        weights: "ema" (averaged) or "raw" (of the last step).

    Returns:
        The painter, on the CPU; the normalization of its training lineart; the checkpoint's part "lineart", with its
        "style" as a LineStyle, the usual one for a checkpoint without.

    Raises:
        CheckpointError: the file cannot be loaded or is of another version (its text is one line).
    """
    checkpoint = load_checkpoint(path)
    try:
        painter = Painter(GeneratorConfig.model_validate(checkpoint["painter"]["config"]))
        painter.load_state_dict(weights_of(checkpoint, weights, path))
        lineart = checkpoint["lineart"]
        style = LineStyle.from_dict(lineart["style"]) if "style" in lineart else LineStyle()
        return painter, Normalization.from_dict(checkpoint["normalization"]), {**lineart, "style": style}
    except (KeyError, ValidationError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0][:120]
        raise CheckpointError(f"{path}: made by another version of this program ({reason}); train anew") from error
