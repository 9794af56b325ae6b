"""Makes portraits that look scanned or photographed, to try colorizing on (``python -m demo.scans FOLDER``).

Simulates grey and yellowed paper, a photo in uneven light, faint pencil, blue pencil, and blue pencil in a photo.
Each simulation takes a portrait, (SIDE, SIDE, 3) float32 in 0..255, and a random generator, and returns an array of
the same shape whose values can lie somewhat outside 0..255.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import typer
from PIL import Image

from demo.drawings import HELD_OUT_SEEDS
from demo.pictures import portrait

SIDE = 1024  # pixels
_BLUE, _PENCIL = (96, 148, 214), (105, 105, 108)

Page = np.ndarray  # (SIDE, SIDE, 3) float32, 0..255
Chance = np.random.Generator


def grey(page: Page, rng: Chance) -> Page:
    return np.asarray(page * 0.86 + 8 + _grain(rng, 4))


def yellowed(page: Page, rng: Chance) -> Page:
    return np.asarray(page / 255 * np.array([236, 219, 178]) + _grain(rng, 5))


def photographed(page: Page, rng: Chance) -> Page:
    blurred = cv2.GaussianBlur(page, (0, 0), 1.2)
    return np.asarray(blurred / 255 * np.array([226, 222, 214]) * _light(0.5) + _grain(rng, 5))


def pencil(page: Page, rng: Chance) -> Page:
    pressure = rng.normal(0.8, 0.2, (SIDE, SIDE, 1)).clip(0.2, 1)
    return np.asarray(_drawn(page, _PENCIL, pressure) + _grain(rng, 3))


def blue(page: Page, rng: Chance) -> Page:
    return np.asarray(_drawn(page, _BLUE, np.ones((1, 1, 1))) + _grain(rng, 3))


def blue_photo(page: Page, rng: Chance) -> Page:
    return np.asarray(blue(page, rng) / 255 * np.array([232, 222, 196]) * _light(0.35))


PAPERS: list[Callable[[Page, Chance], Page]] = [grey, yellowed, photographed, pencil, blue, blue_photo]


def main(folder: Path) -> None:
    """Write one JPEG of each into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (paper, seed) in enumerate(zip(PAPERS, HELD_OUT_SEEDS[1::7], strict=False), start=1):
        page = paper(portrait(seed, "A", SIDE).astype(np.float32), np.random.default_rng(seed))
        image = Image.fromarray(page.clip(0, 255).astype(np.uint8))
        image.save(folder / f"{number} {paper.__name__.replace('_', ' ')}.jpg", quality=88)


def _drawn(page: Page, colour: tuple[int, int, int], pressure: np.ndarray) -> Page:
    ink = cv2.GaussianBlur((1 - page / 255) * pressure, (0, 0), 0.8)
    return np.asarray((1 - ink) * np.array([248, 247, 243]) + ink * np.array(colour))


def _light(fall: float) -> np.ndarray:
    """Returns light factors of shape (SIDE, SIDE, 1): 1 at the upper left, 1 - fall at the lower right."""
    down, across = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j]
    return np.asarray((1 - fall * (0.7 * across + 0.3 * down))[..., None])


def _grain(rng: Chance, levels: float) -> np.ndarray:
    noise = rng.normal(0, 2 * levels, (SIDE, SIDE))
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.0)[..., None])


if __name__ == "__main__":
    typer.run(main)
