"""Lets a checkpoint from before palettes were chosen by resemblance gain what that needs, without training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from cyclegan.painting.checkpoint import load_checkpoint, save_checkpoint
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.painter import MOST_REMEMBERED, Painter
from cyclegan.training.config import TrainConfig
from cyclegan.training.dataset import Batches, TrainingData
from imaging.lineart import Normalization, normalize


def remember_anew(path: Path, read: Callable[[], TrainingData]) -> bool:
    """Stores what the pictures of domain B show in a checkpoint that lacks it; its networks stay as they are.

    Args:
        path: the checkpoint, from which a training could resume; replaced atomically, in the current format.
        read: reads the images on which it was trained; called only if they are needed.

    Returns:
        Whether the checkpoint lacked it.

    Raises:
        CheckpointError: the checkpoint cannot be loaded (its text is one line).
    """
    state = load_checkpoint(path)
    parts = state["painter"]
    lacking = [each for each in ("ema", "raw") if "keys" in parts.get(each, ()) and not parts[each]["keys"].numel()]
    if not lacking:
        return False
    data, normalization = read(), Normalization.from_dict(state["normalization"])
    shown = replace(data, b=data.b[:MOST_REMEMBERED])
    config, cpu = TrainConfig.model_validate(state["config"]), torch.device("cpu")
    batches = Batches(shown, config, cpu, torch.Generator(), lambda gray: normalize(gray, normalization).image)
    for weights in lacking:
        painter = Painter(GeneratorConfig.model_validate(parts["config"]))
        painter.load_state_dict(parts[weights])
        painter.remember(batches.pseudo_pairs(MOST_REMEMBERED))
        parts[weights] = painter.state_dict()
    save_checkpoint(path, state)
    return True
