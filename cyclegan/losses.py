"""The losses of CycleGAN, and the pseudo-pairs that start it.

All take and return float tensors; images are (N, 3, H, W) in [-1, 1].
"""

from __future__ import annotations

from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as PIL's "L"


def adversarial_loss(logits: Tensor, real: bool) -> Tensor:
    """LSGAN: mean squared distance of the logits to 1 (real) or 0 (fake); paper, section 4."""
    return ((logits.float() - float(real)) ** 2).mean()


def l1_loss(image: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference, for cycle consistency, identity and pseudo-pairs."""
    return (image.float() - target.float()).abs().mean()


def to_grey(images: Tensor) -> Tensor:
    """Luma repeated in three channels, same shape."""
    luma = images.new_tensor(_LUMA).view(1, 3, 1, 1)
    return (images * luma).sum(1, keepdim=True).expand(-1, 3, -1, -1)
