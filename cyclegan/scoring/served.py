"""Colours drawings as a checkpoint of any run does, so that it can be compared with a run on the same drawings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cyclegan.painting.checkpoint import Weights
from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.guide import AS_IT_COMES, Guide
from cyclegan.painting.loading import load_painter
from cyclegan.scoring.samples import translate_all
from imaging.lineart import Normalization


def coloured_by(
    checkpoint: Path, weights: Weights, lineart: Sequence[np.ndarray], toned: Normalization, device: torch.device
) -> list[np.ndarray]:
    """Colours drawings with a checkpoint.

    One that was trained on drawings of this size and tone gets them as they are, as in its own run, so that the same
    drawings give the same score as there. Any other one colours them as it serves.

    Args:
        checkpoint: the file.
        weights: "ema" or "raw".
        lineart: drawings, uint8 (H, W), already normalized.
        toned: how they were normalized.
        device: that computes.

    Returns:
        Pictures, uint8 (H, W, 3) RGB, in the order of the drawings.

    Raises:
        CheckpointError: the file cannot be loaded (its text is one line).
    """
    painter, own, described = load_painter(checkpoint, weights)
    if own == toned and all(min(drawing.shape) == described["size"] for drawing in lineart):
        painter = painter.to(device).eval()
        return translate_all(painter, lineart)
    colorizer = Colorizer(painter, own, described["size"], device.type, described["style"])
    guides = [Guide(variant=number) if colorizer.has_styles else AS_IT_COMES for number in range(1, len(lineart) + 1)]
    return [
        np.asarray(colorizer(Image.fromarray(drawing), guide)) for drawing, guide in zip(lineart, guides, strict=True)
    ]
