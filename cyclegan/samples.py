"""What the generators make of the held-out lineart: as arrays for the score, as a sheet for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from cyclegan.dataset import to_range, to_uint8
from imaging.sheet import grid

_MULTIPLE = 4  # the generator halves twice
_COLUMNS, _ROWS = 4, 6
_TILE = 128


@torch.inference_mode()
def translate(generator: nn.Module, lineart: np.ndarray, device: torch.device) -> np.ndarray:
    """(H, W) uint8 lineart → (H, W, 3) uint8 colour, of the same size."""
    gray = torch.from_numpy(np.ascontiguousarray(lineart)).to(device)
    image = to_range(gray)[None, None].expand(1, 3, -1, -1)
    coloured = generator(_pad(image))[..., : gray.shape[0], : gray.shape[1]]
    return to_uint8(coloured)[0].permute(1, 2, 0).cpu().numpy()


def _pad(image: Tensor) -> Tensor:
    height, width = image.shape[-2:]
    return F.pad(image, (0, -width % _MULTIPLE, 0, -height % _MULTIPLE), mode="reflect")


def save_samples(
    path: Path, lineart: Sequence[np.ndarray], ema: Sequence[np.ndarray], raw: Sequence[np.ndarray]
) -> None:
    """Write a PNG sheet of the first drawings: lineart, averaged weights, weights of the last step."""
    triples = list(zip(lineart, ema, raw, strict=True))[: _COLUMNS * _ROWS]
    rows = [
        [Image.fromarray(image).convert("RGB") for triple in triples[start : start + _COLUMNS] for image in triple]
        for start in range(0, len(triples), _COLUMNS)
    ]
    sheet = grid(rows, captions=["lineart", "EMA", "raw"] * min(_COLUMNS, len(triples)), tile=_TILE, gap=4)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, compress_level=1)
