"""Reads any drawing as dark lines on light paper: on transparency, in coloured ink, or light on a dark ground.

What is line and what is paper is decided by where ink lies, never by how bright it is: a transparent layer is covered
by its lines alone, white or yellow as they may be, and on a blackboard the paper is what is dark.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from imaging.colour import is_ink, measure_colour
from imaging.lineart import is_lines
from imaging.screentone import without_screentone
from imaging.srgb import in_srgb, on_white

Gray = npt.NDArray[np.uint8]
Pixels = npt.NDArray[np.uint8]

_SIDE = 256  # pixels a side of the copy on which all is decided
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_LEAST_INK = 0.3  # mean grey levels by which a page differs from its ground; with less, it has no colour of ink

_WIDEST_LINE = 9  # pixels of the copy: what is wider on a transparent layer is paper that was cut out
_OPAQUE_PAGE = 0.98  # share of opaque pixels; a page with more is a page, whatever is on it
_LINE_ON_PAPER = 25  # grey levels between the paper of a cut-out figure and the darkest line on it
_LEAST_CONTRAST = 0.2  # of the lines of a layer to white, 0..1; paler ones would vanish on it

_LIGHT_LINES = 4.0  # the ground is dark if the mean square above it is so many times that below it
_LEAST_LIGHT = 4.0  # mean square of what is lighter than the ground, levels²; with less, nothing is drawn
_LEAST_LINES = 4.0  # mean square distance of a page from its ground, levels²; with less, nothing is drawn on it
_DARK_GROUND = 4.0  # on a dark ground, the mean square above it is more than so many times that below it
_DARK_PAPER, _LIGHT_PAPER = 150, 235  # grey level: paper under the one, with dark lines on it, is brought to the other


@dataclass(frozen=True)
class Page:
    """A drawing as dark lines on light paper.

    Attributes:
        picture: RGB, on white: the drawing in its own colours, or `gray` where its lines were lighter than the paper.
        gray: (H, W) uint8, 255 for white paper, 0 for black lines; paper may be grey, as scanned. Without screentone.
        alpha: (H, W) uint8, the transparency of a figure that was cut out with its paper; None for an opaque drawing,
            and for a layer of lines, whose transparency is the paper.
    """

    picture: Image.Image
    gray: Gray
    alpha: Gray | None


def read_page(image: Image.Image) -> Page:
    """Reads a drawing of any mode and size.

    Raises:
        ImageError: `image` is 32-bit grey, whose white level is unknown.
    """
    page = _read(image)
    return replace(page, gray=without_screentone(page.gray))


def _read(image: Image.Image) -> Page:
    if image.mode not in ("RGB", "RGBA") or "transparency" in image.info:
        image = in_srgb(image)
    picture = on_white(image)
    gray = _ink_gray(np.asarray(picture))
    if image.mode == "RGB":
        return _dark_on_light(picture, gray, None)
    alpha = np.asarray(image.getchannel("A"))
    opaque = alpha > alpha.max() // 2
    if opaque.mean() >= _OPAQUE_PAGE:
        return _dark_on_light(picture, gray, alpha)
    if _has_paper(gray, opaque):
        return Page(picture, gray, alpha)
    if _contrast(gray, alpha) >= _LEAST_CONTRAST:
        return Page(picture, gray, None)
    covered = 255 - alpha
    return Page(Image.fromarray(covered).convert("RGB"), covered, None)


def lineart_gray(image: Image.Image) -> Gray:
    """Reads a drawing of any mode and size as grey lineart: (H, W) uint8, 255 for white paper, 0 for black lines.

    Raises:
        ImageError: `image` is 32-bit grey, whose white level is unknown.
    """
    return read_page(image).gray


def _ink_gray(pixels: Pixels) -> Gray:
    """Mixes the channels, (H, W, 3) to (H, W), by how much the ink darkens each: blue and yellow lines become dark."""
    small = _small(pixels).astype(np.float32).reshape(-1, 3)
    apart = np.abs(small - np.median(small, axis=0)).mean(axis=0)
    weights = apart / apart.sum() if apart.sum() > _LEAST_INK else _LUMA
    return np.asarray(cv2.transform(pixels, weights[None]), dtype=np.uint8)


def _dark_on_light(picture: Image.Image, gray: Gray, alpha: Gray | None) -> Page:
    """Inverts a page of light lines, which become dark grey on white; lightens brown paper in `gray`."""
    small = _small(gray)
    ground = float(np.median(small))
    above = small - np.float32(ground)
    light, dark = (float(np.square(part.clip(0)).mean()) for part in (above, -above))
    if light > max(_LEAST_LINES, _DARK_GROUND * dark) and ground < 255:
        levels = 255 - 255 * (np.arange(256) - ground).clip(0) / (255 - ground)
        if is_lines(_toned(small, levels)) and _is_drawing(np.asarray(picture)):  # and not a night scene
            inverted = _toned(gray, levels)
            return Page(Image.fromarray(inverted).convert("RGB"), inverted, alpha)
    if ground < _DARK_PAPER and dark > max(_LEAST_LINES, light):
        levels = np.arange(256) * (_LIGHT_PAPER / np.percentile(small, 90))
        if is_lines(_toned(small, levels)):
            gray = _toned(gray, levels)
    return Page(picture, gray, alpha)


def _toned(gray: Gray, levels: npt.NDArray[np.float64]) -> Gray:
    """Maps grey levels by a table (256,)."""
    return np.asarray(cv2.LUT(gray, np.rint(levels.clip(0, 255)).astype(np.uint8)), dtype=np.uint8)


def _is_drawing(pixels: Pixels) -> bool:
    return measure_colour(pixels).is_grey or is_ink(pixels)


def _has_paper(gray: Gray, opaque: npt.NDArray[np.bool_]) -> bool:
    """Whether the opaque part is a figure that was cut out with its paper, and not lines alone.

    Paper is light, wider than a line, of a larger area than all that is dark, and has something drawn on it.

    Args:
        gray: (H, W), the page on white.
        opaque: (H, W).
    """
    left, top, width, height = cv2.boundingRect(opaque.astype(np.uint8))
    if not width:
        return False
    inside = np.s_[top : top + height, left : left + width]
    covered = cv2.resize(opaque[inside].astype(np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) > 0.5
    small = cv2.resize(gray[inside], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_WIDEST_LINE, _WIDEST_LINE))
    wide = cv2.morphologyEx(covered.astype(np.uint8), cv2.MORPH_OPEN, element) > 0
    light = small > 127
    if (wide & light).sum() <= (covered & ~light).sum():
        return False
    return bool(np.median(small[wide & light]) - small[covered].min() > _LINE_ON_PAPER)


def _contrast(gray: Gray, alpha: Gray) -> float:
    """Returns the mean contrast, 0..1, to white of what lies on a transparent layer."""
    return float((255 - _small(gray).astype(np.float32)).sum() / max(1, _small(alpha).astype(np.float32).sum()))


def _small(pixels: Pixels) -> Pixels:
    scale = _SIDE / max(pixels.shape[:2])
    height, width = (max(1, round(side * min(1, scale))) for side in pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
