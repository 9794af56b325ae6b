"""Colours the held-out lineart: as arrays for the score, and as a sheet of samples for people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import nn

from cyclegan.painting.tensors import padded, to_range, to_uint8
from imaging.sheet import grid

_COLUMNS, _ROWS = 4, 6
_TILE = 128


@torch.inference_mode()
def translate(painter: nn.Module, lineart: np.ndarray, device: torch.device) -> np.ndarray:
    """Colours one drawing.

    Args:
        painter: (1, 3, H, W) lineart in [-1, 1] → a picture of the same shape and range.
        lineart: (H, W) uint8, of any size.
        device: of the painter.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = lineart.shape
    image = to_range(torch.from_numpy(padded(lineart)).to(device))[None, None].expand(1, 3, -1, -1)
    coloured = painter(image)[..., :height, :width]
    return to_uint8(coloured)[0].permute(1, 2, 0).cpu().numpy()


def sample_sheet(lineart: Sequence[np.ndarray], ema: Sequence[np.ndarray], raw: Sequence[np.ndarray]) -> Image.Image:
    """Draws a sheet of the first drawings, three pictures for each.

    Args:
        lineart: (H, W) uint8 each.
        ema: the drawings coloured by the averaged weights, (H, W, 3) uint8 each.
        raw: the drawings coloured by the weights of the last step, (H, W, 3) uint8 each.
    """
    triples = list(zip(lineart, ema, raw, strict=True))[: _COLUMNS * _ROWS]
    rows = [
        [Image.fromarray(image).convert("RGB") for triple in triples[start : start + _COLUMNS] for image in triple]
        for start in range(0, len(triples), _COLUMNS)
    ]
    return grid(rows, captions=["lineart", "EMA", "raw"] * min(_COLUMNS, len(triples)), tile=_TILE, gap=4)
