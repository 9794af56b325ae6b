"""Computes the losses of the methods, in float32 or a higher precision.

All functions take and return float tensors; losses are scalars; images are (N, 3, H, W) in [-1, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as PIL's "L"


def adversarial_loss(logits: Tensor, real: bool) -> Tensor:
    """Returns the LSGAN loss (Mao et al. 2017): mean squared distance of the logits (any shape) to 1 (real) or 0."""
    return ((_at_least_float32(logits) - float(real)) ** 2).mean()


def cross_entropy(logits: Tensor, real: bool) -> Tensor:
    """Returns the loss of Goodfellow et al. 2014, and of pix2pix: cross entropy of the logits with 1 (real) or 0."""
    logits = _at_least_float32(logits)
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def l1_loss(image: Tensor, target: Tensor) -> Tensor:
    """Returns the mean absolute difference, for cycle consistency, identity and pseudo-pairs."""
    return (_at_least_float32(image) - _at_least_float32(target)).abs().mean()


def to_grey(images: Tensor) -> Tensor:
    """Replaces each channel of (N, 3, H, W) by the luma; same shape."""
    # filled on the device: a copy from the CPU cannot be part of a CUDA graph
    luma = torch.cat([images.new_full((1, 1, 1, 1), weight) for weight in _LUMA], 1)
    return (images * luma).sum(1, keepdim=True).expand(-1, 3, -1, -1)


def _at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
