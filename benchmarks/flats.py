"""Measures how near colourings are to the artist's own colours, step by step from soft colours to flats.

    python -m benchmarks.flats [STYLE …]

A painter is trained on each of several artists' portraits, lineart and colour unpaired and disjoint, and colours
others of which the colours are known. ΔE is the mean CIE76 distance over what is not a line; smudges are the share of
pixels inside areas on soft ramps. The trainings take some minutes each on two cores and are kept in build/flats; the
sheets there show the drawings. The ratio in the last line, of JSON, is the untouched drawing's ΔE divided by ours, for
the style on which it is least.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.harness import print_result, print_table
from benchmarks.styles import CREDIT, STYLES, Known, draw
from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.drawing import ReadDrawing
from cyclegan.painting.guide import Guide
from cyclegan.painting.palettes import Palette
from cyclegan.scoring import faithfulness
from cyclegan.training.checkpoints import checkpoint_path
from cyclegan.training.config import preset
from cyclegan.training.dataset import TrainingData
from cyclegan.training.trainer import Trainer
from demo.drawings import HELD_OUT_SEEDS
from demo.truth import Truth, told_apart
from imaging.colour import to_lab
from imaging.lineart import Normalization, normalize
from imaging.sheet import grid

FOLDER = Path("build/flats")
SIZE, TRAINING_SIZE = 256, 128
NUM_TRAINING, NUM_HELD_OUT, NUM_TEST = 500, 24, 60
BAR = 1 / 0.8
_NUM_SHOWN = 8


@dataclass(frozen=True)
class Tested(Known):
    """One drawing of SIZE whose colours are known.

    Attributes:
        read: the drawing, read by the painter.
        own: the palette of `colour`.
        hashed: a palette that does not depend on what is drawn.
    """

    read: ReadDrawing
    own: Palette
    hashed: Palette

    def smudges(self, picture: np.ndarray) -> float:
        drawn = faithfulness.read_lineart(to_lab(self.lines))
        return float(faithfulness.measure(drawn, to_lab(picture))[faithfulness.MEASURES.index("soft")])


def picture(one: Tested, guide: Callable[[Tested], Guide]) -> np.ndarray:
    return np.asarray(one.read.layered(guide(one)).merged())


WAYS: dict[str, Callable[[Tested], np.ndarray]] = {
    "untouched": lambda one: np.repeat(one.lines[..., None], 3, axis=2),
    "soft, a palette by hash": partial(picture, guide=lambda one: Guide(one.hashed, soft=True)),
    "segments, a palette by hash": partial(picture, guide=lambda one: Guide(one.hashed)),
    "soft, a palette by resemblance": partial(picture, guide=lambda one: Guide(soft=True)),
    "segments, by resemblance: as served": partial(picture, guide=lambda one: Guide()),
    "segments, own palette: the bound": partial(picture, guide=lambda one: Guide(one.own)),
}
SERVED = "segments, by resemblance: as served"


def trained(style: str) -> Colorizer:
    """Trains a painter on a style, or goes on with a training that was stopped."""
    first, last = NUM_TRAINING + NUM_HELD_OUT, 2 * (NUM_TRAINING + NUM_HELD_OUT)
    a = [normalize(draw(style, seed, TRAINING_SIZE)[0]).image for seed in range(10_000, 10_000 + first)]
    b = [draw(style, seed, TRAINING_SIZE)[1] for seed in range(10_000 + first, 10_000 + last)]
    data = TrainingData(a[:NUM_TRAINING], b[:NUM_TRAINING], a[NUM_TRAINING:], b[NUM_TRAINING:])
    trainer = Trainer(preset("demo"), data, FOLDER / style, normalization=Normalization())
    trainer.run(lambda step, total, _: print(f"{style}: step {step} of {total}", file=sys.stderr))
    choice = trainer.choice()
    return Colorizer.load(checkpoint_path(FOLDER / style / "checkpoints", choice.step), weights=choice.weights)


def tested(style: str, colorizer: Colorizer) -> list[Tested]:
    found = []
    for seed in list(HELD_OUT_SEEDS)[:NUM_TEST]:
        lines, truth = draw(style, seed, SIZE)
        read = colorizer.read(Image.fromarray(lines))
        palettes = colorizer.palettes(64)
        hashed = palettes[int(read.seen.sum(dtype=np.int64)) % len(palettes)]
        found.append(Tested(lines, truth, read, colorizer.palette_of(Image.fromarray(truth)), hashed))
    return found


def save_sheet(style: str, drawings: Sequence[Tested]) -> None:
    rows = [[Image.fromarray(way(one)) for way in WAYS.values()] for one in drawings[:_NUM_SHOWN]]
    rows = [[*row, Image.fromarray(one.colour)] for row, one in zip(rows, drawings, strict=False)]
    sheet = grid(rows, captions=[*WAYS, "truth"], tile=SIZE, gap=4)
    sheet.save(FOLDER / f"{style}.png")


def main(styles: Sequence[str]) -> None:
    cv2.setNumThreads(2)
    rows, ratios, smudged, figures = [], [], [], {}
    for style in styles:
        drawings = tested(style, trained(style))
        distances = {name: float(np.mean([one.distance(way(one)) for one in drawings])) for name, way in WAYS.items()}
        smudges = {name: float(np.mean([one.smudges(way(one)) for one in drawings])) for name, way in WAYS.items()}
        rows += [[style, name, f"{distances[name]:.2f}", f"{smudges[name]:.4f}"] for name in WAYS]
        ratios.append(distances["untouched"] / distances[SERVED])
        smudged.append(smudges[SERVED])
        figures[style] = {name: round(value, 2) for name, value in distances.items()}
        save_sheet(style, drawings)
        if style == "adventurer":
            truths = [Truth.of(seed, SIZE) for seed in HELD_OUT_SEEDS[: len(drawings)]]
            told = told_apart(truths, [WAYS[SERVED](one) for one in drawings])
            figures["hair_from_skin"] = {"share": round(told, 3)}
    print_table(["style", "way", "ΔE", "smudges"], rows)
    print(f"sheets: {FOLDER}/*.png ({CREDIT}, coloured by a program)")
    print_result("flats", min(ratios), BAR, holds=max(smudged) <= 0.002, smudges=round(max(smudged), 4), **figures)


if __name__ == "__main__":
    main(sys.argv[1:] or STYLES)
