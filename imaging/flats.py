"""Divides the flat colours of a drawing among layers: one for each part that is large enough to be looked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imaging.colour_names import name_of, rgb
from imaging.layers import Layered

_SMALL = 1 / 2000  # of the drawing; smaller parts of one colour's name share a layer, or there would be hundreds
_STRIP = 512  # rows measured at once, to need little memory besides the picture
_WHITE = 0xFFFFFF

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FlatLayers:
    """Which segments of a drawing are on which layer of flats.

    Attributes:
        of: (n,) uint16, the number of each segment's layer, 1..m from bottom to top; 0 for paper.
        names: the m layers' names, such as "brown 2", all different.
        boxes: (m, 4) int64, left, top, right and bottom of each layer, px; right and bottom are outside.
        paper: RGB of the paper, 0..255.
    """

    of: npt.NDArray[np.uint16]
    names: list[str]
    boxes: Numbers
    paper: tuple[int, int, int]

    def numbers(self, layered: Layered) -> npt.NDArray[np.uint16]:
        """Returns the number of each pixel's layer, (H, W), in the drawing that they were found in."""
        if layered.labels is None:
            return np.ones(layered.flats.shape[:2], np.uint16)
        return self.of[layered.labels]


def find_flat_layers(layered: Layered) -> FlatLayers:
    """Finds the layers of flats: the largest part is the lowest; what is not divided is one layer."""
    if layered.labels is None or layered.parts is None or layered.paper is None:
        height, width = layered.flats.shape[:2]
        return FlatLayers(np.ones(1, np.uint16), ["colours"], np.array([[0, 0, width, height]]), rgb(_WHITE))
    areas, colours, boxes = _measure(layered.labels, layered.flats, len(layered.parts))
    paper = _most(colours[layered.paper], areas[layered.paper], _WHITE)
    drawn = np.flatnonzero((areas > 0) & ~(layered.paper & (colours == paper)))
    members = _named(_by_part(drawn, layered.parts), areas, colours, least=_SMALL * layered.labels.size)
    of = np.zeros(len(areas), np.uint16)
    for number, chosen in enumerate(members.values(), start=1):
        of[chosen] = number
    around = [(*boxes[each, :2].min(0), *boxes[each, 2:].max(0)) for each in members.values()]
    return FlatLayers(of, list(members), np.array(around, np.int64).reshape(-1, 4), rgb(paper))


def _by_part(segments: Numbers, parts: npt.NDArray[np.int32]) -> list[Numbers]:
    """Groups segments by the numbers of their parts."""
    ordered = segments[np.argsort(parts[segments], kind="stable")]
    return np.split(ordered, np.flatnonzero(np.diff(parts[ordered])) + 1) if len(ordered) else []


def _named(parts: list[Numbers], areas: Numbers, colours: Numbers, least: float) -> dict[str, Numbers]:
    """Names each part, the largest first, by its most frequent colour; those of an area under `least` together."""
    members: dict[str, Numbers] = {}
    small: dict[str, list[Numbers]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for part in sorted(parts, key=lambda part: -int(areas[part].sum())):
        name = name_of(rgb(_most(colours[part], areas[part], _WHITE)))
        if areas[part].sum() < least:
            small[f"small {name}"].append(part)
        else:
            counts[name] += 1
            members[f"{name} {counts[name]}"] = part
    return members | {name: np.concatenate(each) for name, each in small.items()}


def _measure(
    labels: npt.NDArray[np.int32], flats: npt.NDArray[np.uint8], count: int
) -> tuple[Numbers, Numbers, Numbers]:
    """Measures each of `count` segments by its runs: the stretches of a row that are in one segment.

    Returns:
        (n,) areas in px; (n,) colours as 0xRRGGBB; (n, 4) boxes: left, top, right, bottom.
    """
    height, width = labels.shape
    areas, colours = np.zeros(count, np.int64), np.zeros(count, np.int64)
    boxes = np.tile(np.array([width, height, 0, 0]), (count, 1))
    for first in range(0, height, _STRIP):
        strip = labels[first : first + _STRIP]
        starts = np.ones(strip.shape, bool)
        np.not_equal(strip[:, 1:], strip[:, :-1], out=starts[:, 1:])
        rows, lefts = np.nonzero(starts)
        segments, ends = strip[starts], np.append(lefts[1:], 0)
        rights = np.where(ends == 0, width, ends)
        areas += np.bincount(segments, rights - lefts, count).astype(np.int64)
        colours[segments] = flats[rows + first, lefts] @ np.array([1 << 16, 1 << 8, 1])
        np.minimum.at(boxes[:, 0], segments, lefts)
        np.minimum.at(boxes[:, 1], segments, rows + first)
        np.maximum.at(boxes[:, 2], segments, rights)
        np.maximum.at(boxes[:, 3], segments, rows + first + 1)
    return areas, colours, boxes


def _most(colours: Numbers, areas: Numbers, default: int) -> int:
    """Returns the colour of the largest area; `default` if there is none."""
    if not areas.sum():
        return default
    found, places = np.unique(colours, return_inverse=True)
    return int(found[np.bincount(places, areas).argmax()])
