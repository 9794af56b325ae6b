"""Says in plain lines what is thin about training pictures, before time is spent on them."""

from collections.abc import Iterator, Sequence

import numpy as np

from imaging.ground import find_ground
from imaging.pseudo_pair import measure_drawings
from imaging.scale import Scale, measure_scale

FEW = 240  # pictures of domain B; docs/training.md has the recipe measured with as many, and with more
_MOST_SCENES = 0.6  # share of pictures with a background that does not become white
_MANY_GREY = 0.2
_MOST_WIDER = 1.4  # times; of portraits at one scale 0.95, at twice the scale 1.1 to 1.8: benchmarks/teaching.py
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
    style = measure_drawings(lineart)
    yield from unlike_scales(measure_scale(lineart, colour, style))
    scenes = [style.blank_ground and not find_ground(picture).rim for picture in colour]
    if scenes and np.mean(scenes) > _MOST_SCENES:
        yield (
            f"{sum(scenes)} of {len(scenes)} colour pictures looked at have painted backgrounds, and the lineart has "
            "blank ones, which may be coloured then: figures on a plain ground teach more"
        )


def unlike_scales(scale: Scale) -> Iterator[str]:
    """Yields a line for each sign that the two domains show things at unlike scales, and what to do.

    Args:
        scale: of some pictures of both.
    """
    if max(scale.busier, 1 / scale.busier) > _MOST_APART:
        more, less = ("the colour pictures", "lineart") if scale.busier > 1 else ("lineart", "the colour pictures")
        yield (
            f"in the same area {more} shows {max(scale.busier, 1 / scale.busier):.1f} times as many edges as {less}: "
            "if faces and figures are smaller there, cut pictures closer around them"
        )
    if scale.wider > _MOST_WIDER:
        yield (
            f"outlines of the colour pictures are {scale.wider:.1f} times as wide as lines of the lineart: if faces "
            "and figures are larger there, too, cut lineart closer around them, or take pictures that show more"
        )
    elif scale.wider < 1 / _MOST_WIDER:
        yield (
            f"lines of the lineart are {1 / scale.wider:.1f} times as wide as outlines of the colour pictures: if "
            "faces and figures are larger there, too, cut colour pictures closer around them"
        )
