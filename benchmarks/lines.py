"""Measures how well lines are found in colour pictures whose lines are known, beside the closing that was used before.

    python -m benchmarks.lines [STYLE …]

Portraits of several artists are taken apart into flat colours and ink, and put together anew: with black, thin,
coloured or no outlines, with flat, cel or soft shading, before several backgrounds. Precision: the share of what was
drawn that lies within 1.5 px of a true line, at 256 px. Recall: the share of the true lines within 1.5 px of what was
drawn. Without outlines, the true lines are the borders of colours that differ. The ratio in the last line, of JSON, is
the least of precision and recall over all kinds of pictures, each divided by its bar. A sheet is left in build/lines.
"""

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.harness import alternate, print_result, print_table
from benchmarks.styles import CREDIT, STYLES, draw
from imaging.colour import to_lab
from imaging.line_style import LineStyle, measure_lines
from imaging.lineart import normalize
from imaging.lines import extract_lines
from imaging.sheet import grid
from imaging.watershed import spread

FOLDER = Path("build/lines")
SIZE, FINE = 256, 4  # px, and by how much finer pictures are put together
SEEDS = range(30_000, 30_008)
BAR_OUTLINED, BAR_BORDERS = 0.9, 0.8
_WITHIN = 1.5  # px
_DRAWN = 170  # grey level; darker is a line
_SOLID = 1 / 24  # of the side; wider ink is an area
_DIFFERENT = 12.0  # ΔE*ab between colours that have a border

Gray = np.ndarray  # (H, W) uint8
Mask = np.ndarray  # (H, W) bool
Pixels = np.ndarray  # (H, W, 3) float32 RGB in 0..1


@dataclass(frozen=True)
class Parts:
    """A portrait taken apart, at FINE times SIZE.

    Attributes:
        ink: shares of ink, (H, W) in 0..1, wide black areas left out.
        flats: colours under the ink, with black areas; background is white.
        figure: where the portrait is.
        lineart: (SIZE, SIZE) uint8, the drawing.
    """

    ink: np.ndarray
    flats: Pixels
    figure: Mask
    lineart: Gray


@dataclass(frozen=True)
class Known:
    """A picture whose lines are known.

    Attributes:
        colour: (SIZE, SIZE, 3) uint8.
        wanted: lines that should be drawn.
        allowed: places where lines may be drawn.
    """

    colour: np.ndarray
    wanted: Mask
    allowed: Mask


def take_apart(style: str, seed: int) -> Parts:
    lines, colour = draw(style, seed, SIZE * FINE)
    black = (lines < 128).view(np.uint8)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(SIZE * FINE * _SOLID) | 1,) * 2)
    wide = cv2.morphologyEx(black, cv2.MORPH_OPEN, element)
    solid = np.asarray(cv2.dilate(wide, np.ones((5, 5), np.uint8)), dtype=np.uint8)
    ink = (1 - lines.astype(np.float32) / 255) * (1 - solid)
    inked = np.asarray(cv2.dilate((lines < 250).view(np.uint8), np.ones((3, 3), np.uint8)), dtype=np.uint8)
    near = inked & ~(solid & black)
    numbers = np.arange(lines.size, dtype=np.int32).reshape(lines.shape)
    flats = colour.reshape(-1, 3)[spread(numbers, (near == 0))].astype(np.float32) / 255
    framed = cv2.copyMakeBorder(
        np.rint(255 * flats).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(255,) * 3
    )
    outside = np.zeros((framed.shape[0] + 2, framed.shape[1] + 2), np.uint8)
    cv2.floodFill(framed, outside, (0, 0), (0, 0, 0), (2,) * 3, (2,) * 3, 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8))
    return Parts(ink, flats, outside[2:-2, 2:-2] == 0, small(lines))


def small(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_AREA))


def flat(parts: Parts) -> Pixels:
    return parts.flats


def cel(parts: Parts) -> Pixels:
    """Darkens one side of the figure, with a hard edge."""
    down, across = np.indices(parts.ink.shape)
    dark = parts.figure & (across + 0.4 * down > 0.75 * SIZE * FINE)
    return np.where(dark[..., None], parts.flats * np.array([0.72, 0.66, 0.78], np.float32), parts.flats)


def soft(parts: Parts) -> Pixels:
    """Darkens the figure from one side to the other."""
    shade = np.linspace(1.0, 0.5, SIZE * FINE, dtype=np.float32)[None, :, None]
    return np.where(parts.figure[..., None], parts.flats * shade, parts.flats)


