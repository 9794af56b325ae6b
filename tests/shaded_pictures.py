"""Draws pictures whose shadows are known, and paints with shadows whose strength is known."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from cyclegan.painting.checkpoint import save_checkpoint
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.networks import WithShadows
from cyclegan.painting.painter import Painter
from cyclegan.training.dataset import TrainingData
from imaging.lineart import Normalization
from tests.factories import untrained

LIT, TINT = (240, 170, 110), np.array([0.7, 0.6, 0.75])


def head(seed: int, side: int = 48, *, shaded: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws an ellipse with an outline, with or without a hard shadow at its right.

    Returns:
        Lines (side, side) uint8; the picture (side, side, 3) uint8; and where its shadow is, (side, side) bool.
    """
    rng = np.random.default_rng(seed)
    left, top = rng.integers(3, 9, 2).tolist()
    box = (left, top, left + side - 16, top + side - 14)
    colour = tuple(int(value) for value in np.clip(np.array(LIT) + rng.integers(-15, 15, 3), 0, 255))
    page, dark, lines = (
        Image.new(mode, (side, side), white) for mode, white in (("RGB", "white"), ("L", 0), ("L", 255))
    )
    ImageDraw.Draw(page).ellipse(box, fill=colour)
    ImageDraw.Draw(dark).rectangle((left + round(0.66 * (side - 16)), 0, side, side), fill=255)
    ImageDraw.Draw(lines).ellipse(box, outline=0, width=2)
    inside = (np.asarray(page) != 255).any(2)
    shadow = inside & (np.asarray(dark) > 0) & shaded
    picture = np.where(shadow[..., None], np.asarray(page) * TINT, np.asarray(page)) * (
        np.asarray(lines)[..., None] / 255
    )
    return np.array(lines), np.rint(picture).astype(np.uint8), shadow


def heads(count: int = 12, held_out: int = 4, side: int = 48, *, shaded: bool = True) -> TrainingData:
    seen, unseen = ([head(seed, side, shaded=shaded) for seed in range(100, 100 + n)] for n in (count, held_out))
    return TrainingData(
        [lines for lines, _, _ in seen],
        [picture for _, picture, _ in seen],
        [lines for lines, _, _ in unseen],
        [picture for _, picture, _ in unseen],
    )


def shading_painter(errors: tuple[float, float, float] = (0.1, 0.05, 0.05), softness: float = 0.6) -> Painter:
    """Makes an untrained painter that shades most of a drawing more or less."""
    config = {"blocks": 1, "ngf": 8, "head": "line_keeping", "upsample": "nearest", "palette": 6, "shading": True}
    painter = untrained(GeneratorConfig.model_validate(config))
    network = painter.network
    assert isinstance(network, WithShadows)
    *_, last = network.shade.parameters()
    with torch.no_grad():
        last.fill_(4.0)
    painter.tints = torch.linspace(0.3, 0.8, 18).view(6, 3)
    painter.shading_errors, painter.softness = torch.tensor(errors), torch.tensor(softness)
    return painter


def save_shading(path: Path, errors: tuple[float, float, float] = (0.1, 0.05, 0.05)) -> Path:
    painter = shading_painter(errors)
    checkpoint = {
        "step": 7,
        "painter": {"config": painter.config.model_dump(), "ema": painter.state_dict(), "raw": painter.state_dict()},
        "normalization": Normalization().to_dict(),
        "lineart": {"size": 64, "examples": None},
    }
    save_checkpoint(path, checkpoint)
    return path
