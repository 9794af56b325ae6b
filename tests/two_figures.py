"""Draws two figures whose segments, classes and palettes are known, and reads them as a painter would."""

from collections.abc import Sequence

import cv2
import numpy as np

from cyclegan.painting.drawing import ReadDrawing, read_drawing
from cyclegan.painting.memory import Memory, describe

HEIGHT, WIDTH = 240, 400
SKIN, HAIR, COAT = 1, 2, 3  # classes
FIGURES = 20, 230  # px, left edges
WIDE = 140  # px, of a figure
# of the left figure, as shares: hair in two strands, face, coat, and the paper around
STRAND, OTHER_STRAND, FACE, CLOTHES = (0.12, 0.18), (0.32, 0.18), (0.22, 0.45), (0.22, 0.75)
SECOND_STRAND = (0.12 + (FIGURES[1] - FIGURES[0]) / WIDTH, 0.18)  # of the right figure
PAPER = (0.02, 0.5)


def boxes(left: int) -> list[tuple[int, int, int, int, int]]:
    """Left, top, right, bottom (px) and class of a figure's boxes; the right one has longer hair."""
    middle, right, chin = left + WIDE // 2, left + WIDE, 80 if left == FIGURES[0] else 120
    return [
        (left, 20, middle, chin, HAIR),
        (middle, 20, right, chin, HAIR),
        (left, chin, right, 150, SKIN),
        (left, 150, right, 220, COAT),
    ]


def page(figures: Sequence[int] = FIGURES) -> np.ndarray:
    """(HEIGHT, WIDTH, 3) uint8."""
    drawn = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for figure in figures:
        for left, top, right, bottom, _ in boxes(figure):
            cv2.rectangle(drawn, (left, top), (right, bottom), (0, 0, 0), 3)
    return drawn


def regions(figures: Sequence[int] = FIGURES) -> np.ndarray:
    """The region map at a fourth of the size, (4, h, w) float32."""
    classes = np.zeros((HEIGHT, WIDTH), int)
    for figure in figures:
        for left, top, right, bottom, name in boxes(figure):
            classes[top:bottom, left:right] = name
    return np.moveaxis(np.eye(4, dtype=np.float32)[classes[::4, ::4]], 2, 0)


def memory() -> Memory:
    """Palettes in which the coat is as dark as the hair is light."""
    rng = np.random.default_rng(0)
    hair = rng.uniform(0.1, 0.9, (40, 1, 3))
    palettes = np.concatenate([np.ones((40, 1, 3)), rng.uniform(0.6, 0.8, (40, 1, 3)), hair, 1 - hair], 1)
    key = describe(regions(), page()[::4, ::4, 0])
    return Memory(palettes.astype(np.float32), np.full((40, 4), 0.25, np.float32), np.tile(key, (40, 1)))


def read(figures: Sequence[int] = FIGURES) -> ReadDrawing:
    """The drawing, read by a painter with palettes."""
    lines = page(figures)
    return read_drawing(lines, None, lines[..., 0], lines[::4, ::4, 0], regions(figures), memory())


def read_without_palettes() -> ReadDrawing:
    """The drawing, read by a painter that paints hair brown, skin pink and coats blue."""
    lines = page()
    colours = np.array([(1, 1, 1), (0.9, 0.7, 0.7), (0.4, 0.2, 0.1), (0.1, 0.2, 0.7)], np.float32)
    painting = np.einsum("khw,kc->chw", regions(), colours)
    return read_drawing(lines, None, lines[..., 0], lines[::4, ::4, 0], painting, None)
