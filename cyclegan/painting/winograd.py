"""Speeds up generators on a CPU: computes their 3×3 convolutions by Winograd's F(4×4, 3×3), in float32.

Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (2016), section 4.3. Sixteen outputs cost 36
multiplications instead of 144. With V = Bᵀ d B for each 6×6 piece d of the input and U = G g Gᵀ for each kernel g, the
output's 4×4 piece is Aᵀ (U ⊙ V summed over channels) A. Both transforms are products with Kronecker squares, so the
computation is a few matrix products. Images stay channels last, where a pixel's channels are contiguous.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_TILE, _PIECE = 4, 6  # sides of an output piece and of the input piece that it comes from, px
_BAND = 256  # output pieces processed at once
_B = [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
      [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]]  # fmt: skip
_G = [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
      [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]]  # fmt: skip
_A = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]


def with_winograd(layers: nn.Module) -> nn.Module:
    """Copies a generator's layers with faster convolutions and norms.

    Args:
        layers: (N, 3, H, W) → (N, K, H, W) float32, on the CPU.

    Returns:
        A module that computes the same within the rounding of float32.
    """
    faster = copy.deepcopy(layers).to(memory_format=torch.channels_last)
    for parent in [module for module in faster.modules() if isinstance(module, nn.Sequential)]:
        for name, layer in parent.named_children():
            if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3) and layer.stride == (1, 1):
                setattr(parent, name, WinogradConv(layer))
            elif isinstance(layer, nn.InstanceNorm2d) and not layer.affine:
                setattr(parent, name, ChannelsLastNorm(layer.eps))
    return faster


class WinogradConv(nn.Module):
    """A 3×3 convolution of stride 1: (N, C, H, W) → (N, K, H, W); without padding, H and W shrink by 2."""

    kernels: Tensor
    into: Tensor
    back: Tensor
    bias: Tensor | None

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        assert isinstance(conv.padding[0], int)
        self._pad = conv.padding[0]
        g = torch.tensor(_G, dtype=torch.float64)
        kernels = torch.einsum("ai,kcij,bj->abck", g, conv.weight.detach().double(), g)
        self.register_buffer("kernels", kernels.flatten(0, 1).float().contiguous())
        self.register_buffer("bias", None if conv.bias is None else conv.bias.detach())
        for name, matrix in (("into", _B), ("back", _A)):
            square = torch.tensor(matrix, dtype=torch.float32)
            self.register_buffer(name, torch.kron(square, square))

    def forward(self, x: Tensor) -> Tensor:
        shrink = 2 - 2 * self._pad
        height, width = x.shape[2] - shrink, x.shape[3] - shrink
        pads = (self._pad, self._pad + -width % _TILE, self._pad, self._pad + -height % _TILE)
        images = (F.pad(x, pads) if any(pads) else x).permute(0, 2, 3, 1).contiguous()
        result = torch.stack([self._convolve(image) for image in images])[:, :height, :width]
        return (result if self.bias is None else result + self.bias).permute(0, 3, 1, 2)

    def _convolve(self, image: Tensor) -> Tensor:
        """Convolves (4r + 2, 4c + 2, C) to (4r, 4c, K), in bands, so that intermediate results stay small."""
        rows, columns = ((side - 2) // _TILE for side in image.shape[:2])
        out = image.new_empty(rows, _TILE, columns, _TILE, self.kernels.shape[2])
        band = max(1, _BAND // columns)
        for top in range(0, rows, band):
            part = image[_TILE * top : _TILE * (top + band) + 2]
            out[top : top + band] = self._convolve_band(part, min(band, rows - top), columns)
        return out.view(_TILE * rows, _TILE * columns, -1)

    def _convolve_band(self, image: Tensor, rows: int, columns: int) -> Tensor:
        """Returns the pieces (r, 4, c, 4, K) of the output."""
        channels, (down, right, _) = image.shape[2], image.stride()
        pieces = image.as_strided(
            (_PIECE, _PIECE, rows, columns, channels), (down, right, _TILE * down, _TILE * right, 1)
        )
        transformed = (self.into @ pieces.reshape(_PIECE**2, -1)).view(_PIECE**2, -1, channels)
        output_pieces = self.back @ torch.bmm(transformed, self.kernels).view(_PIECE**2, -1)
        return output_pieces.view(_TILE, _TILE, rows, columns, -1).permute(2, 0, 3, 1, 4)


class ChannelsLastNorm(nn.Module):
    """Instance norm without parameters, for channels-last images, which torch's own would copy."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self._eps = eps

    def forward(self, x: Tensor) -> Tensor:
        normalized = [F.batch_norm(image, None, None, training=True, eps=self._eps) for image in x.split(1)]
        return normalized[0] if len(normalized) == 1 else torch.cat(normalized)
