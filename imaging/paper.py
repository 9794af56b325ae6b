"""Finds the paper of a scan or a photo, and makes it white.

The light on the page is fitted as a quadratic surface to the pixels of the paper. This removes shading but keeps large
dark areas, which a local estimate would bleach.
"""

import cv2
import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.float64]

WHITE = 250  # paper of this grey level and above is white already
_DARKEST_PAPER = 140
_PAPER_NOISE = 0.05  # variation of the paper, as a share of its grey level
_MIN_PAPER_SHARE = 0.5
_FIT_SIDE = 64


def histogram(gray: Gray) -> Counts:
    """Counts the pixels of each grey level: (256,)."""
    return cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel().astype(np.float64)


def whiten_paper(gray: Gray, counts: Counts | None = None) -> tuple[Gray, int]:
    """Makes the paper of a scan or a photo white.

    Args:
        gray: (H, W) uint8.
        counts: its histogram, where the caller has it.

    Returns:
        The picture, (H, W) uint8, and the grey level of its paper. If the paper is white already, or if there is none,
        the picture is unchanged and the level is 255.
    """
    gray = np.ascontiguousarray(gray)
    light = _light(gray, histogram(gray) if counts is None else counts)
    if light is None:
        return gray, 255
    white = _divided(gray, light)
    if not _is_paper(white):
        return gray, 255
    return white, round(float(np.median(light)))


def even_light(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Removes the shading of a scan or a photo, and keeps the colour of its paper.

    Args:
        pixels: RGB (H, W, 3), 0..255.

    Returns:
        The picture, of the same shape; where no paper is found, `pixels` itself.
    """
    gray = np.rint(pixels.mean(axis=2)).astype(np.uint8)
    light = _light(gray, histogram(gray))
    if light is None or not _is_paper(_divided(gray, light)):
        return pixels
    gain = cv2.resize(np.median(light) / light, gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(pixels * gain[..., None], dtype=np.float32)


def _light(gray: Gray, counts: Counts) -> npt.NDArray[np.float32] | None:
    """Returns the (64, 64) grey level of the paper over the page; None if it is white or too dark for paper."""
    level = 128 + int(counts[128:].argmax())
    return _fit_light(gray, level) if _DARKEST_PAPER <= level < WHITE else None


def _divided(gray: Gray, light: npt.NDArray[np.float32]) -> Gray:
    gain = cv2.resize(255 / (light * (1 - _PAPER_NOISE)), gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.multiply(gray, gain, dtype=cv2.CV_8U), dtype=np.uint8)  # rounds and clips


def _is_paper(white: Gray) -> bool:
    """Whether a whitened picture is mostly paper."""
    return bool((white == 255).mean() > _MIN_PAPER_SHARE)


def _fit_light(gray: Gray, level: int) -> npt.NDArray[np.float32]:
    """Returns the (64, 64) grey level of the paper over the page, fitted to the pixels that look like paper."""
    small = cv2.resize(gray, (_FIT_SIDE, _FIT_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    terms = _quadratic_terms(_FIT_SIDE)
    light, tolerance = np.full(small.shape, level, np.float32), 0.3
    for _ in range(6):  # the tolerance shrinks from "may be paper in uneven light" to "is paper"
        paper = np.abs(small - light) <= tolerance * light
        chosen = terms[paper]
        weights = np.linalg.lstsq(chosen.T @ chosen, chosen.T @ small[paper], rcond=None)[0]
        light = np.maximum(terms @ weights, 1)
        tolerance = max(_PAPER_NOISE, tolerance * 0.6)
    return light


def _quadratic_terms(side: int) -> npt.NDArray[np.float32]:
    """Returns (side, side, 6): 1, x, y, x², xy, y² with x and y in -1..1."""
    y, x = np.meshgrid(*[np.linspace(-1, 1, side, dtype=np.float32)] * 2, indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
