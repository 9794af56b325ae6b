"""Makes pictures for tests of the score: held-out drawings with their true colours, and these with a fault."""

import io
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from PIL import Image

from cyclegan.scoring.score import Scorer
from demo.drawings import Drawing

NUM_HELD_OUT = 24


@cache
def drawn(seed: int, domain: str, size: int) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(Drawing(seed).render(domain, size))).convert("RGB"))  # type: ignore[arg-type]


@cache
def held_out(size: int) -> tuple[Scorer, list[np.ndarray], list[np.ndarray]]:
    """Returns a scorer, its lineart (H, W) and the same drawings' true colours (H, W, 3), all uint8."""
    seeds = range(2000, 2000 + NUM_HELD_OUT)
    lineart = [cv2.cvtColor(drawn(seed, "A", size), cv2.COLOR_RGB2GRAY) for seed in seeds]
    colour = [drawn(seed, "B", size) for seed in range(48)]
    return Scorer(lineart, colour), lineart, [drawn(seed, "B", size) for seed in seeds]


def faded_colours(image: np.ndarray, share: float) -> np.ndarray:
    return with_chroma(image, lambda ab: ab * share)


def blurred_colours(image: np.ndarray, sigma: float) -> np.ndarray:
    return with_chroma(image, lambda ab: cv2.GaussianBlur(ab, (0, 0), sigma))


def with_chroma(image: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab[..., 1:] = change(lab[..., 1:])
    return (cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).clip(0, 1) * 255).round().astype(np.uint8)


def without_ink(image: np.ndarray, lineart: np.ndarray, share: float) -> np.ndarray:
    """Returns a picture whose lines are faded into the paint beside them by a share, 0..1."""
    size = max(3, image.shape[0] // 28 | 1)
    paint = cv2.dilate(image, np.ones((size, size), np.uint8))
    ink = share * (255 - lineart[..., None].astype(np.float32)) / 255
    return (image * (1 - ink) + paint * ink).round().astype(np.uint8)


def grey(lineart: list[np.ndarray]) -> list[np.ndarray]:
    return [np.repeat(image[..., None], 3, axis=2) for image in lineart]
