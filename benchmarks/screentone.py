"""Measures how drawings are coloured that have screentone on parts of them, against the same without it.

    python -m benchmarks.screentone [CHECKPOINT]

Tones of dots, of several pitches, angles and greys, are laid over one large area of each of some portraits. Counted are
the segments for each one of the drawing without tone, the share of pixels between dots that get another colour than
without tone, and what is taken off drawings without one. The painter is that of benchmarks.flats, unless a checkpoint
is given. The ratio in the last line, of JSON, is the share that is coloured alike, where it is least.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.flats import trained
from benchmarks.harness import print_result, print_table
from cyclegan.painting.colorizer import Colorizer
from demo.drawings import HELD_OUT_SEEDS
from demo.pictures import portrait
from imaging.colour import to_lab
from imaging.ink import read_page
from imaging.screentone import without_screentone
from imaging.segments import find_segments
from imaging.sheet import grid

Pixels = npt.NDArray[np.uint8]

SIDE, NUM_DRAWINGS, NUM_SHOWN = 512, 4, 2
FOLDER = Path("build/screentone")
PITCHES, ANGLES, GREYS = (6, 9, 14), (0, 45, 15), (0.1, 0.25, 0.4)  # px; degrees; share of ink
BAR, MAX_BROKEN = 0.95, 1.1
_PAPER, _SAME, _OVERSAMPLED = 250, 5.0, 4


def dots(shape: tuple[int, int], pitch: float, angle: float, grey: float) -> Pixels:
    """Draws a tone, (H, W) uint8: black dots with soft edges on white.

    Args:
        shape: height and width, px.
        pitch: distance of the dots, px.
        angle: of their rows, degrees.
        grey: share of ink, up to 0.7.
    """
    down, across = np.indices([side * _OVERSAMPLED for side in shape], dtype=np.float32) / _OVERSAMPLED
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    offsets = [(along / pitch) % 1 - 0.5 for along in (across * cosine + down * sine, down * cosine - across * sine)]
    ink = np.hypot(*offsets) < np.sqrt(grey / np.pi)
    fine = np.where(ink, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(fine, shape[::-1], interpolation=cv2.INTER_AREA), dtype=np.uint8)


def largest_area(drawing: Pixels, truth: Pixels) -> npt.NDArray[np.bool_]:
    """Returns the largest segment that is not paper, (H, W), of a drawing (H, W, 3) whose colours are known."""
    labels = find_segments(drawing[..., 0]).labels
    inside = truth.min(axis=2) < _PAPER
    return np.asarray(labels == np.bincount(labels[inside]).argmax())


@contextmanager
def as_before() -> Iterator[None]:
    """Leaves the tone where it is."""
    with patch("imaging.ink.without_screentone", lambda gray: gray):
        yield


def measure(colorizer: Colorizer, toned: Pixels, plain: Pixels, plain_colours: Pixels) -> tuple[Pixels, float, float]:
    """Returns a toned drawing in colour, its segments for each of the plain one, and the share coloured alike."""
    read = colorizer.read(Image.fromarray(toned))
    coloured = np.asarray(colorizer(Image.fromarray(toned)))
    free = (toned.min(axis=2) >= _PAPER) & (plain.min(axis=2) >= _PAPER)
    alike = np.linalg.norm(to_lab(coloured)[free] - to_lab(plain_colours)[free], axis=1) < _SAME
    number = find_segments(read_page(Image.fromarray(plain)).gray).count
    return coloured, read.segments.count / number, float(alike.mean())


def main(checkpoints: Sequence[str]) -> None:
    cv2.setNumThreads(2)
    colorizer = Colorizer.load(checkpoints[0], weights="ema") if checkpoints else trained("adventurer")
    seeds = list(HELD_OUT_SEEDS)[:NUM_DRAWINGS]
    drawn, true = ([portrait(seed, domain, SIDE) for seed in seeds] for domain in ("A", "B"))
    plain = [np.asarray(colorizer(Image.fromarray(each))) for each in drawn]
    areas = [largest_area(*pair) for pair in zip(drawn, true, strict=True)]
    rows, least, most, tiles = [], 1.0, 0.0, []
    for pitch, angle in zip(PITCHES, ANGLES, strict=True):
        for grey in GREYS:
            tone = dots((SIDE, SIDE), pitch, angle, grey)
            found = []
            for number, (drawing, colours, area) in enumerate(zip(drawn, plain, areas, strict=True)):
                toned = np.where(area[..., None], np.minimum(drawing, tone[..., None]), drawing)
                now = measure(colorizer, toned, drawing, colours)
                with as_before():
                    before = measure(colorizer, toned, drawing, colours)
                found.append((*now[1:], *before[1:]))
                if number < NUM_SHOWN and grey == GREYS[1]:
                    tiles.append([Image.fromarray(each) for each in (toned, before[0], now[0], colours)])
            segments, alike, segments_before, alike_before = np.mean(found, axis=0)
            cells = [f"{segments:.2f}", f"{alike:.1%}", f"{segments_before:.2f}", f"{alike_before:.1%}"]
            rows.append([f"every {pitch} px, {angle}°, {grey:.0%} grey", *cells])
            least, most = min(least, float(alike)), max(most, float(segments))
    print_table(["tone", "segments", "coloured alike", "segments, as seen before", "alike, as seen before"], rows)
    grays = [read_page(Image.fromarray(each)).gray for each in drawn]
    start = time.perf_counter()
    changed = sum(without_screentone(gray) is not gray for gray in grays)
    milliseconds = (time.perf_counter() - start) / len(grays) * 1000
    print(f"\n{milliseconds:.1f} ms a drawing; changed without a tone: {changed} of {len(grays)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    grid(tiles, captions=["toned", "as seen before", "coloured", "without tone"], tile=360, gap=4).save(
        FOLDER / "tones.png"
    )
    holds = most <= MAX_BROKEN and not changed
    print_result("screentone", least, BAR, holds=holds, segments=round(most, 3), milliseconds=round(milliseconds, 2))


if __name__ == "__main__":
    main(sys.argv[1:])
