"""Tests that a large segment that hints divide is divided as at the drawing's own size, to a pixel or two."""

import cv2
import numpy as np
import pytest

from cyclegan.painting.cuts import cut
from cyclegan.painting.hints import Hint
from imaging.segments import Segments, find_segments

SIDE, NEAR = 1600, 2.5  # px; twice the size at which a drawing is divided, and how far a border may be moved
NEAR_CROSSING = 6.0  # px, where strokes cross at an acute angle
RED, BLUE, GREEN = (192, 48, 32), (10, 60, 220), (40, 160, 60)


@pytest.fixture(scope="module")
def drawn() -> Segments:
    """Paper with walls, around which colours have to go, and a circle."""
    page = np.full((SIDE, SIDE), 255, np.uint8)
    cv2.circle(page, (800, 700), 350, 0, 6)
    for start, end in (((300, 0), (300, 900)), ((1300, 1599), (1300, 500))):
        cv2.rectangle(page, start, (end[0] + 60, end[1]), 0, 6)
    return find_segments(page)


def divided_at_full_size(drawn: Segments, hints: list[Hint]) -> np.ndarray:
    return cut(Segments(drawn.labels, drawn.labels, drawn.depth, drawn.count), hints)[0].labels


def borders(labels: np.ndarray) -> np.ndarray:
    right, below = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    return np.asarray(np.pad(right, ((0, 0), (1, 0))) | np.pad(below, ((1, 0), (0, 0))))


@pytest.mark.parametrize(
    "strokes",
    [
        [((0.01, 0.05), (0.01, 0.95)), ((0.99, 0.05), (0.99, 0.9))],
        [((0.02, 0.03),), ((0.98, 0.97),)],
        [((0.1, 0.1), (0.1, 0.2)), ((0.5, 0.98),), ((0.9, 0.02), (0.95, 0.3))],
        [((0.02, 0.05), (0.02, 0.95)), ((0.01, 0.5), (0.15, 0.5))],  # strokes that cross
        [((0.02, 0.05), (0.15, 0.8)), ((0.15, 0.05), (0.02, 0.7)), ((0.05, 0.3), (0.1, 0.9))],
    ],
)
def test_a_large_segment_is_divided_as_at_full_size(drawn: Segments, strokes: list[tuple[tuple[float, float]]]) -> None:
    hints = [Hint(points, colour, "area") for points, colour in zip(strokes, (RED, BLUE, GREEN), strict=False)]
    (found, origins), exact = cut(drawn, hints), divided_at_full_size(drawn, hints)
    assert found.count == drawn.count + len(hints) - 1 == exact.max() + 1
    assert np.array_equal(origins[found.labels], drawn.labels)
    away = cv2.distanceTransform((~borders(exact)).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    assert (found.labels != exact).any() and away[found.labels != exact].max() <= (
        NEAR if len(strokes) < 3 or len(strokes[1]) == 1 else NEAR_CROSSING
    )
    shrunk = cv2.resize(found.labels, found.small.shape[::-1], interpolation=cv2.INTER_NEAREST)
    assert (shrunk != found.small).mean() < 0.01


@pytest.mark.parametrize("apart", [1, 2])
def test_strokes_too_close_to_be_told_apart_where_drawings_are_divided_each_keep_their_side(
    drawn: Segments, apart: int
) -> None:
    left, right = 100, 100 + apart
    hints = [
        Hint(((x / SIDE + 1e-5, 0.2), (x / SIDE + 1e-5, 0.6)), colour, "area")
        for x, colour in ((left, RED), (right, BLUE))
    ]
    found, _ = cut(drawn, hints)
    row = found.labels[SIDE // 3]
    assert len(set(row[50:left].tolist())) == 1 and len(set(row[right : right + 50].tolist())) == 1
    assert row[left] != row[right]
    assert np.array_equal(found.labels, divided_at_full_size(drawn, hints))
