"""Applies hints: colours that a person put at places of a drawing."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from cyclegan.errors import CycleganError
from imaging.segments import Segments

Scope = Literal["area", "part", "everywhere"]
Point = tuple[float, float]
Colour = tuple[int, int, int]
Colours = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int32]

PAPER = 0  # class


class HintError(CycleganError):
    """A hint that cannot be applied. Its text is one line."""


@dataclass(frozen=True)
class Hint:
    """A colour at a place. What the hint touches has exactly this colour, unless a later hint touches it too.

    Attributes:
        points: one point, or several of a stroke: (x, y) as shares of width and height, 0..1 from the top left.
        colour: (red, green, blue), 0..255.
        scope: what else takes the colour. "area": the segment; "part": the touching segments of the same class, such as
            all strands of this hair (on paper, the segment); "everywhere": the class in the whole drawing, and the
            other classes follow as they did in domain B.
    """

    points: tuple[Point, ...]
    colour: Colour
    scope: Scope = "part"

    def __post_init__(self) -> None:
        if not self.points or not all(len(point) == 2 and all(map(_is_share, point)) for point in self.points):
            raise HintError(f"a hint at {_short(self.points)}: give x and y as shares of width and height, from 0 to 1")
        if len(self.colour) != 3 or not all(map(_is_level, self.colour)):
            raise HintError(f"a hint with the colour {_short(self.colour)}: give red, green and blue from 0 to 255")
        if self.scope not in get_args(Scope):
            raise HintError(f"a hint for {_short(self.scope)}: give one of {', '.join(get_args(Scope))}")


def touched(segments: Segments, hint: Hint) -> list[int]:
    """Returns the numbers of the segments that a hint touches."""
    rows, columns = pixels_under(hint, segments.labels.shape)
    return list(dict.fromkeys(segments.labels[rows, columns].tolist()))


def pixels_under(hint: Hint, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Returns rows and columns of the pixels under a hint, the line between its points included."""
    height, width = shape[:2]
    at = np.array([(min(width - 1, int(x * width)), min(height - 1, int(y * height))) for x, y in hint.points])
    (left, top), (right, bottom) = at.min(0), at.max(0)
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    mask[at[:, 1] - top, at[:, 0] - left] = 1
    cv2.polylines(mask, [(at - (left, top)).astype(np.int32)], isClosed=False, color=1)
    rows, columns = np.nonzero(mask)
    return rows + top, columns + left


def hinted(base: Colours, segments: Segments, classes: Numbers, parts: Numbers, hints: Sequence[Hint]) -> Colours:
    """Applies hints; later hints win, and what a hint touches has its colour.

    Args:
        base: (n, 3) uint8, the colours of the n segments so far; palettes have followed the hints for "everywhere".
        segments: the drawing's segments, already cut by the hints.
        classes: (n,), those of the segments.
        parts: (n,), the number of each segment's part.
        hints: all hints.
    """
    colours = base.copy()
    by_part: dict[int, dict[int, Colour]] = {}
    for hint in hints:
        for segment in touched(segments, hint):
            name, part = classes[segment], int(parts[segment])
            if hint.scope == "everywhere":
                colours[classes == name] = hint.colour
                for known in np.unique(parts[classes == name]).tolist():
                    by_part.pop(known, None)
            elif hint.scope == "part" and name != PAPER:
                seeds = by_part.setdefault(part, {})
                seeds.pop(segment, None)
                seeds[segment] = hint.colour
    neighbours = _neighbours(segments) if any(len(set(seeds.values())) > 1 for seeds in by_part.values()) else {}
    for part, seeds in by_part.items():
        members = parts == part
        colours[members] = next(reversed(seeds.values()))
        if len(set(seeds.values())) > 1:
            for segment, colour in _grown(seeds, neighbours, set(np.flatnonzero(members).tolist())):
                colours[segment] = colour
    for hint in hints:
        colours[touched(segments, hint)] = hint.colour
    return colours


def _grown(
    seeds: dict[int, Colour], neighbours: dict[int, set[int]], members: set[int]
) -> Iterable[tuple[int, Colour]]:
    """Yields the members that can be reached, with the colour of the seed that is the fewest borders away."""
    waiting, seen = deque(seeds.items()), set(seeds)
    while waiting:
        segment, colour = waiting.popleft()
        yield segment, colour
        for neighbour in sorted(neighbours.get(segment, set()) & members - seen):
            seen.add(neighbour)
            waiting.append((neighbour, colour))


def _neighbours(segments: Segments) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for one, other in np.unique(segments.borders()[0], axis=0).tolist():
        found[one].add(other)
        found[other].add(one)
    return found


def _is_share(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and 0 <= float(value) <= 1


def _is_level(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= int(value) <= 255


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
