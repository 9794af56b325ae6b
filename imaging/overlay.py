"""Lays two pictures over each other, mirrored and shifted as fits best, and measures how alike they are."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from imaging.border import content_box
from imaging.line_hash import line_map

Map = npt.NDArray[np.float32]

MIN_LIKENESS = 0.93  # of the lines of two versions of a drawing
MIN_COPY_LIKENESS = 0.85  # of the lines of two copies, which are alike in their colours, too
MAX_RGB_DISTANCE, MAX_CELL_DISTANCE = 2.0, 18.0  # levels of 255, in the mean and at the worst place, of two copies

_READ, _SIDE = 256, 96  # sides to which a picture is shrunk to see its lines, and to compare it, px
_FINE, _COARSE = 1.2, 3.0  # px of blur, for the comparison and to find the place
_STEPS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-3)
_MIN_SCALE, _MAX_SCALE = 0.8, 1.25  # of the sides of the one in the frame of the other: more is no small crop
_RIM = 13  # px, twice the rim that is not compared: blurred there, the one has a border and the other goes on
_MIN_COMMON = 0.5  # share of the area


class _Frame(NamedTuple):
    """What is compared of a picture: all of it, or what is inside its borders; (96, 96) lines, (96, 96, 3) colours."""

    lines: Map
    colours: Map


@dataclass(frozen=True)
class Sketch:
    """A picture, small, for comparing.

    Attributes:
        frames: all of it, and what is inside its borders.
        content: share of its area that is inside its borders, 0..1.
    """

    frames: tuple[_Frame, _Frame]
    content: float

    @classmethod
    def of(cls, image: Image.Image | npt.NDArray[np.uint8]) -> "Sketch":
        """Makes the sketch of an RGB picture, or of its pixels, uint8 (H, W, 3)."""
        pixels: npt.NDArray[np.uint8] = np.asarray(image)
        left, top, right, bottom = content_box(pixels)
        inside = pixels[top:bottom, left:right]
        return cls((_frame(pixels), _frame(inside)), inside.size / pixels.size)


class Likeness(NamedTuple):
    """How alike two pictures are where they overlap.

    Attributes:
        lines: correlation of their lines, -1..1.
        rgb_distance: mean difference of their colours, in levels of 255.
        cell_distance: the same at the worst place, in the worst channel.
    """

    lines: float
    rgb_distance: float
    cell_distance: float

    @property
    def same_drawing(self) -> bool:
        """Whether both show one drawing, in whatever colours."""
        return self.lines >= MIN_LIKENESS

    @property
    def same_picture(self) -> bool:
        """Whether both show one drawing in the same colours."""
        alike = self.rgb_distance <= MAX_RGB_DISTANCE and self.cell_distance <= MAX_CELL_DISTANCE
        return self.lines >= MIN_COPY_LIKENESS and alike


UNLIKE = Likeness(-1.0, 255.0, 255.0)


def overlay(one: Sketch, other: Sketch) -> Likeness:
    """Finds the affine map between two pictures that share most of their area, and compares them there.

    The map is found by maximizing the correlation of the lines (Evangelidis and Psarakis, Parametric Image Alignment
    Using Enhanced Correlation Coefficient Maximization, 2008).
    """
    ours, theirs = max(_placements(one, other), key=lambda pair: _correlation(*(_blur(f.lines, _COARSE) for f in pair)))
    try:
        _, place = cv2.findTransformECC(
            ours.lines, theirs.lines, np.eye(2, 3, dtype=np.float32), cv2.MOTION_AFFINE, _STEPS
        )
    except cv2.error:  # it does not converge: these are different drawings
        return UNLIKE
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    lines, colours, inside = (
        np.asarray(cv2.warpAffine(each, place, (_SIDE, _SIDE), flags=flags), np.float32)
        for each in (theirs.lines, theirs.colours, np.ones((_SIDE, _SIDE), np.float32))
    )
    common = cv2.erode(inside, np.ones((_RIM, _RIM), np.uint8), borderValue=0) > 0.99
    scales = np.linalg.norm(place[:, :2], axis=0)
    if scales.min() < _MIN_SCALE or scales.max() > _MAX_SCALE or common.mean() < _MIN_COMMON:
        return UNLIKE
    # against the lightest and darkest neighbours, so that edges of large areas may lie a pixel apart
    around = np.ones((3, 3), np.uint8)
    lightest, darkest = cv2.dilate(ours.colours, around), cv2.erode(ours.colours, around)
    different = np.maximum(0, np.maximum(colours - lightest, darkest - colours))[common]
    return Likeness(_correlation(ours.lines[common], lines[common]), float(different.mean()), float(different.max()))


def _placements(one: Sketch, other: Sketch) -> list[tuple[_Frame, _Frame]]:
    straight = list(zip(one.frames, other.frames, strict=True))
    mirrored = [(ours, _Frame(*(np.ascontiguousarray(each[:, ::-1]) for each in theirs))) for ours, theirs in straight]
    return straight + mirrored


def _frame(pixels: npt.NDArray[np.uint8]) -> _Frame:
    lines = cv2.resize(line_map(pixels), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    small = cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return _Frame(_blur(np.sqrt(lines), _FINE), _blur(small, _COARSE))


def _blur(values: Map, sigma: float) -> Map:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma))


def _correlation(one: Map, other: Map) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum() + 1e-9))
