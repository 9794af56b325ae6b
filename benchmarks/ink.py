"""Measures how often lineart in coloured ink is taken for colour, and coloured pictures for lineart.

Draws the demo's portraits in inks and on papers of many colours, on transparency and on dark grounds. With two folders,
does the same with their pictures.

    python -m benchmarks.ink [LINEART COLOUR]
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.harness import print_result, print_table
from demo.drawings import COLOUR_SEEDS, LINEART_SEEDS
from demo.pictures import portrait
from imaging.clutter import is_clutter
from imaging.codec import decode
from imaging.colour import is_ink, measure_colour
from imaging.errors import ImageError
from imaging.ink import lineart_gray
from imaging.lineart import is_lines, normalize
from imaging.srgb import on_white

NUM_PORTRAITS, SIZE = 40, 320  # px
BAR = 0.95  # of the lineart in each ink, taken for lineart
LEAST_LIKENESS = 0.9  # correlation of the lines found with those drawn

Gray = np.ndarray  # (H, W) uint8
Pixels = np.ndarray  # (H, W, 3) or, with transparency, (H, W, 4) uint8
Colour = tuple[int, int, int]


def draw(gray: Gray, paper: Colour, ink: Colour) -> Pixels:
    """Draws lines in a colour on paper of a colour."""
    share = 1 - gray[..., None].astype(np.float32) / 255
    return np.rint((1 - share) * np.array(paper) + share * np.array(ink)).astype(np.uint8)


def over_pencil(gray: Gray, pencil: Colour) -> Pixels:
    """Draws in black over a blurred and displaced drawing in a colour."""
    height, width = gray.shape
    loose = cv2.warpAffine(gray, np.array([[1, 0.01, -3], [-0.01, 1, 4.0]]), (width, height), borderValue=(255.0,))
    below = draw(cv2.GaussianBlur(loose, (0, 0), 1.2), (255, 255, 255), pencil)
    return np.rint(below * (gray[..., None] / 255)).astype(np.uint8)


def photograph(pixels: Pixels) -> Pixels:
    """Adds warm light that falls to a half, and noise."""
    height, width = pixels.shape[:2]
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    light = (1 - 0.5 * (0.7 * across + 0.3 * down))[..., None] * np.array([0.95, 0.93, 0.86])
    noise = np.random.default_rng(0).normal(0, 3, (height, width, 1))
    return np.clip(pixels * light + noise, 0, 255).astype(np.uint8)


def layer(gray: Gray, ink: Colour) -> Pixels:
    """Draws lines in a colour on transparency."""
    return np.dstack([np.full((*gray.shape, 3), ink, np.uint8), 255 - gray])


def small_on_a_page(pixels: Pixels) -> Pixels:
    """Puts a picture, at a quarter of its size, on a white page."""
    height, width = pixels.shape[:2]
    page = np.full_like(pixels, 255)
    little = cv2.resize(pixels, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    page[height // 3 :, width // 3 :][: little.shape[0], : little.shape[1]] = little
    return page


WHITE, BLACK = (255, 255, 255), (0, 0, 0)
INKS: dict[str, Callable[[Gray], Pixels]] = {
    "black on white": partial(draw, paper=WHITE, ink=BLACK),
    "blue on white": partial(draw, paper=WHITE, ink=(32, 64, 220)),
    "red on white": partial(draw, paper=(252, 250, 246), ink=(214, 62, 52)),
    "light blue on white": partial(draw, paper=WHITE, ink=(120, 180, 232)),
    "yellow on white": partial(draw, paper=WHITE, ink=(240, 220, 60)),
    "sepia on cream": partial(draw, paper=(244, 232, 205), ink=(104, 62, 24)),
    "black on kraft paper": partial(draw, paper=(193, 154, 107), ink=(25, 20, 18)),
    "blue pencil under black": partial(over_pencil, pencil=(110, 160, 235)),
    "red pencil under black": partial(over_pencil, pencil=(235, 120, 110)),
    "blue, photographed": lambda gray: photograph(draw(gray, WHITE, (32, 64, 220))),
    "black on kraft, photographed": lambda gray: photograph(draw(gray, (193, 154, 107), (25, 20, 18))),
    "blueprint": partial(draw, paper=(30, 60, 140), ink=(235, 240, 250)),
    "white on black": partial(draw, paper=BLACK, ink=(245, 245, 245)),
    "chalk on a blackboard": partial(draw, paper=(40, 66, 56), ink=(225, 222, 205)),
    "black on transparency": partial(layer, ink=BLACK),
    "light blue on transparency": partial(layer, ink=(170, 210, 250)),
    "white on transparency": partial(layer, ink=WHITE),
}
COLOURS: dict[str, Callable[[Pixels], Pixels]] = {
    "colour": lambda pixels: pixels,
    "colour, small on a page": small_on_a_page,
    "colour, pale": lambda pixels: (0.4 * pixels + 153).astype(np.uint8),
}


def read(folder: str) -> Iterator[Pixels]:
    """Reads the pictures of a folder, RGB, and says which ones cannot be read."""
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and not is_clutter(str(path.relative_to(folder))):
            try:
                yield np.asarray(decode(path.read_bytes()))
            except (ImageError, OSError) as error:
                print(f"skipped {path}: {error}")


def is_lineart(pixels: Pixels) -> bool:
    """Whether the pipeline keeps a picture under a lineart tag."""
    page = np.asarray(on_white(Image.fromarray(pixels)))
    return measure_colour(page).is_grey or is_ink(page)


def was_lineart(pixels: Pixels) -> bool:
    """Whether a picture is lineart to a test that knows grey ones alone."""
    return measure_colour(on_white(Image.fromarray(pixels))).is_grey


def finds_lines(gray: Gray, drawn: Pixels) -> bool:
    """Whether the lines that are read from a drawing are those drawn."""
    found = normalize(lineart_gray(Image.fromarray(drawn))).image
    return bool(np.corrcoef(found.ravel(), gray.ravel())[0, 1] >= LEAST_LIKENESS)


def share(values: list[bool]) -> float:
    return float(np.mean(values)) if values else float("nan")


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def measure_inks(drawings: list[Gray]) -> dict[str, list[tuple[bool, bool, bool]]]:
    """Returns by ink and drawing whether it is taken for lineart before and now, and whether its lines are found."""
    found = {}
    for name, paint in INKS.items():
        drawn = [paint(gray) for gray in drawings]
        found[name] = [
            (was_lineart(pixels), is_lineart(pixels), finds_lines(gray, pixels))
            for gray, pixels in zip(drawings, drawn, strict=True)
        ]
    return found


def measure_colours(pictures: list[Pixels]) -> dict[str, tuple[float, float]]:
    """Returns for each kind of coloured picture the shares taken for lineart before and now."""
    return {
        name: (share([was_lineart(change(p)) for p in pictures]), share([is_lineart(change(p)) for p in pictures]))
        for name, change in COLOURS.items()
    }


def main() -> None:
    if len(sys.argv) not in (1, 3):
        sys.exit("give two folders, of lineart and of colour, or none")
    if len(sys.argv) == 3:
        drawings, pictures = [lineart_gray(Image.fromarray(p)) for p in read(sys.argv[1])], list(read(sys.argv[2]))
    else:
        drawings = [portrait(seed, "A", SIZE)[..., 0] for seed in LINEART_SEEDS[:NUM_PORTRAITS]]
        pictures = [portrait(seed, "B", SIZE) for seed in COLOUR_SEEDS[:NUM_PORTRAITS]]
    if not any(is_lines(gray) for gray in drawings) or not pictures:
        sys.exit("no drawings of lines, or no pictures in colour, to measure on")
    of_lines = np.array([is_lines(gray) for gray in drawings])
    inks = {name: np.array(found) for name, found in measure_inks(drawings).items()}
    colours = measure_colours(pictures)
    rows = [
        [name, *map(percent, [*found[:, :2].mean(axis=0), *found[of_lines, 1:].mean(axis=0)])]
        for name, found in inks.items()
    ]
    rows += [[name, percent(before), percent(now), "", ""] for name, (before, now) in colours.items()]
    print(f"{len(drawings)} drawings, {of_lines.sum()} of them without large dark areas; {len(pictures)} in colour")
    print_table(["taken for lineart", "by grey alone", "now", "now, of lines", "lines found"], rows)
    print_result(
        "ink",
        min(float(found[of_lines, 1].mean()) for found in inks.values()),
        BAR,
        holds=colours["colour"][1] <= colours["colour"][0],
        accepted={name: round(float(found[:, 1].mean()), 3) for name, found in inks.items()},
        lines_found={name: round(float(found[of_lines, 2].mean()), 3) for name, found in inks.items()},
        colour_taken_for_lineart={name: round(now, 3) for name, (_, now) in colours.items()},
    )


if __name__ == "__main__":
    main()
