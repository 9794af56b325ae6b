"""The plain ground of pictures is found and made white; figures and scenes are left alone."""

import cv2
import numpy as np
import pytest

from imaging.ground import cover, find_ground, without_ground

SIDE = 144
SKIN = (230, 190, 160)


def figure(ground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draws a head with shoulders that the lower rim cuts; returns it, and where it is."""
    picture, where = ground.copy(), np.zeros(ground.shape[:2], np.uint8)
    for part, width in ((picture, 3), (where, 0)):
        colours = (SKIN, (60, 40, 140)) if width else (255, 255)
        cv2.ellipse(part, (72, 144), (50, 40), 0, 0, 360, colours[1], -1)
        cv2.circle(part, (72, 70), 34, colours[0], -1)
    cv2.circle(picture, (72, 70), 34, (20, 20, 20), 2)
    return picture, cv2.dilate(where, np.ones((5, 5), np.uint8)) > 0


def flat(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), colour, np.uint8)


def gradient() -> np.ndarray:
    along = np.linspace(0, 1, SIDE)[:, None, None]
    return np.rint(np.array([60, 120, 220]) * (1 - along) + np.array([250, 180, 120]) * along).astype(
        np.uint8
    ) * np.ones((1, SIDE, 1), np.uint8)


def resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    way = cv2.INTER_AREA if size[0] < picture.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=way), dtype=np.uint8)


def foliage() -> np.ndarray:
    noise = cv2.GaussianBlur(np.random.default_rng(0).standard_normal((SIDE, SIDE, 3)), (0, 0), 3)
    return np.clip(120 + 60 * noise / noise.std(), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("ground", [flat((255, 255, 255)), flat((30, 90, 60)), flat((0, 0, 0)), gradient()])
def test_a_plain_ground_becomes_white_and_the_figure_stays(ground: np.ndarray) -> None:
    picture, where = figure(ground)
    white = without_ground(picture)
    outside = ~where
    assert (white[outside] == 255).all(1).mean() > 0.95
    inside = cv2.erode(where.view(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert np.array_equal(white[inside], picture[inside])


@pytest.mark.parametrize("size", [(96, 96), (500, 320), (130, 390)])
def test_any_size_gives_the_same_ground(size: tuple[int, int]) -> None:
    picture = resized(figure(flat((30, 90, 60)))[0], size)
    assert find_ground(picture).rim > 0.9
    assert without_ground(picture).shape == picture.shape


def test_a_coloured_edge_is_left_without_a_rim_of_the_ground() -> None:
    """Half covered pixels keep the half that is not ground."""
    picture, _ = figure(flat((0, 200, 0)))
    soft = resized(resized(picture, (4 * SIDE, 4 * SIDE)), (SIDE, SIDE))
    white = without_ground(soft).astype(int)
    greenish = white[..., 1] - np.maximum(white[..., 0], white[..., 2])
    assert (greenish > 40).mean() < 0.005
    assert ((soft[..., 1].astype(int) - np.maximum(soft[..., 0], soft[..., 2])) > 40).mean() > 0.3


def test_a_scene_and_foliage_are_left_as_they_are() -> None:
    picture, _ = figure(foliage())
    assert not find_ground(picture).rim
    assert without_ground(picture) is picture


def test_hair_that_the_rim_cuts_is_no_ground() -> None:
    """A face so near that hair takes more of the rim than the ground does."""
    picture = flat((40, 60, 200))
    cv2.circle(picture, (30, 40), 100, (200, 110, 30), -1)
    cv2.ellipse(picture, (70, 110), (40, 50), 0, 0, 360, SKIN, -1)
    hair = (picture == (200, 110, 30)).all(2)
    covered = cover(picture, find_ground(picture))
    assert covered[hair].mean() < 0.02 * 255


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_picture_is_all_ground(level: int) -> None:
    assert (without_ground(np.full((64, 80, 3), level, np.uint8)) == 255).all()


def test_the_smallest_pictures_are_read() -> None:
    assert without_ground(np.full((3, 200, 3), 90, np.uint8)).shape == (3, 200, 3)
