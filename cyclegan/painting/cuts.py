"""Cuts segments in which hints ask for several colours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from cyclegan.painting.hints import Colour, Hint, Numbers, pixels_under, touched
from imaging.segments import Segments
from imaging.watershed import grow

Mask = npt.NDArray[np.bool_]

_CROSSING = 6  # px of the size at which a drawing is divided; strokes that share more than this run as one


def cut(segments: Segments, hints: Sequence[Hint]) -> tuple[Segments, Numbers]:
    """Splits segments in which hints ask for several colours: each pixel goes to the nearest hint inside.

    Args:
        segments: of the drawing.
        hints: all hints.

    Returns:
        The segments, and the number that each had before, (n,) int32.
    """
    asked: dict[int, list[Hint]] = defaultdict(list)
    for hint in hints:
        for segment in touched(segments, hint):
            asked[segment].append(hint)
    labels, small, origins = segments.labels, segments.small, list(range(segments.count))
    for segment, inside in asked.items():
        if more := len({hint.colour for hint in inside}) - 1:
            if labels is segments.labels:
                labels, small = labels.copy(), small.copy()
            _split(labels, small, segment, inside, len(origins))
            origins += [segment] * more
    found = Segments(labels, small, segments.depth, len(origins)) if len(origins) > segments.count else segments
    return found, np.array(origins, np.int32)


def _split(labels: Numbers, small: Numbers, segment: int, hints: Sequence[Hint], count: int) -> None:
    """Divides one segment among the colours of hints, in place, at the drawing's size and at that of `Segments.small`.

    The first colour keeps the segment's number, the others get count, count + 1, …. Pixels under hints are exact.
    """
    colours = list(dict.fromkeys(hint.colour for hint in hints))
    numbers = np.array([0, segment, *range(count, count + len(colours) - 1)], np.int32)
    markers = _marked(labels, segment, hints, colours)
    inside = labels == segment
    left, top, width, height = cv2.boundingRect(inside.view(np.uint8))
    if width * height > small.size and (coarse := _told_apart(small, segment, hints, colours)) is not None:
        _divide_coarsely(labels, small, inside, coarse, numbers)
    else:
        box = np.s_[top : top + height, left : left + width]
        np.copyto(labels[box], numbers[_grown(markers[box], inside[box])], where=inside[box])
        shrunk = cv2.resize(labels, small.shape[::-1], interpolation=cv2.INTER_NEAREST)
        np.copyto(small, shrunk, where=(small == segment) & np.isin(shrunk, numbers))
    for hint in hints:
        under = pixels_under(hint, labels.shape)
        labels[under] = np.where(markers[under] > 0, numbers[markers[under]], labels[under])


def _divide_coarsely(labels: Numbers, small: Numbers, inside: Mask, markers: Numbers, numbers: Numbers) -> None:
    """Divides a large segment at the small size, in a fraction of the time, and enlarges the pieces smoothly.

    The border between two colours on open paper, which no line shows, moves by a pixel or two.
    """
    here = small == numbers[1]
    pieces = _grown(markers, here)
    np.copyto(small, numbers[pieces], where=here)
    shares = (
        cv2.resize(np.where(pieces == piece, 255, 0).astype(np.uint8), labels.shape[::-1])
        for piece in range(1, len(numbers))
    )
    most = next(shares)
    for number, share in zip(numbers[2:].tolist(), shares, strict=True):
        labels[inside & (share > most)] = number
        most = cv2.max(most, share)


def _marked(labels: Numbers, segment: int, hints: Sequence[Hint], colours: Sequence[Colour]) -> Numbers:
    """Marks the pixels of a segment that are under hints: 1 + index of the colour, the last one's where hints cross."""
    markers = np.zeros(labels.shape, np.int32)
    for hint in hints:
        rows, columns = pixels_under(hint, labels.shape)
        inside = labels[rows, columns] == segment
        markers[rows[inside], columns[inside]] = 1 + colours.index(hint.colour)
    return markers


def _told_apart(small: Numbers, segment: int, hints: Sequence[Hint], colours: Sequence[Colour]) -> Numbers | None:
    """Marks a segment at the small size; None where there strokes run as one, or a colour has no pixel."""
    markers = _marked(small, segment, hints, colours)
    each = np.isin(np.arange(len(colours)) + 1, markers).all()
    both = markers != _marked(small, segment, hints[::-1], colours)
    return markers if each and _only_crossed(both) else None


def _only_crossed(both: Mask) -> bool:
    """Tells whether strokes only cross at the pixels where there are two; False: they run as one for a while."""
    if not both.any():
        return True
    _, _, stats, _ = cv2.connectedComponentsWithStats(both.view(np.uint8), connectivity=8)
    return int(stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max()) <= _CROSSING


def _grown(markers: Numbers, inside: Mask) -> Numbers:
    """Grows markers until they meet, inside a segment and then around it."""
    return grow(markers.copy(), np.where(inside, 0, 255).astype(np.uint8))
