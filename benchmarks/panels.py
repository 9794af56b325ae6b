"""Measures how strips and pages of panels are coloured, against the same panels one by one.

    python -m benchmarks.panels [CHECKPOINT]

The panels are portraits whose colours are known: what is white there is paper, the rest is inside. Counted are the
shares of both that get a colour, as the page is served and as it would be seen as one drawing. The painter is that of
benchmarks.flats, unless a checkpoint is given. The ratio in the last line, of JSON, is the share of the insides that is
coloured in the layout where it is least, divided by that one by one.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
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
from imaging.ink import read_page
from imaging.lineart import normalize
from imaging.panels import find_panels
from imaging.sheet import grid

Pixels = npt.NDArray[np.uint8]
Layout = Callable[[Sequence[Pixels]], Pixels]

SIDE, NUM_PANELS, NUM_SINGLE = 320, 12, 60
FOLDER = Path("build/panels")
BAR, MAX_PAPER, MAX_CUT = 0.95, 0.05, 0.02
_INK, _PAPER, _COLOURED = 250, 250, 12  # grey levels; a colour is this far from the drawing in some channel


def strip(panels: Sequence[Pixels]) -> Pixels:
    """Lays panels (h, w, 3) under each other."""
    return np.concatenate(panels)


def banner(panels: Sequence[Pixels]) -> Pixels:
    """Lays panels (h, w, 3) beside each other."""
    return np.concatenate(panels, 1)


def page(panels: Sequence[Pixels], gutter: int = 14, frame: int = 4, around: int = 255) -> Pixels:
    """Lays panels (h, w, 3) in rows of three, each in a black frame, with gutters of the grey level `around`."""
    framed = [edged(panel, frame, frame, 0) for panel in panels]
    spaced = [edged(panel, gutter // 2, gutter // 2, around) for panel in framed]
    rows = [np.concatenate(spaced[first : first + 3], 1) for first in range(0, len(spaced), 3)]
    return edged(np.concatenate(rows), gutter, gutter, around)


def edged(panel: Pixels, above: int, beside: int, level: int) -> Pixels:
    """Adds an edge of one grey level around a panel (h, w, 3); `above` is also below."""
    return np.pad(panel, ((above, above), (beside, beside), (0, 0)), constant_values=level)


LAYOUTS: dict[str, Layout] = {
    "strip of 12": strip,
    "banner of 12": banner,
    "page of 12, framed": page,
    "page of 12, frames that touch": partial(page, gutter=0, frame=2),
    "page of 12, without frames": partial(page, frame=0, gutter=28),
    "page of 12, black gutters": partial(page, frame=0, around=0),
    "strip of 12, black gutters": lambda panels: strip([edged(each, 8, 0, 0) for each in panels]),
}


def scanned(drawing: Pixels) -> Pixels:
    """Returns a drawing on grey paper, with noise, leaning by half a degree."""
    height, width = drawing.shape[:2]
    lean = cv2.getRotationMatrix2D((width / 2, height / 2), 0.5, 1)
    leaning = cv2.warpAffine(drawing, lean, (width, height), borderValue=(255, 255, 255), flags=cv2.INTER_LINEAR)
    noise = np.random.default_rng(0).normal(0, 3, drawing.shape[:2])[..., None]
    return np.clip(leaning * 0.92 + noise, 0, 255).astype(np.uint8)


def shares(drawing: Pixels, truth: Pixels, coloured: Pixels) -> tuple[float, float]:
    """Returns the shares, 0..1, of the insides and of the paper that are coloured; all pictures are (h, w, 3)."""
    free = drawing.min(axis=2) >= _INK
    inside = truth.min(axis=2) < _PAPER
    changed = np.abs(coloured.astype(np.int16) - drawing).max(axis=2) > _COLOURED
    return float(changed[free & inside].mean()), float(changed[free & ~inside].mean())


@contextmanager
def as_one_drawing() -> Iterator[None]:
    """Lets the painter see each page whole."""
    whole = lambda gray: [(0, 0, gray.shape[1], gray.shape[0])]  # noqa: E731
    with patch("cyclegan.painting.colorizer.find_panels", whole):
        yield


def coloured(colorizer: Colorizer, drawing: Pixels) -> Pixels:
    return np.asarray(colorizer(Image.fromarray(drawing)))


def number_of_panels(drawing: Pixels) -> int:
    return len(find_panels(normalize(read_page(Image.fromarray(drawing)).gray).image))


def main(checkpoints: Sequence[str]) -> None:
    cv2.setNumThreads(2)
    colorizer = Colorizer.load(checkpoints[0], weights="ema") if checkpoints else trained("adventurer")
    seeds = list(HELD_OUT_SEEDS)[:NUM_PANELS]
    drawn, true = ([portrait(seed, domain, SIDE) for seed in seeds] for domain in ("A", "B"))
    single = np.mean([shares(a, b, coloured(colorizer, a)) for a, b in zip(drawn, true, strict=True)], axis=0)
    rows, least, most, tiles = [["one by one", "", "", *(f"{each:.1%}" for each in single)]], 1.0, 0.0, []
    for name, lay in LAYOUTS.items():
        drawing, truth = lay(drawn), lay(true)
        served = coloured(colorizer, drawing)
        inside, paper = shares(drawing, truth, served)
        with as_one_drawing():
            before = shares(drawing, truth, coloured(colorizer, drawing))
        found = number_of_panels(drawing), number_of_panels(scanned(drawing))
        cells = [f"{each:.1%}" for each in (inside, paper, *before)]
        rows.append([name, *map(str, found), *cells])
        least, most = min(least, inside / single[0]), max(most, paper)
        tiles.append([Image.fromarray(drawing), Image.fromarray(served)])
    print_table(["layout", "panels", "scanned", "inside", "paper", "inside, as one", "paper, as one"],
                [row + [""] * (7 - len(row)) for row in rows])  # fmt: skip
    cut = float(np.mean([number_of_panels(portrait(seed, "A", SIDE)) > 1 for seed in range(4000, 4000 + NUM_SINGLE)]))
    print(f"\nsingle portraits that are cut: {cut:.1%}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    grid(tiles, captions=["drawing", "coloured"], tile=900, gap=4).save(FOLDER / "pages.png")
    holds = bool(most <= single[1] + MAX_PAPER and cut <= MAX_CUT)
    print_result(
        "panels",
        float(least),
        BAR,
        holds=holds,
        paper=round(float(most), 4),
        one_by_one=single.round(4).tolist(),
        cut=cut,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
