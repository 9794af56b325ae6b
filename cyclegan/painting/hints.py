"""Applies hints: colours that a person put at places of a drawing."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from cyclegan.errors import CycleganError
from cyclegan.painting.division import Division, find_parts
from imaging.segments import Segments, spread

Scope = Literal["area", "part", "everywhere"]
Point = tuple[float, float]
Colours = npt.NDArray[np.uint8]

PAPER = 0  # class


class HintError(CycleganError):
    """A hint that cannot be applied. Its text is one line."""


@dataclass(frozen=True)
class Hint:
    """A colour at a place. What the hint touches has exactly this colour.

    Attributes:
        points: one point, or several of a stroke: (x, y) as shares of width and height, 0..1 from the top left.
        colour: (red, green, blue), 0..255.
        scope: what else takes the colour. "area": nothing; "part": the touching segments of the same class, such as all
            strands of this hair (on paper, nothing); "everywhere": the class in the whole drawing, and the other
            classes follow as they did in domain B.
    """

    points: tuple[Point, ...]
    colour: tuple[int, int, int]
    scope: Scope = "part"

    def __post_init__(self) -> None:
        if not self.points or not all(0 <= share <= 1 for point in self.points for share in point):
            raise HintError(f"a hint at {list(self.points)}: give x and y as shares of width and height, from 0 to 1")
        if len(self.colour) != 3 or not all(0 <= value <= 255 for value in self.colour):
            raise HintError(f"a hint with colour {self.colour}: give red, green and blue from 0 to 255")


def cut(segments: Segments, hints: Sequence[Hint]) -> Segments:
    """Splits segments in which hints ask for several colours: each pixel goes to the nearest hint inside.

    Args:
        segments: of the drawing.
        hints: all hints; those for "everywhere" do not split.
    """
    asked: dict[int, dict[tuple[int, int, int], list[Hint]]] = defaultdict(lambda: defaultdict(list))
    for hint in hints:
        for segment in touched(segments, hint) if hint.scope != "everywhere" else ():
            asked[segment][hint.colour].append(hint)
    labels, small, count = segments.labels, segments.small, segments.count
    for segment, colours in asked.items():
        if len(colours) > 1:
            groups = list(colours.values())
            labels = _split(labels, segments.labels == segment, groups, segment, count)
            small = _split(small, segments.small == segment, groups, segment, count)
            count += len(groups) - 1
    return segments if count == segments.count else Segments(labels, small, segments.depth, count)


def touched(segments: Segments, hint: Hint) -> list[int]:
    """Returns the numbers of the segments that a hint touches, in the order of its points."""
    rows, columns = _pixels(hint, segments.labels.shape)
    return list(dict.fromkeys(segments.labels[rows, columns].tolist()))


def hinted(base: Colours, segments: Segments, division: Division, hints: Sequence[Hint]) -> Colours:
    """Applies the hints for parts and areas; later hints win, and what a hint touches has its colour.

    Args:
        base: (n, 3) uint8, the colours of the n segments so far.
        segments: the drawing's segments, already cut by the hints.
        division: of these segments.
        hints: all hints; the palettes have followed those for "everywhere" already.
    """
    colours = base.copy()
    parts = find_parts(segments, division.classes)
    by_part: dict[int, dict[int, tuple[int, int, int]]] = defaultdict(dict)
    for hint in hints:
        for segment in touched(segments, hint):
            if hint.scope == "part" and division.classes[segment] != PAPER:
                by_part[int(parts[segment])][segment] = hint.colour
    neighbours = _neighbours(segments) if any(len(seeds) > 1 for seeds in by_part.values()) else {}
    for part, seeds in by_part.items():
        members = parts == part
        if len(set(seeds.values())) == 1:
            colours[members] = next(iter(seeds.values()))
        else:
            for segment, colour in _grown(seeds, neighbours, set(np.flatnonzero(members).tolist())):
                colours[segment] = colour
    for hint in hints:
        colours[touched(segments, hint)] = hint.colour
    return colours


def _grown(
    seeds: dict[int, tuple[int, int, int]], neighbours: dict[int, set[int]], members: set[int]
) -> Iterable[tuple[int, tuple[int, int, int]]]:
    """Yields each member with the colour of the seed that is the fewest borders away."""
    waiting, seen = deque(seeds.items()), set(seeds)
    while waiting:
        segment, colour = waiting.popleft()
        yield segment, colour
        for neighbour in sorted(neighbours.get(segment, set()) & members - seen):
            seen.add(neighbour)
            waiting.append((neighbour, colour))


def _neighbours(segments: Segments) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    small = segments.small
    for one, other in ((small[:, :-1], small[:, 1:]), (small[:-1], small[1:])):
        border = one != other
        for a, b in np.unique(np.stack([one[border], other[border]], 1), axis=0).tolist():
            found[a].add(b)
            found[b].add(a)
    return found


def _split(
    labels: npt.NDArray[np.int32], inside: npt.NDArray[np.bool_], groups: list[list[Hint]], segment: int, count: int
) -> npt.NDArray[np.int32]:
    """Divides one segment among groups of hints; the first keeps its number, the others get count, count + 1, …"""
    markers = np.zeros(labels.shape, np.int32)
    for number, hints in enumerate(groups, start=1):
        for hint in hints:
            markers[_pixels(hint, labels.shape)] = number
    outside = len(groups) + 1
    markers[~inside] = outside
    walls = np.where(inside, 0, 255).astype(np.uint8)
    cv2.watershed(cv2.merge([walls] * 3), markers)
    nearest = spread(markers, (markers > 0) & (markers < outside))
    numbers = np.array([0, segment, *range(count, count + len(groups) - 1)], np.int32)
    return np.where(inside, numbers[nearest], labels)


def _pixels(hint: Hint, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Returns rows and columns of the pixels under a hint, the line between its points included."""
    height, width = shape[:2]
    at = [(min(width - 1, int(x * width)), min(height - 1, int(y * height))) for x, y in hint.points]
    if len(at) == 1:
        return np.array([at[0][1]]), np.array([at[0][0]])
    mask = np.zeros((height, width), np.uint8)
    cv2.polylines(mask, [np.array(at, np.int32)], isClosed=False, color=1)
    rows, columns = np.nonzero(mask)
    return rows, columns
