"""Serves unpaired training images in batches: keeps them as uint8 on the device, and crops and mirrors them there.

If the images need more memory than the settings allow, they are kept in a memory-mapped file, and only their crops are
copied to the device.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cyclegan.distributed import World
from cyclegan.errors import TrainingError
from cyclegan.methods.method import Batch
from cyclegan.painting.painter import MOST_WEIGHED
from cyclegan.painting.shadows import Example
from cyclegan.painting.tensors import cropped, to_range
from cyclegan.training.config import TrainConfig
from cyclegan.training.pixels import keep
from cyclegan.training.shaded import both_lights, examples, in_full_light, is_shaded, to_shadows
from imaging.pseudo_pair import DrawingStyle, measure_drawings, pseudo_pair

_NUM_EXAMPLES = 16
_AT_ONCE = 256  # pictures whose lines are found ahead
_NUM_RENDERINGS = 3  # of the lines of a picture, so that a painter does not learn one way of drawing them


@dataclass(frozen=True)
class TrainingData:
    """Images of both domains, of any sizes.

    Attributes:
        a: lineart for training, (H, W) uint8.
        b: colour pictures for training, (H, W, 3) uint8 RGB.
        a_held_out: lineart for scoring, (H, W) uint8.
        b_held_out: colour pictures for scoring, (H, W, 3) uint8 RGB.
    """

    a: list[np.ndarray]
    b: list[np.ndarray]
    a_held_out: list[np.ndarray] = field(default_factory=list)
    b_held_out: list[np.ndarray] = field(default_factory=list)

    def check(self, crop: int) -> None:
        """Checks that the images can be trained on.

        Args:
            crop: side of the training crops, px.

        Raises:
            TrainingError: a domain is empty, or an image is smaller than the crop (its text is one line).
        """
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

    @cached_property
    def style(self) -> DrawingStyle:
        """What the training lineart looks like, like which pseudo-pairs are made of colour pictures."""
        return measure_drawings(self.a)

    def fingerprint(self) -> str:
        """Hashes every training pixel, to detect a run that would resume on other images."""
        digest = hashlib.sha256()
        for image in (*self.a, *self.b):
            digest.update(repr(image.shape).encode())
            digest.update(np.ascontiguousarray(image).data)
        return digest.hexdigest()

    def describe_lineart(self, crop: int) -> dict[str, Any]:
        """Describes the lineart for the checkpoint, which needs it to serve.

        Args:
            crop: side of the examples, px.

        Returns:
            {"size": shortest side of a typical training drawing, px, "examples": uint8 (n, crop, crop), the middles of
            a few drawings, held-out ones if there are any, "style": LineStyle.to_dict() of the drawings}.
        """
        chosen = (self.a_held_out or self.a)[:_NUM_EXAMPLES]
        size = int(np.median([min(image.shape) for image in self.a]))
        examples = torch.from_numpy(np.stack([_middle(image, crop) for image in chosen]))
        return {"size": size, "examples": examples, "style": self.style.lines.to_dict()}


def _middle(image: np.ndarray, side: int) -> np.ndarray:
    """Returns the middle of an image, (side, side); pads smaller held-out drawings by reflection."""
    top, left = (max(0, (length - side) // 2) for length in image.shape)
    part = image[top : top + side, left : left + side]
    return np.pad(part, [(0, side - length) for length in part.shape], mode="symmetric")


class _Domain:
    """Draws random crops of one domain, endlessly, in epochs: every image once before any is repeated.

    Of the _NUM_RENDERINGS channels after the third, each a rendering of a picture's lines, a crop has one, drawn by
    lot. Of a mask of shadows behind them, a crop has both lights.
    """

    def __init__(self, images: Sequence[Tensor], config: TrainConfig, rng: torch.Generator) -> None:
        self.images, self._side, self._flip, self._rng = images, config.data.crop, config.data.flip, rng
        self._order: list[int] = []

    def batch(self, size: int, share: slice) -> Tensor:
        """Draws `size` random crops and returns those of the `share`: (n, C, crop, crop) uint8."""
        drawn = [self._draw() for _ in range(size)]
        return torch.stack([self._crop(*each) for each in drawn[share]])

    def _draw(self) -> tuple[Tensor, int, int, int, bool]:
        """Returns an image, its rendering, the top and left of its crop, and whether it is mirrored."""
        image = self.images[self._next()]
        rendering = self._random_below(_NUM_RENDERINGS) if len(image) > 3 else 0
        top, left = (self._random_below(side - self._side + 1) for side in image.shape[1:])
        return image, rendering, top, left, self._flip and bool(self._random_below(2))

    def _next(self) -> int:
        if not self._order:
            self._order = torch.randperm(len(self.images), generator=self._rng).tolist()
        return self._order.pop()

    def _crop(self, image: Tensor, rendering: int, top: int, left: int, mirrored: bool) -> Tensor:
        cropped = image[:, top : top + self._side, left : left + self._side]
        if len(image) > 3:
            masks = [both_lights(mask[None], mirrored) for mask in cropped[3 + _NUM_RENDERINGS :]]
            cropped = torch.cat([cropped[:3], cropped[3 + rendering, None], *masks])
        return cropped.flip(2) if mirrored else cropped

    def _random_below(self, limit: int) -> int:
        return int(torch.randint(limit, (), generator=self._rng))

    def state_dict(self) -> dict[str, Any]:
        return {"order": list(self._order)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._order = list(state["order"])


class Batches:
    """Draws batches; `rng` and `state_dict` together determine the next one."""

    def __init__(
        self,
        data: TrainingData,
        config: TrainConfig,
        device: torch.device,
        rng: torch.Generator,
        normalize: Callable[[np.ndarray], np.ndarray],
        world: World | None = None,
    ) -> None:
        """Loads the images into memory or into a memory-mapped file.

        Args:
            data: the images.
            config: the settings.
            device: of the batches.
            rng: the run's random generator, on the CPU.
            normalize: normalizes extracted lines, (H, W) uint8 → (H, W) uint8.
            world: the processes that share each batch; None: this one alone.
        """
        self._size, self._share = config.batch, (world or World()).share(config.batch)
        self._with_lines = config.method.uses_extracted_lines
        self._device, self._held_out = device, data.b_held_out
        self._prepared = partial(_prepared, style=data.style, normalize=normalize, lines=self._with_lines)
        learns_shadows = self._with_lines and config.method.learns_shadows
        first = list(_ahead(self._prepared, data.b[:MOST_WEIGHED])) if learns_shadows else []
        lit = list(_ahead(in_full_light, first))
        self._shaded = is_shaded(lit)
        # as they are learned from, but with their shadows, (H, W, 3) each
        self._coloured = [_colour(each) for each in first] if self._shaded else []
        channels = 3 + _NUM_RENDERINGS + self._shaded if self._with_lines else 3
        taken = sum(image.nbytes for image in data.a) + sum(image.nbytes for image in data.b) * channels / 3
        fits = taken <= config.memory_gb * 1e9
        colour = chain(lit if self._shaded else first, _ahead(self._stored, data.b[len(first) :]))
        self._a = _Domain(_store((image[..., None] for image in data.a), device, fits), config, rng)
        self._b = _Domain(_store(colour, device, fits), config, rng)

    def _stored(self, image: np.ndarray) -> np.ndarray:
        """Returns what is stored of a picture of B, (H, W, c)."""
        prepared = self._prepared(image)
        return in_full_light(prepared) if self._shaded else prepared

    def next(self) -> Batch:
        """Returns this process's share of the next batch."""
        crops = [self._to_device(domain.batch(self._size, self._share)) for domain in (self._a, self._b)]
        a, b = to_range(crops[0]), to_range(crops[1][:, :4])
        lines = b[:, 3:].expand(-1, 3, -1, -1) if self._with_lines else None
        shadows = to_shadows(crops[1][:, 4:]) if self._shaded else None
        return Batch(a.expand(-1, 3, -1, -1), b[:, :3], lines, shadows)

    def _to_device(self, crops: Tensor) -> Tensor:
        if crops.device.type == self._device.type:
            return crops
        return crops.pin_memory().to(self._device, non_blocking=True)  # pinned, so that the copy is asynchronous

    def pseudo_pairs(self, count: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields pseudo-pairs of the first pictures of B; none for a method without extracted lines.

        Args:
            count: number of pictures, at most.

        Yields:
            Extracted lines and colour picture, (3, H, W) float in [-1, 1] each, on the device.
        """
        for image in self._b.images[:count] if self._with_lines else ():
            whole = to_range(cropped(image[:4]).to(self._device))
            yield whole[3:].expand(3, -1, -1), whole[:3]

    def examples(self, count: int) -> Iterator[Example]:
        """Yields the first `count` pictures of B with what is known of their shadows; none of a flat style.

        Args:
            count: MOST_WEIGHED at most.
        """
        if self._shaded:
            yield from examples(self._coloured[:count], self._b.images[:count], self._device)

    def held_out_examples(self, count: int) -> Iterator[Example]:
        """Yields held-out pictures of B in the same way; those of the training if none are held out."""
        if self._shaded and not self._held_out:
            yield from self.examples(count)
        elif self._shaded:
            coloured, stored = self._coloured_held_out
            yield from examples(coloured[:count], stored[:count], self._device)

    # kept, because each checkpoint asks for it twice
    @cached_property
    def _coloured_held_out(self) -> tuple[list[np.ndarray], list[Tensor]]:
        """The first held-out pictures as they are learned from, but with their shadows, (H, W, 3) each.

        Beside them is what would be stored of them, (c, H, W) each.
        """
        prepared = [self._prepared(picture) for picture in self._held_out[:MOST_WEIGHED]]
        stored = [torch.from_numpy(in_full_light(each).transpose(2, 0, 1)) for each in prepared]
        return [_colour(each) for each in prepared], stored

    def state_dict(self) -> dict[str, Any]:
        return {"a": self._a.state_dict(), "b": self._b.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._a.load_state_dict(state["a"])
        self._b.load_state_dict(state["b"])


def _prepared(
    image: np.ndarray, style: DrawingStyle, normalize: Callable[[np.ndarray], np.ndarray], lines: bool
) -> np.ndarray:
    """Returns a picture as it is learned from; with lines, their renderings are more channels, the plain one first.

    Returns:
        (H, W, 3) or (H, W, 3 + _NUM_RENDERINGS) uint8.
    """
    pair = pseudo_pair(image, style)
    drawn = (normalize(pair.draw(variant)) for variant in range(_NUM_RENDERINGS)) if lines else ()
    return np.dstack([pair.colour, *drawn])


def _ahead(work: Callable[[np.ndarray], np.ndarray], images: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Does a work on images in several threads, and yields the results in their order."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for start in range(0, len(images), _AT_ONCE):  # map() submits all its items at once
            yield from threads.map(work, images[start : start + _AT_ONCE])


def _colour(prepared: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(prepared[..., :3])


def _store(images: Iterable[np.ndarray], device: torch.device, fits: bool) -> list[Tensor]:
    """Converts images (H, W, C) to tensors (C, H, W), on the device if they fit into memory."""
    kept = keep((np.ascontiguousarray(image.transpose(2, 0, 1)) for image in images), math.inf if fits else 0)
    return [torch.from_numpy(image).to(device if fits else "cpu") for image in kept]
