"""Measures how a drawing is divided into segments: what leaks through cut lines, and what a painter's map mends.

    python -m benchmarks.segments [STYLE …]

The lines of portraits whose colours are known are cut at six places between areas of different colours. The first table
has the share of paper that is joined with an area of another colour, geometry alone, against trapped-ball filling as in
LineFiller. The second has the share of paper in a colour that is plainly another one than the artist's (more than 20
ΔE), with the picture's own palette, with and without cutting open outlines by the painter's map; the painters are those
of benchmarks.flats. The ratio in the last line, of JSON, is trapped-ball filling's time at 2048 px by ours.
"""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from PIL import Image

from benchmarks import trapped_ball
from benchmarks.flats import trained
from benchmarks.harness import print_result, print_table
from benchmarks.styles import STYLES, draw
from cyclegan.painting.guide import Guide
from demo.drawings import HELD_OUT_SEEDS, Drawing
from imaging.codec import decode
from imaging.colour import to_lab
from imaging.lineart import normalize
from imaging.segments import find_segments

SIZE, NUM_DRAWINGS, NUM_CUTS = 256, 24, 6
GAPS = 0, 1, 2, 4, 6, 8, 12  # px
LARGE, LARGEST = (2048, 2048), (8000, 6000)  # px, height and width
FASTEST, FASTEST_LARGEST = 0.7, 8.0  # s
_PAPER = 250
_DARK = 200
_APART = 20.0  # ΔE*ab
_MARGIN = 12  # px from the edge of the picture in which no line is cut
_REACH = 6  # px around a place, in which a line's direction is seen


def cut_lines(lines: np.ndarray, truth: np.ndarray, gap: int, seed: int) -> np.ndarray:
    """Cuts lines between areas of different colours.

    Args:
        lines: (H, W) uint8.
        truth: (H, W, 3) uint8, its colours.
        gap: px, width of a cut.
        seed: decides where.
    """
    found = lines.copy()
    if not gap:
        return found
    lab, dark = to_lab(truth), lines < _DARK
    depth = cv2.distanceTransform(dark.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    middles = (depth > 0) & (depth <= 4) & (depth >= cv2.dilate(depth, np.ones((3, 3))) - 1e-3)
    middles[:_MARGIN] = middles[-_MARGIN:] = middles[:, :_MARGIN] = middles[:, -_MARGIN:] = False
    places = np.argwhere(middles)
    left = NUM_CUTS
    for y, x in np.random.default_rng(seed).permutation(places):
        near = np.argwhere(dark[y - _REACH : y + _REACH + 1, x - _REACH : x + _REACH + 1]) - _REACH
        if len(near) < 2 * _REACH:
            continue
        spreads, directions = np.linalg.eigh(np.cov(near.T))
        if spreads[1] < 6 * spreads[0]:  # a corner or a blot
            continue
        across = directions[:, 0] * (depth[y, x] + 3)
        one, other = (tuple(np.rint((y, x) + side * across).astype(int)) for side in (-1, 1))
        if min(lines[one], lines[other]) < _PAPER or np.linalg.norm(lab[one] - lab[other]) < _APART:
            continue
        offsets = np.moveaxis(np.indices(lines.shape), 0, 2) - (y, x)
        on_line = np.abs(offsets @ directions[:, 0]) <= depth[y, x] + 2.5
        found[on_line & (np.abs(offsets @ directions[:, 1]) <= gap / 2)] = 255
        if not (left := left - 1):
            break
    return found


def joined_wrongly(labels: np.ndarray, lines: np.ndarray, truth: np.ndarray) -> float:
    """Returns the share of paper that is in an area which is mostly of another colour."""
    paper = lines >= _PAPER
    colours = truth[paper].astype(np.int64) @ [1 << 16, 1 << 8, 1]
    _, numbers = np.unique(colours, return_inverse=True)
    counts = np.zeros((int(labels.max()) + 1, int(numbers.max()) + 1), np.int64)
    np.add.at(counts, (labels[paper], numbers), 1)
    return float(1 - counts.max(1).sum() / counts.sum())


def leaks(styles: Sequence[str]) -> list[list[str]]:
    """Returns the rows of the first table."""
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "segments": lambda gray: find_segments(gray).labels,
        "trapped ball": trapped_ball.divide,
    }
    rows = []
    for style in styles:
        drawn = [(seed, *draw(style, seed, SIZE)) for seed in HELD_OUT_SEEDS[:NUM_DRAWINGS]]
        cut = {gap: [cut_lines(lines, truth, gap, seed) for seed, lines, truth in drawn] for gap in GAPS}
        for name, way in ways.items():
            means = []
            for gap in GAPS:
                pairs = zip(cut[gap], drawn, strict=True)
                means.append(np.mean([joined_wrongly(way(each), lines, truth) for each, (_, lines, truth) in pairs]))
            rows.append([style, name, *(f"{100 * mean:.1f}" for mean in means)])
    return rows


