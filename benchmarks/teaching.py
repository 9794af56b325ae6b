"""Measures which colour pictures are left out of a dataset because they teach little, and how pages are cut.

    python -m benchmarks.teaching [FOLDER …]

Portraits of several artists must stay, and be one picture each. Found must be: the same darkened until nobody sees
their colours; pages of text in many sizes and colours, half of them with a portrait in a corner; the panels of pages
that are laid out of portraits before grounds, with white, black and cream gutters, with and without frames. Of folders,
it says which pictures would be left out or cut, by name. Beside it, how the width of outlines tells at which scale
pictures show things. The ratio in the last line, of JSON, is the least recall of dark pictures and of text, divided by
its bar; no portrait may be lost, and no cut be wrong.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.grounds import compose
from benchmarks.harness import alternate, print_result, print_table
from benchmarks.lines import take_apart
from benchmarks.styles import STYLES, draw
from imaging.border import Box
from imaging.codec import decode
from imaging.colour_panels import find_colour_panels
from imaging.ground import find_ground
from imaging.lineart import normalize
from imaging.pseudo_pair import measure_drawings
from imaging.scale import measure_scale
from imaging.sheet import grid
from imaging.teaching import DARK, TEXT, light_share, text_share, why_not

FOLDER = Path("build/teaching")
SIDE, NUM = 384, 60
SEEDS = range(31_000, 31_000 + NUM)
BAR = 0.95
GUTTERS = {"white": (255, 255, 255), "black": (0, 0, 0), "cream": (245, 238, 220)}
_PAGE = 1000, 1400  # px
_SAME = 0.9  # intersection over union of a panel and what was found of it
_WORDS = "a the of and cat hat witch forest magic potion lamp window story garden little yesterday somebody".split()
_SMALL = 0.5  # share of a picture that its figure fills

Pixels = np.ndarray  # (H, W, 3) uint8


def page_of_text(number: int, picture: Pixels) -> Pixels:
    """Writes a page of text; on every other one there is a picture, too."""
    rng = np.random.default_rng(number)
    ground = rng.integers(0, 256, 3)
    ink = rng.integers(0, 70, 3) if ground.mean() > 127 else rng.integers(190, 256, 3)
    page = Image.new("RGB", (int(rng.integers(500, 900)), int(rng.integers(600, 1200))), tuple(map(int, ground)))
    if number % 2:
        page.paste(Image.fromarray(picture).resize((page.width // 3,) * 2), (20, 20))
    font = ImageFont.load_default(int(rng.integers(14, 40)))
    drawing, spacing = ImageDraw.Draw(page), rng.uniform(1.15, 1.5)
    top = 40 + (number % 2) * page.width // 3
    for place in range(top, page.height - 40, round(font.size * spacing)):  # type: ignore[union-attr]
        line = ""
        while drawing.textlength(line, font) < page.width - 160:
            line += " " + str(rng.choice(_WORDS))
        drawing.text((40, place), line.strip(), tuple(map(int, ink)), font)
    return np.asarray(page)


def page_of_panels(
    number: int, gutter_colour: tuple[int, int, int], pictures: Sequence[Pixels]
) -> tuple[Pixels, list[Box]]:
    """Lays out a page; returns it, and where its panels are."""
    rng = np.random.default_rng(number)
    width, height = _PAGE
    gutter, frame = int(rng.integers(10, 30)), int(rng.choice([0, 3, 5]))
    page, boxes = np.full((height, width, 3), gutter_colour, np.uint8), list[Box]()
    downs = np.linspace(gutter, height, int(rng.integers(2, 4)) + 1).astype(int)
    for top, bottom in zip(downs, downs[1:] - gutter, strict=False):
        rights = np.linspace(gutter, width, int(rng.integers(1, 4)) + 1).astype(int)
        for left, right in zip(rights, rights[1:] - gutter, strict=False):
            picture = pictures[int(rng.integers(len(pictures)))]
            side = max(right - left, bottom - top)
            shown = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)[
                : bottom - top, : right - left
            ].copy()
            if frame:
                cv2.rectangle(shown, (0, 0), (shown.shape[1] - 1, shown.shape[0] - 1), (20, 20, 20), 2 * frame - 1)
            page[top:bottom, left:right] = shown
            boxes.append((int(left), int(top), int(right), int(bottom)))
    return page, boxes


def overlap(one: Box, other: Box) -> float:
    """Returns the intersection of two boxes over their union."""
    wide, high = (min(one[at + 2], other[at + 2]) - max(one[at], other[at]) for at in (0, 1))
    shared = max(0, wide) * max(0, high)
    areas = sum((right - left) * (bottom - top) for left, top, right, bottom in (one, other))
    return shared / (areas - shared)


def cut_pages(pictures: Sequence[Pixels], colour: tuple[int, int, int]) -> tuple[float, float, list[Image.Image]]:
    """Returns the shares of pages that are cut and of pieces that are panels, and some pages with their pieces."""
    cut, right, found_in_all, shown = 0, 0, 0, list[Image.Image]()
    for number in range(NUM):
        page, boxes = page_of_panels(number, colour, pictures)
        found = find_colour_panels(page)
        cut += bool(found)
        found_in_all += len(found)
        right += sum(max(overlap(one, each) for each in boxes) > _SAME for one in found)
        marked = Image.fromarray(page)
        for box in found:
            ImageDraw.Draw(marked).rectangle(box, outline="red", width=8)
        shown.append(marked)
    return cut / NUM, right / max(1, found_in_all), shown[:8]


def figure_share(picture: Pixels) -> float:
    """Returns the share of a picture that the box around its figure takes; 1 without a plain ground."""
    drawn = cv2.morphologyEx((~find_ground(picture).where).view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    *_, width, height = cv2.boundingRect(drawn)
    return width * height / drawn.size


def look(folder: Path) -> None:
    """Prints which pictures of a folder would be left out or cut, and in how many the figure is small."""
    read = {path.name: np.asarray(decode(path.read_bytes()).convert("RGB")) for path in sorted(folder.iterdir())}
    reasons = {name: why for name, picture in read.items() if (why := why_not(picture))}
    pages = {name: len(found) for name, picture in read.items() if (found := find_colour_panels(picture))}
    least = min(light_share(picture) for picture in read.values())
    most = max(text_share(picture) for picture in read.values())
    small = sum(figure_share(picture) < _SMALL for picture in read.values())
    print(f"{folder}: {len(read)} pictures; left out: {reasons or 'none'}; cut into panels: {pages or 'none'}")
    print(f"  least light {least:.2f}, most text {most:.2f}; {small} whose figure fills less than half of the picture")


def outlines_over_lines(style: str) -> tuple[float, float]:
    """Returns how many times as wide outlines are as lines, in portraits at one scale, and at twice that of lineart."""
    drawn = [draw(style, seed, SIDE) for seed in SEEDS[:24]]
    lineart = [normalize(lines).image for lines, _ in drawn]
    middle = slice(SIDE // 2, -SIDE // 2)
    close = [np.ascontiguousarray(draw(style, seed, 2 * SIDE)[1][middle, middle]) for seed in SEEDS[:24]]
    known = measure_drawings(lineart)
    return (
        measure_scale(lineart, [colour for _, colour in drawn], known).wider,
        measure_scale(lineart, close, known).wider,
    )


def darkened(pictures: Sequence[Pixels]) -> Iterator[Pixels]:
    for picture in pictures:
        yield np.asarray(cv2.multiply(picture, np.full(3, 1.0), scale=0.15), dtype=np.uint8)


def main(folders: Sequence[str]) -> None:
    cv2.setNumThreads(1)
    for folder in folders:
        look(Path(folder))
    portraits = [draw(style, seed, SIDE)[1] for style in STYLES for seed in SEEDS]
    painted = [
        compose(take_apart("adventurer", seed), "black", "cel", "gradient", seed, close=True)[0] for seed in SEEDS[:24]
    ]
    lost = np.mean([bool(why_not(each) or find_colour_panels(each)) for each in (*portraits, *painted)])
    dark = np.mean([why_not(each) == DARK for each in darkened(portraits)])
    texts = [page_of_text(number, picture) for number, picture in enumerate(portraits[:NUM])]
    text = np.mean([why_not(each) == TEXT for each in texts])
    rows = [["portraits and paintings left out or cut", f"{lost:.1%}"], ["dark ones found", f"{dark:.1%}"]]
    rows.append(["pages of text found", f"{text:.1%}"])
    wrong, cuts, shown = 0.0, dict[str, float](), [[Image.fromarray(each) for each in texts[:8]]]
    for name, colour in GUTTERS.items():
        cuts[name], right, marked = cut_pages(painted, colour)
        shown.append(marked)
        wrong = max(wrong, 1 - right)
        rows.append(
            [f"pages with {name} gutters that are cut", f"{cuts[name]:.1%}, {right:.1%} of the pieces are panels"]
        )
    widths = {style: outlines_over_lines(style) for style in STYLES}
    for style, (same, twice) in widths.items():
        rows.append([f"{style}, outlines over lines", f"{same:.2f} times as wide, at twice the scale {twice:.2f}"])
    print_table(["", f"of {NUM} or more"], rows)
    FOLDER.mkdir(parents=True, exist_ok=True)
    grid(shown, tile=256, gap=4).save(FOLDER / "teaching.png")
    seconds = alternate({"look": lambda: why_not(texts[0]), "panels": lambda: find_colour_panels(painted[0])}, 9)
    print_result(
        "teaching",
        float(min(dark, text)) / BAR,
        1.0,
        holds=bool(lost == 0 and wrong == 0),
        dark=float(dark),
        text=float(text),
        cut=cuts,
        outlines_over_lines={style: np.round(each, 3).tolist() for style, each in widths.items()},
        milliseconds={name: round(1000 * each, 1) for name, each in seconds.items()},
    )


if __name__ == "__main__":
    main(sys.argv[1:])
