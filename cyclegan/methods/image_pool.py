"""A history of fakes, so that a discriminator does not only see the generator's latest ones (paper, section 4)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class ImagePool:
    """Up to `size` past images. A full pool answers half of the queries with a past image, and keeps the new one."""

    def __init__(self, size: int, rng: torch.Generator) -> None:
        self.size = size
        self._rng = rng
        self._images: list[Tensor] = []

    def query(self, images: Tensor) -> Tensor:
        """(N, C, H, W) new fakes → the same shape, some of them replaced by earlier ones. No gradients."""
        return torch.stack([self._swap(image) for image in images.detach()]) if self.size else images.detach()

    def _swap(self, image: Tensor) -> Tensor:
        if len(self._images) < self.size:
            self._images.append(image.clone())
            return image
        if torch.rand((), generator=self._rng).item() < 0.5:
            return image
        slot = int(torch.randint(self.size, (), generator=self._rng))
        past, self._images[slot] = self._images[slot], image.clone()
        return past

    def state_dict(self) -> dict[str, Any]:
        return {"images": torch.stack(self._images).cpu() if self._images else None}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        images = state["images"]
        self._images = [] if images is None else list(images.to(device).unbind())