def white(_: np.random.Generator) -> Pixels:
    return np.ones((SIZE * FINE, SIZE * FINE, 3), np.float32)


def gradient(rng: np.random.Generator) -> Pixels:
    top, bottom = rng.uniform(0.35, 0.95, (2, 3)).astype(np.float32)
    along = np.linspace(0, 1, SIZE * FINE, dtype=np.float32)[:, None, None]
    return np.broadcast_to(top + along * (bottom - top), (SIZE * FINE, SIZE * FINE, 3)).copy()


def texture(rng: np.random.Generator) -> Pixels:
    """Draws paint or foliage: noise of several sizes."""
    shown = np.broadcast_to(rng.uniform(0.4, 0.8, 3), (SIZE * FINE, SIZE * FINE, 3)).astype(np.float32)
    for sigma, level in ((2, 0.05), (6, 0.07), (20, 0.08)):
        noise = cv2.GaussianBlur(rng.standard_normal((SIZE * FINE, SIZE * FINE, 1)).astype(np.float32), (0, 0), sigma)
        shown = shown + (level * noise / noise.std())[..., None]
    return np.clip(shown, 0, 1)


def scene(rng: np.random.Generator) -> Pixels:
    """Draws a wall with boxes and discs, without outlines."""
    page = gradient(rng)
    for _ in range(8):
        (x, y), colour = rng.integers(0, SIZE * FINE, 2).tolist(), rng.uniform(0.2, 0.95, 3).tolist()
        size = int(rng.integers(60, 260))
        if rng.random() < 0.5:
            cv2.rectangle(page, (x, y), (x + size, y + size), colour, -1)
        else:
            cv2.circle(page, (x, y), size // 2, colour, -1)
    return page


def black(parts: Parts, under: Pixels) -> Pixels:
    return under * (1 - parts.ink[..., None])


def thin(parts: Parts, under: Pixels) -> Pixels:
    """Draws outlines of one pixel."""
    return under * (1 - cv2.erode(parts.ink, np.ones((5, 5), np.uint8))[..., None])


def coloured(parts: Parts, under: Pixels) -> Pixels:
    """Draws each outline in a dark shade of the colour beside it."""
    shade = 0.5 * np.minimum(parts.flats, 0.85) * np.array([1.0, 0.8, 0.85], np.float32)
    return under * (1 - parts.ink[..., None]) + shade * parts.ink[..., None]


def absent(parts: Parts, under: Pixels) -> Pixels:
    return under


OUTLINES: dict[str, Callable[[Parts, Pixels], Pixels]] = {
    "black": black, "thin": thin, "coloured": coloured, "absent": absent
}  # fmt: skip
SHADINGS = {"flat": flat, "cel": cel, "soft": soft}
GROUNDS = {"white": white, "gradient": gradient, "texture": texture, "scene": scene}
CONDITIONS = (("flat", "white"), ("cel", "gradient"), ("soft", "texture"), ("cel", "scene"))


def put_together(parts: Parts, outline: str, shading: str, ground: str, seed: int) -> Known:
    behind = GROUNDS[ground](np.random.default_rng(seed))
    under = np.where(parts.figure[..., None], SHADINGS[shading](parts), behind)
    picture = small(OUTLINES[outline](parts, under))
    flats = np.where(parts.figure[..., None], parts.flats, behind)
    visible = borders(flats)
    strokes = small(parts.ink) > 0.4
    solid = dilated((parts.lineart < 128) & ~dilated(strokes, 1), 2)
    ground_lines = (
        ~dilated(small(parts.figure.astype(np.float32)) > 0, 2) if ground == "scene" else np.zeros_like(solid)
    )
    drawn = strokes | (visible & ~ground_lines) if outline != "absent" else visible & ~ground_lines
    # a visible outline is wanted wherever it is; in black areas nothing is asked
    wanted = (strokes if outline != "absent" else drawn) & ~solid
    return Known(np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8), wanted, drawn | strokes | solid | ground_lines)


def borders(flats: Pixels) -> Mask:
    """Finds where colours meet that differ: (SIZE, SIZE)."""
    lab = to_lab(np.rint(255 * flats).astype(np.uint8))
    found = np.zeros(lab.shape[:2], np.float32)
    found[1:] = np.linalg.norm(lab[1:] - lab[:-1], axis=2) > _DIFFERENT
    found[:, 1:] = np.maximum(found[:, 1:], np.linalg.norm(lab[:, 1:] - lab[:, :-1], axis=2) > _DIFFERENT)
    return np.asarray(small(found) > 0)


