"""Measures how fast a drawing gets the colours that a person wants: by clicks, against bucket fill.

    python -m benchmarks.hints

The drawings are portraits whose colours are known, the painter is that of benchmarks.flats. At each click the place
that is furthest from the truth (or a random one) is given its true colour: by bucket fill on white paper, or as a hint
with the scope that brings the drawing nearest, as a person does who sees each scope before choosing. ΔE is the mean
CIE76 distance over what is not a line. The ratio in the last line, of JSON, is bucket fill's ΔE after five clicks
divided by ours.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import get_args

import cv2
import numpy as np

from benchmarks.flats import Tested, tested, trained
from benchmarks.harness import print_result, print_table
from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.guide import Guide
from cyclegan.painting.hints import Hint, Scope
from demo.drawings import HELD_OUT_SEEDS, Drawing
from imaging.codec import decode
from imaging.colour import to_lab

NUM_DRAWINGS, NUM_CLICKS = 20, 20
SHOWN = (0, 1, 2, 3, 5, 10, 20)
LARGE, FASTEST = 2048, 0.05  # px; seconds for a click
_PAPER = 250
_INSIDE = 3  # px from a line, so that a click is in an area

Place = tuple[int, int]
Choose = Callable[[np.ndarray, np.ndarray], Place]


def worst(error: np.ndarray, inside: np.ndarray) -> Place:
    """Returns row and column of the largest error well inside an area."""
    place = np.argmax(np.where(inside, cv2.blur(error, (5, 5)), -1))
    row, column = np.unravel_index(place, error.shape)
    return int(row), int(column)


def at_random(seed: int) -> Choose:
    source = np.random.default_rng(seed)

    def choose(_: np.ndarray, inside: np.ndarray) -> Place:
        rows, columns = np.nonzero(inside)
        number = source.integers(len(rows))
        return int(rows[number]), int(columns[number])

    return choose


class Drawn:
    """One drawing, and how far a colouring of it is from the truth."""

    def __init__(self, one: Tested) -> None:
        self.one = one
        self._truth = to_lab(one.colour)
        self._area = one.lines >= _PAPER
        depth = cv2.distanceTransform(self._area.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        self.inside = depth > _INSIDE

    def error(self, flats: np.ndarray) -> np.ndarray:
        apart = np.linalg.norm(to_lab(flats) - self._truth, axis=2).astype(np.float32)
        return np.where(self._area, apart, 0).astype(np.float32)

    def distance(self, flats: np.ndarray) -> float:
        return float(self.error(flats)[self._area].mean())

    def colour(self, place: Place) -> tuple[int, int, int]:
        red, green, blue = self.one.colour[place].tolist()
        return red, green, blue


def by_bucket(drawn: Drawn, choose: Choose) -> list[float]:
    """Returns ΔE after 0, 1, 2, … clicks with bucket fill."""
    _, areas = cv2.connectedComponents((drawn.one.lines >= 200).view(np.uint8), connectivity=4)
    flats = np.full_like(drawn.one.colour, 255)
    found = [drawn.distance(flats)]
    for _ in range(NUM_CLICKS):
        place = choose(drawn.error(flats), drawn.inside)
        flats[areas == areas[place]] = drawn.colour(place)
        found.append(drawn.distance(flats))
    return found


def by_hints(drawn: Drawn, choose: Choose) -> tuple[list[float], int]:
    """Returns ΔE after 0, 1, 2, … hints, and the number of hints whose place has not exactly their colour."""
    hints: tuple[Hint, ...] = ()
    flats = drawn.one.read.layered(Guide()).flats
    found, wrong = [drawn.distance(flats)], 0
    height, width = drawn.one.lines.shape
    for _ in range(NUM_CLICKS):
        row, column = place = choose(drawn.error(flats), drawn.inside)
        point = ((column + 0.5) / width, (row + 0.5) / height)
        offered = [(*hints, Hint((point,), drawn.colour(place), scope)) for scope in get_args(Scope)]
        made = [drawn.one.read.layered(Guide(hints=each)).flats for each in offered]
        best = int(np.argmin([drawn.distance(each) for each in made]))
        hints, flats = offered[best], made[best]
        wrong += int(tuple(flats[place].tolist()) != drawn.colour(place))
        found.append(drawn.distance(flats))
    return found, wrong


def seconds_for_a_click(colorizer: Colorizer) -> float:
    """Returns the median time of a hint on a large drawing that was read before."""
    read = colorizer.read(decode(Drawing(HELD_OUT_SEEDS[0]).render("A", LARGE)))
    times = []
    for number in range(9):
        start = time.perf_counter()
        read.layered(Guide(hints=(Hint(((0.3 + number / 20, 0.5),), (200, 40, 30)),)))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def curves(drawings: Sequence[Drawn]) -> tuple[dict[str, np.ndarray], int]:
    """Returns the mean ΔE after each click, by way, and the number of hints that are not exact."""
    ways: dict[str, list[list[float]]] = {}
    wrong = 0
    for number, drawn in enumerate(drawings):
        for name, choose in (("worst place", worst), ("random place", None)):
            ways.setdefault(f"bucket fill, {name}", []).append(by_bucket(drawn, choose or at_random(number)))
            found, missed = by_hints(drawn, choose or at_random(number))
            ways.setdefault(f"hints, {name}", []).append(found)
            wrong += missed
    return {name: np.mean(each, axis=0) for name, each in ways.items()}, wrong


def main() -> None:
    colorizer = trained("adventurer")
    drawings = [Drawn(one) for one in tested("adventurer", colorizer)[:NUM_DRAWINGS]]
    found, wrong = curves(drawings)
    print_table(
        ["clicks", *map(str, SHOWN)],
        [[name, *(f"{values[count]:.2f}" for count in SHOWN)] for name, values in found.items()],
    )
    click = seconds_for_a_click(colorizer)
    print(
        f"hints that are not exact: {wrong} of {len(drawings) * NUM_CLICKS * 2}; a click at {LARGE} px: {click:.3f} s"
    )
    ratio = float(found["bucket fill, worst place"][5] / found["hints, worst place"][5])
    print_result("hints", ratio, 1.0, holds=wrong == 0 and click <= FASTEST, click_s=round(click, 3), wrong=wrong)


if __name__ == "__main__":
    main()
