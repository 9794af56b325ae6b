"""``python -m demo.scans FOLDER``: portraits as a camera or a scanner would give them, to colour and look at.

Made up: grey and yellowed paper, a photo in uneven light, faint pencil, blue pencil, blue pencil in a photo.
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


def grey(page: Page, chance: Chance) -> Page:
    return np.asarray(page * 0.86 + 8 + _grain(chance, 4))


def yellowed(page: Page, chance: Chance) -> Page:
    return np.asarray(page / 255 * np.array([236, 219, 178]) + _grain(chance, 5))


def photographed(page: Page, chance: Chance) -> Page:
    blurred = cv2.GaussianBlur(page, (0, 0), 1.2)
    return np.asarray(blurred / 255 * np.array([226, 222, 214]) * _light(0.5) + _grain(chance, 5))


def pencil(page: Page, chance: Chance) -> Page:
    pressure = chance.normal(0.8, 0.2, (SIDE, SIDE, 1)).clip(0.2, 1)
    return np.asarray(_drawn(page, _PENCIL, pressure) + _grain(chance, 3))


def blue(page: Page, chance: Chance) -> Page:
    return np.asarray(_drawn(page, _BLUE, np.ones((1, 1, 1))) + _grain(chance, 3))


def blue_photo(page: Page, chance: Chance) -> Page:
    return np.asarray(blue(page, chance) / 255 * np.array([232, 222, 196]) * _light(0.35))


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
    """(SIDE, SIDE, 1): a lamp at the upper left, whose light falls off by a share."""
    down, across = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j]
    return np.asarray((1 - fall * (0.7 * across + 0.3 * down))[..., None])


def _grain(chance: Chance, levels: float) -> np.ndarray:
    noise = chance.normal(0, 2 * levels, (SIDE, SIDE))
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.0)[..., None])


if __name__ == "__main__":
    typer.run(main)
