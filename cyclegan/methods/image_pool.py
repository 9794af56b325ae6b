"""Stores past fakes, so that a discriminator sees more than the latest ones (Zhu et al. 2017, section 4)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class ImagePool:
    """A pool of up to `size` past fakes. Once full, it swaps every new image with probability 1/2 for a past one."""

    def __init__(self, size: int, rng: torch.Generator) -> None:
        self.size = size
        self._rng = rng
        self._images: list[Tensor] = []

    def query(self, images: Tensor) -> Tensor:
        """Replaces some new fakes by past ones.

        Args:
            images: (N, C, H, W) new fakes.

        Returns:
            The same shape, without gradients.
        """
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
