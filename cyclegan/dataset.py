"""Unpaired training images: decoded once, kept as uint8 on the device, cropped and mirrored there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cyclegan.config import TrainConfig
from cyclegan.errors import TrainingError
from cyclegan.pseudo import extract_lines

_NUM_EXAMPLES = 16


@dataclass(frozen=True)
class TrainingData:
    """Images of both domains, of any sizes: (H, W) uint8 lineart in A, (H, W, 3) uint8 RGB in B."""

    a: list[np.ndarray]
    b: list[np.ndarray]
    a_held_out: list[np.ndarray] = field(default_factory=list)
    b_held_out: list[np.ndarray] = field(default_factory=list)

    def check(self, crop: int) -> None:
        """Raise TrainingError (one line) if a domain is empty or an image is smaller than the crop."""
        for name, images in (("A (lineart)", self.a), ("B (colour)", self.b)):
            if not images:
                raise TrainingError(
                    f"domain {name} has no training images; add some, or check the tags that were scraped"
                )
            small = [image.shape[:2] for image in images if min(image.shape[:2]) < crop]
            if small:
                height, width = small[0]
                raise TrainingError(
                    f"{len(small)} of {len(images)} images of domain {name} are smaller than the crop of "
                    f"{crop} px (first: {width}×{height}); resize them larger or lower data.crop"
                )

    def fingerprint(self) -> str:
        """Hash of every training pixel: tells whether a run resumes on the images it began with."""
        digest = hashlib.sha256()
        for image in (*self.a, *self.b):
            digest.update(repr(image.shape).encode())
            digest.update(np.ascontiguousarray(image).data)
        return digest.hexdigest()

    def describe_lineart(self, crop: int) -> dict[str, Any]:
        """What a server of the model must know: {"size": shortest side of a typical training drawing, px,
        "examples": uint8 (n, crop, crop), middles of a few drawings, held-out ones if there are any}.
        """
        chosen = (self.a_held_out or self.a)[:_NUM_EXAMPLES]
        size = int(np.median([min(image.shape) for image in self.a]))
        return {"size": size, "examples": torch.from_numpy(np.stack([_middle(image, crop) for image in chosen]))}


def _middle(image: np.ndarray, side: int) -> np.ndarray:
    """(side, side); reflected where a held-out drawing is smaller."""
    top, left = (max(0, (length - side) // 2) for length in image.shape)
    part = image[top : top + side, left : left + side]
    return np.pad(part, [(0, side - length) for length in part.shape], mode="symmetric")


class _Domain:
    """Endless shuffled random crops of one domain: every image once before any comes again."""

    def __init__(self, images: Sequence[Tensor], config: TrainConfig, rng: torch.Generator) -> None:
        self.images, self._crop, self._flip, self._rng = images, config.data.crop, config.data.flip, rng
        self._order: list[int] = []

    def batch(self, size: int) -> Tensor:
        """(size, C, crop, crop) uint8."""
        return torch.stack([self._cropped(self.images[self._next()]) for _ in range(size)])

    def _next(self) -> int:
        if not self._order:
            self._order = torch.randperm(len(self.images), generator=self._rng).tolist()
        return self._order.pop()

    def _cropped(self, image: Tensor) -> Tensor:
        top, left = (self._below(side - self._crop + 1) for side in image.shape[1:])
        cropped = image[:, top : top + self._crop, left : left + self._crop]
        return cropped.flip(2) if self._flip and self._below(2) else cropped

    def _below(self, limit: int) -> int:
        return int(torch.randint(limit, (), generator=self._rng))

    def state_dict(self) -> dict[str, Any]:
        return {"order": list(self._order)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._order = list(state["order"])


@dataclass(frozen=True)
class Batch:
    """(N, 3, crop, crop) float in [-1, 1]; `lines_b` are the lines extracted from `real_b`, if asked for."""

    real_a: Tensor
    real_b: Tensor
    lines_b: Tensor | None = None


class Batches:
    """Draws batches; `rng` and `state_dict` say exactly which one comes next."""

    def __init__(
        self,
        data: TrainingData,
        config: TrainConfig,
        device: torch.device,
        rng: torch.Generator,
        normalize: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        self._size = config.batch
        self._with_lines = config.losses.lambda_pseudo > 0
        colour = [self._with_line_channel(image, normalize) if self._with_lines else image for image in data.b]
        self._a = _Domain([_to_device(image[..., None], device) for image in data.a], config, rng)
        self._b = _Domain([_to_device(image, device) for image in colour], config, rng)

    @staticmethod
    def _with_line_channel(image: np.ndarray, normalize: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        return np.dstack([image, normalize(extract_lines(image))])

    def next(self) -> Batch:
        a, b = to_range(self._a.batch(self._size)), to_range(self._b.batch(self._size))
        lines = b[:, 3:].expand(-1, 3, -1, -1) if self._with_lines else None
        return Batch(a.expand(-1, 3, -1, -1), b[:, :3], lines)

    def pseudo_pairs(self, count: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Extracted lines and picture, (3, H, W) float in [-1, 1], of the first `count` pictures of B."""
        for image in self._b.images[:count] if self._with_lines else ():
            whole = to_range(_multiple_of_4(image))
            yield whole[3:].expand(3, -1, -1), whole[:3]

    def state_dict(self) -> dict[str, Any]:
        return {"a": self._a.state_dict(), "b": self._b.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._a.load_state_dict(state["a"])
        self._b.load_state_dict(state["b"])


def _to_device(image: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).to(device)


def _multiple_of_4(image: Tensor) -> Tensor:
    height, width = (side - side % 4 for side in image.shape[1:])
    return image[:, :height, :width]


def to_range(images: Tensor) -> Tensor:
    """uint8 0..255 → float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


def to_uint8(images: Tensor) -> Tensor:
    """float in [-1, 1] → uint8 0..255, rounded and clipped."""
    return ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