def mended(styles: Sequence[str]) -> tuple[list[list[str]], float]:
    """Returns the rows of the second table, and the largest share that the map adds where no line is cut."""
    rows, worst = [], 0.0
    for style in styles:
        colorizer = trained(style)
        wrong: dict[str, list[float]] = {"closed by geometry": [], "and cut by the map": []}
        for gap in GAPS:
            each: dict[str, list[float]] = {name: [] for name in wrong}
            for seed in HELD_OUT_SEEDS[:NUM_DRAWINGS]:
                lines, truth = draw(style, seed, SIZE)
                read = colorizer.read(Image.fromarray(cut_lines(lines, truth, gap, seed)))
                uncut = replace(read, segments=find_segments(read.gray))
                guide = Guide(colorizer.palette_of(Image.fromarray(truth)))
                for name, one in zip(wrong, (uncut, read), strict=True):
                    flats, paper = one.layered(guide).flats, lines >= _PAPER
                    apart = np.linalg.norm(to_lab(flats)[paper] - to_lab(truth)[paper], axis=1)
                    each[name].append(float((apart > _APART).mean()))
            for name in wrong:
                wrong[name].append(float(np.mean(each[name])))
        rows += [[style, name, *(f"{100 * share:.1f}" for share in shares)] for name, shares in wrong.items()]
        before, after = (shares[0] for shares in wrong.values())
        worst = max(worst, after - before)
    return rows, worst


def seconds(gray: np.ndarray, way: Callable[[np.ndarray], object], rounds: int) -> float:
    """Returns the least time of several."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        way(gray)
        found.append(time.perf_counter() - start)
    return min(found)


def largest() -> tuple[float, int]:
    """Returns the seconds and MiB of memory, besides the drawing, that the largest drawing takes."""
    gray = cv2.resize(_portrait(LARGE[0]), LARGEST[::-1], interpolation=cv2.INTER_LINEAR)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken = seconds(gray, find_segments, 2)
    return taken, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024


def _portrait(side: int) -> np.ndarray:
    return normalize(np.asarray(decode(Drawing(HELD_OUT_SEEDS[0]).render("A", side)).convert("L"))).image


def main(styles: Sequence[str]) -> None:
    cv2.setNumThreads(2)
    most, memory = largest()
    large = _portrait(LARGE[0])
    ours, theirs = seconds(large, find_segments, 5), seconds(large, trapped_ball.divide, 1)
    print("share of paper joined with another colour, %, by the width of cuts in px")
    print_table(["style", "way", *map(str, GAPS)], leaks(styles))
    print("share of paper in a plainly wrong colour, own palette, %, by the width of cuts in px")
    rows, worse = mended(styles)
    print_table(["style", "way", *map(str, GAPS)], rows)
    print(f"{LARGE[1]} x {LARGE[0]}: segments {ours:.2f} s, trapped ball {theirs:.1f} s")
    print(f"{LARGEST[1]} x {LARGEST[0]}: segments {most:.1f} s, {memory} MiB besides the drawing")
    holds = ours <= FASTEST and most <= FASTEST_LARGEST and worse <= 0.001
    figures = {"seconds": round(ours, 2), "seconds_largest": round(most, 1), "mib_largest": memory}
    print_result("segments", theirs / ours, 1.0, holds=holds, worse_closed=round(worse, 4), **figures)


if __name__ == "__main__":
    main(sys.argv[1:] or STYLES)
