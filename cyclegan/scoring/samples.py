"""What painters make of the held-out lineart: as arrays for the score, as a sheet for people."""

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
    """(H, W) uint8 lineart → (H, W, 3) uint8 colour, of the same size."""
    height, width = lineart.shape
    image = to_range(torch.from_numpy(padded(lineart)).to(device))[None, None].expand(1, 3, -1, -1)
    coloured = painter(image)[..., :height, :width]
    return to_uint8(coloured)[0].permute(1, 2, 0).cpu().numpy()


def sample_sheet(lineart: Sequence[np.ndarray], ema: Sequence[np.ndarray], raw: Sequence[np.ndarray]) -> Image.Image:
    """A sheet of the first drawings: lineart, colours by averaged weights, by the weights of the last step."""
    triples = list(zip(lineart, ema, raw, strict=True))[: _COLUMNS * _ROWS]
    rows = [
        [Image.fromarray(image).convert("RGB") for triple in triples[start : start + _COLUMNS] for image in triple]
        for start in range(0, len(triples), _COLUMNS)
    ]
    return grid(rows, captions=["lineart", "EMA", "raw"] * min(_COLUMNS, len(triples)), tile=_TILE, gap=4)