def dilated(mask: Mask, radius: float) -> Mask:
    """Grows a mask by a radius, px."""
    return np.asarray(cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= radius)


def measure(known: Known, lines: Gray) -> tuple[float, float]:
    """Returns precision and recall."""
    drawn = lines < _DRAWN
    precision = float(dilated(known.allowed, _WITHIN)[drawn].mean()) if drawn.any() else 0.0
    return precision, float(dilated(drawn, _WITHIN)[known.wanted].mean())


def closing(colour: np.ndarray) -> Gray:
    """Extracts lines as it was done before: by a morphological closing of the lightest channel."""
    value = colour.max(2).astype(np.float32)
    side = max(3, round(min(value.shape) / 11) | 1)
    fill = cv2.morphologyEx(value, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return np.rint(255 * np.clip(((value + 16) / (fill + 16) - 0.2) / 0.6, 0, 1)).astype(np.uint8)


def darkness(drawings: Sequence[Gray]) -> float:
    """Returns the median darkness, 0..1, of the middles of lines."""
    crests = [gray[(gray < 230) & (gray <= cv2.erode(gray, np.ones((3, 3), np.uint8)))] for gray in drawings]
    return 1 - float(np.median(np.concatenate(crests))) / 255


def mean_of(known: Sequence[Known], drawn: Sequence[Gray]) -> list[float]:
    """Returns mean precision and recall."""
    measured = [measure(each, lines) for each, lines in zip(known, drawn, strict=True)]
    return [float(value) for value in np.mean(measured, axis=0)]


def pictures(parts: Sequence[Parts]) -> Iterator[tuple[str, list[Known]]]:
    """Yields each kind of picture, with one of each portrait."""
    for outline, (shading, ground) in itertools.product(OUTLINES, CONDITIONS):
        known = [put_together(each, outline, shading, ground, number) for number, each in enumerate(parts)]
        yield f"{outline}, {shading}, {ground}", known


def speed(style: LineStyle, known: Known) -> dict[str, float]:
    """Returns milliseconds for a picture, by way and side."""
    large = np.asarray(cv2.resize(known.colour, (512, 512), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    sides: dict[str, Callable[[], object]] = {
        "256 px": lambda: extract_lines(known.colour, style),
        "512 px": lambda: extract_lines(large, style),
        "256 px, closing": lambda: closing(known.colour),
        "512 px, closing": lambda: closing(large),
    }
    return {name: round(1000 * seconds, 1) for name, seconds in alternate(sides, 15).items()}


def main(styles: Sequence[str]) -> None:
    cv2.setNumThreads(1)
    rows, worst, figures, shown = [], [], {}, []
    for style in styles:
        parts = [take_apart(style, seed) for seed in SEEDS]
        lineart = [normalize(each.lineart).image for each in parts]
        like = measure_lines(lineart)
        for kind, known in pictures(parts):
            ours, before = (
                [extract_lines(each.colour, like) for each in known],
                [closing(each.colour) for each in known],
            )
            values, old = mean_of(known, ours), mean_of(known, before)
            toned = [normalize(lines).image for lines in ours]
            wide, dark = measure_lines(toned).width / like.width, darkness(toned) / darkness(lineart)
            name = f"{style}, {kind}"
            worst.append(min(values) / (BAR_BORDERS if kind.startswith("absent") else BAR_OUTLINED))
            figures[name] = [round(value, 3) for value in values]
            rows.append([name, *(f"{value:.3f}" for value in (*values, *old)), f"{wide:.2f}", f"{dark:.2f}"])
            wanted = np.where(known[0].wanted, 0, 255).astype(np.uint8)
            shown.append([Image.fromarray(each) for each in (known[0].colour, ours[0], before[0], wanted)])
        times = speed(like, known[0])
    print_table(["picture", "precision", "recall", "by closing", "recall", "width / A", "darkness / A"], rows)
    FOLDER.mkdir(parents=True, exist_ok=True)
    grid(shown, captions=["picture", "lines", "by closing", "wanted"], tile=SIZE, gap=4).save(FOLDER / "lines.png")
    print(f"sheet: {FOLDER / 'lines.png'} ({CREDIT})")
    print_result("lines", min(worst), 1.0, milliseconds=times, precision_recall=figures)


if __name__ == "__main__":
    main(sys.argv[1:] or STYLES)
