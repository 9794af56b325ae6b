"""Says in plain lines what is thin about training pictures, before time is spent on them."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

FEW = 240  # pictures of domain B; docs/training.md has the recipe measured with as many, and with more
_DARK, _MOST_DARK = 80, 0.8  # grey level of a dark background; share of pictures with one that is told
_MANY_GREY = 0.2
_MOST_APART = 2.0  # how many times the edges of the other domain; pictures at half the scale have twice as many


def thin(
    number_b: int,
    held_out: Sequence[int],
    fewest_to_score: int,
    grey: float,
    lineart: Sequence[np.ndarray],
    colour: Sequence[np.ndarray],
) -> Iterator[str]:
    """Yields a line for each thing that is thin.

    Args:
        number_b: number of colour pictures that are kept.
        held_out: numbers of lineart and colour pictures that are held out.
        fewest_to_score: how many of each it takes to score checkpoints.
        grey: share of grey pictures and lineart among the colour ones that were found, 0..1.
        lineart: some of the drawings, uint8 (H, W).
        colour: some of the colour pictures, RGB uint8 (H, W, 3).
    """
    if number_b < FEW:
        yield (
            f"{number_b} colour pictures are few: the recipe was measured with {FEW} and more, "
            "so colours may suit less what is drawn"
        )
    if min(held_out) < fewest_to_score:
        yield (
            f"too few pictures to score checkpoints: {held_out[0]} of lineart and {held_out[1]} of colour are held "
            f"out, {fewest_to_score} of each are needed. So the newest one serves; from about 50 of each on, the best"
        )
    if grey > _MANY_GREY:
        yield f"{grey:.0%} of the pictures in colour are grey or lineart, and left out: is it the right place?"
    apart = np.median([edges(picture) for picture in lineart]) / np.median([edges(picture) for picture in colour])
    if max(apart, 1 / apart) > _MOST_APART:
        more, less = ("lineart", "the colour pictures") if apart > 1 else ("the colour pictures", "lineart")
        yield (
            f"in the same area {more} shows {max(apart, 1 / apart):.1f} times as many edges as {less}: are faces and "
            "figures as large in the one as in the other?"
        )
    dark = [background(picture) < _DARK for picture in colour]
    if dark and np.mean(dark) > _MOST_DARK:
        yield (
            f"{sum(dark)} of {len(dark)} colour pictures looked at have dark backgrounds: paper, which is white in "
            "lineart, may be coloured dark"
        )


def edges(picture: np.ndarray) -> float:
    """Returns the share of a picture's pixels (0..1) that are edges of grey levels, and at least a thousandth.

    Args:
        picture: grey (H, W) or RGB (H, W, 3), uint8.
    """
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    found = cv2.Canny(cv2.GaussianBlur(grey, (0, 0), 1.0), 40, 100)
    return max(0.001, float((found > 0).mean()))


def background(picture: np.ndarray) -> float:
    """Returns the median grey level, 0..255, of a picture's border of a twentieth of its shorter side.

    Args:
        picture: RGB uint8 (H, W, 3).
    """
    grey = picture.mean(axis=2)
    wide = max(1, min(grey.shape) // 20)
    border = [grey[:wide], grey[-wide:], grey[:, :wide], grey[:, -wide:]]
    return float(np.median(np.concatenate([part.ravel() for part in border])))
