"""Measures how fast a drawing gets the colours that a person wants: by clicks, against bucket fill.

    python -m benchmarks.hints [CHECKPOINT]

The drawings are portraits whose colours are known; the painter is that of a checkpoint, such as the demo's, or else the
one that benchmarks.flats trains. At each click the place that is furthest from the truth (or a random one) is given its
true colour: by bucket fill on white paper, or as a hint with the scope that brings the drawing nearest, as a person
does who sees each scope before choosing. ΔE is the mean CIE76 distance over what is not a line. The ratio in the last
line, of JSON, is bucket fill's ΔE after five clicks divided by ours. Two portraits in one picture get different hair by
two clicks.
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import cv2
import numpy as np
from PIL import Image

from benchmarks.flats import SIZE, Tested, tested, trained
from benchmarks.harness import print_result, print_table
from benchmarks.styles import draw
from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.drawing import ReadDrawing
from cyclegan.painting.guide import Guide
from cyclegan.painting.hints import Hint, Scope
from demo.drawings import HELD_OUT_SEEDS, Drawing
from demo.truth import Truth
from imaging.codec import decode
from imaging.colour import to_lab

NUM_DRAWINGS, NUM_CLICKS = 20, 20
SHOWN = (0, 1, 2, 3, 5, 10, 20)
LARGE, FASTEST = 2048, 0.05  # px; seconds for a click
MOST_LEAKED = 0.01
_PAPER = 250
_MUCH_HAIR = 0.05  # of a portrait
_TWO_COLOURS = (200, 30, 60), (30, 90, 210)
_ON_PAPER = Hint(((0.02, 0.05), (0.02, 0.95)), (90, 160, 220))
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


def seconds_for_a_click(read: ReadDrawing, *before: Hint) -> float:
    """Returns the median time in which a drawing shows one more hint, in one of several places."""
    times = []
    for number in range(9):
        point = (0.3 + number / 20, 0.5) if not before else (0.98, 0.1 + number / 20)
        start = time.perf_counter()
        read.layered(Guide(hints=(*before, Hint((point,), (200, 40, 30)))))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@dataclass(frozen=True)
class Pair:
    """Two portraits in one picture, the hair of each given a colour by one click.

    Attributes:
        exact: whether each place has exactly its colour, and no place in the other portrait has it.
        taken: share of the hair that has its colour.
        leaked: share of what is not hair that the clicks changed.
    """

    exact: bool
    taken: float
    leaked: float


@dataclass(frozen=True)
class Joined:
    """Two portraits in one picture.

    Attributes:
        read: the picture, read by the painter.
        hair: (H, W) bool, where hair is.
        paper: (H, W) bool, where no line is.
        places: row and column of a place deep in the hair of each.
    """

    read: ReadDrawing
    hair: np.ndarray
    paper: np.ndarray
    places: list[Place]

    @classmethod
    def of(cls, colorizer: Colorizer, *portraits: tuple[int, Truth]) -> "Joined":
        lines = np.hstack([draw("adventurer", seed, SIZE)[0] for seed, _ in portraits])
        hair, paper = (np.hstack([getattr(truth, name) for _, truth in portraits]) for name in ("hair", "areas"))
        places = []
        for half, (_, truth) in zip((0, SIZE), portraits, strict=True):
            depth = cv2.distanceTransform(truth.hair.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
            row, column = divmod(int(depth.argmax()), SIZE)
            places.append((row, column + half))
        return cls(colorizer.read(Image.fromarray(lines)), hair, paper, places)

    def by_two_clicks(self, scope: Scope) -> Pair:
        """Gives the hair of each portrait a colour."""
        hints = tuple(
            Hint((((column + 0.5) / (2 * SIZE), (row + 0.5) / SIZE),), colour, scope)
            for (row, column), colour in zip(self.places, _TWO_COLOURS, strict=True)
        )
        halves = [np.s_[:, :SIZE], np.s_[:, SIZE:]]
        before, after = (self.read.layered(Guide(hints=each)).flats for each in ((), hints))
        has = [(after == colour).all(2) for colour in _TWO_COLOURS]
        exact = all(has[each][self.places[each]] and not has[each][halves[1 - each]].any() for each in (0, 1))
        taken = np.hstack([has[each][halves[each]] for each in (0, 1)])[self.hair].mean()
        return Pair(exact, float(taken), float((before != after).any(2)[self.paper & ~self.hair].mean()))


def two_figures(colorizer: Colorizer) -> list[Joined]:
    """Joins portraits, two to a picture.

    Hair that the edge of a portrait cuts off would be open where two are joined, and be paper: these are left out.
    """
    truths = ((seed, Truth.of(seed, SIZE)) for seed in HELD_OUT_SEEDS)
    whole = [
        (seed, truth) for seed, truth in truths if truth.hair.mean() > _MUCH_HAIR and not truth.hair[:, [0, -1]].any()
    ]
    return [Joined.of(colorizer, *pair) for pair in zip(whole[::2], whole[1::2], strict=False)]


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


def main(checkpoint: str = "") -> None:
    colorizer = Colorizer.load(checkpoint) if checkpoint else trained("adventurer")
    drawings = [Drawn(one) for one in tested("adventurer", colorizer)[:NUM_DRAWINGS]]
    found, wrong = curves(drawings)
    print_table(
        ["clicks", *map(str, SHOWN)],
        [[name, *(f"{values[count]:.2f}" for count in SHOWN)] for name, values in found.items()],
    )
    joined = two_figures(colorizer)
    scopes: tuple[Scope, ...] = ("part", "area")
    pairs = {scope: [each.by_two_clicks(scope) for each in joined] for scope in scopes}
    for scope, made in pairs.items():
        exact, taken, leaked = (np.array([getattr(pair, name) for pair in made]) for name in Pair.__annotations__)
        print(
            f"two figures, two clicks for the {scope}: exact in {exact.sum()} of {len(made)} pairs; {taken.mean():.1%} "
            f"of the hair takes its colour, {leaked.mean():.2%} of the rest changes (over {MOST_LEAKED:.0%} in "
            f"{(leaked > MOST_LEAKED).sum()} pairs, at most {leaked.max():.1%})"
        )
    hits = sum(pair.exact for pair in pairs["part"])
    leak = statistics.mean(pair.leaked for pair in pairs["part"])
    large = colorizer.read(decode(Drawing(HELD_OUT_SEEDS[0]).render("A", LARGE)))
    click, split = seconds_for_a_click(large), seconds_for_a_click(large, _ON_PAPER)
    print(
        f"hints that are not exact: {wrong} of {len(drawings) * NUM_CLICKS * 2}; at {LARGE} px, a click takes "
        f"{click:.3f} s, one that divides the paper {split:.3f} s"
    )
    ratio = float(found["bucket fill, worst place"][5] / found["hints, worst place"][5])
    holds = wrong == 0 and max(click, split) <= FASTEST and hits == len(joined) and leak < MOST_LEAKED
    figures = {"pairs": len(joined), "pairs_exact": hits, "leaked": round(leak, 4)}
    times = {"click_s": round(click, 3), "split_s": round(split, 3)}
    print_result("hints", ratio, 1.0, holds=bool(holds), wrong=wrong, **times, **figures)


if __name__ == "__main__":
    main(*sys.argv[1:])
