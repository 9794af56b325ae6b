"""Measures what it is worth that plain grounds of colour pictures become white where drawings have blank ones.

    python -m benchmarks.whitening [SEED …]

Domain A is lineart of the demo's portraits, on blank paper; domain B is other portraits in colour, a third each before
a flat ground, a gradient and a wall with boxes and discs. The ablation's recipe is trained twice with each seed: on the
pictures as they are, and as `imaging.pseudo_pair` makes them. Both colour 40 other portraits, of which all colourings
are known. Each training takes two to four minutes of one core. The ratio in the last line, of JSON, is the mean ΔE
without divided by that with it; a sheet is left in build/whitening.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from benchmarks.grounds import compose
from benchmarks.harness import print_result, print_table
from benchmarks.lines import take_apart
from benchmarks.recipes import NUM_TEST, NUM_TRAINING, SEEDS, SIZE, Recipe
from cyclegan.methods.config import CycleGanConfig
from cyclegan.methods.cyclegan import CycleGan
from cyclegan.methods.method import Context
from cyclegan.painting.painter import MOST_REMEMBERED
from cyclegan.scoring.samples import translate
from cyclegan.training.dataset import Batches, TrainingData
from cyclegan.training.ema import Ema
from cyclegan.training.schedule import Schedule
from demo.drawings import COLOUR_SEEDS, CREDIT, HELD_OUT_SEEDS, LINEART_SEEDS
from demo.pictures import normalized_lineart
from demo.truth import Truth, told_apart
from imaging.colour import to_lab
from imaging.ground import find_ground
from imaging.lineart import Normalization, normalize
from imaging.pseudo_pair import DrawingStyle
from imaging.sheet import grid

FOLDER = Path("build/whitening")
BAR = 3.0
_BEHIND = ("flat", "gradient", "scene")
_CPU = torch.device("cpu")
_NUM_SHOWN = 10

Outputs = list[np.ndarray]  # (SIZE, SIZE, 3) uint8 each


class AsTheyAre(TrainingData):
    """Pictures whose grounds stay."""

    @cached_property
    def style(self) -> DrawingStyle:
        return replace(super().style, blank_ground=False)


WAYS = {"as they are": AsTheyAre, "white": TrainingData}


def pictures() -> list[np.ndarray]:
    made = []
    for number, seed in enumerate(COLOUR_SEEDS[:NUM_TRAINING]):
        parts = take_apart("adventurer", seed)
        picture, _ = compose(parts, "black", "flat", _BEHIND[number % len(_BEHIND)], number, close=False)
        made.append(np.asarray(cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA), dtype=np.uint8))
    return made


def coloured(data: TrainingData, seed: int, drawings: Sequence[np.ndarray]) -> Outputs:
    """Trains the recipe and colours drawings, (SIZE, SIZE) uint8 each, as served."""
    config, rng = Recipe("ours", "ours").config(seed), torch.Generator().manual_seed(seed)
    schedule = Schedule.of(config, len(data.a), len(data.b))
    assert isinstance(config.method, CycleGanConfig)
    method = CycleGan(config.method, Context(_CPU, rng, config.batch))
    average = Ema(method.painter, config.ema)
    batches = Batches(data, config, _CPU, rng, lambda gray: normalize(gray, Normalization()).image)
    for step in range(schedule.total):
        method.step(batches.next(), schedule.at(step))
        average.update(method.painter, step)
    average.network.remember(batches.pseudo_pairs(MOST_REMEMBERED))
    return [translate(average.network, drawing) for drawing in drawings]


def mean_distance(truths: Sequence[Truth], outputs: Outputs) -> float:
    return float(np.mean([truth.distance(each) for truth, each in zip(truths, outputs, strict=True)]))


def off_white(drawings: Sequence[np.ndarray], outputs: Outputs) -> float:
    """Returns the mean ΔE*ab of the blank grounds of drawings to white."""
    distances = []
    for drawing, output in zip(drawings, outputs, strict=True):
        where = find_ground(np.dstack([drawing] * 3)).where.view(np.uint8)
        blank = cv2.resize(where, drawing.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        distances.append(np.linalg.norm(to_lab(output)[blank] - [100, 0, 0], axis=1).mean())
    return float(np.mean(distances))


def main(seeds: Sequence[int]) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    a = [normalized_lineart(seed, SIZE) for seed in LINEART_SEEDS[:NUM_TRAINING]]
    b, tested = pictures(), HELD_OUT_SEEDS[:NUM_TEST]
    drawings, truths = [normalized_lineart(seed, SIZE) for seed in tested], [Truth.of(seed, SIZE) for seed in tested]
    untouched = [np.dstack([drawing] * 3) for drawing in drawings]
    rows, distances = [["untouched", "", f"{mean_distance(truths, untouched):.2f}", "", ""]], dict[str, list[float]]()
    shown: list[list[Image.Image]] = [[Image.fromarray(drawing).convert("RGB") for drawing in drawings[:_NUM_SHOWN]]]
    for seed in seeds:
        for way, kind in WAYS.items():
            outputs = coloured(kind(a, b), seed, drawings)
            distances.setdefault(way, []).append(distance := mean_distance(truths, outputs))
            told = f"{told_apart(truths, outputs):.2f}"
            rows.append([way, str(seed), f"{distance:.2f}", f"{off_white(drawings, outputs):.2f}", told])
            shown.append([Image.fromarray(each) for each in outputs[:_NUM_SHOWN]])
    print_table(["grounds", "seed", "ΔE", "blank grounds to white", "hair told from skin"], rows)
    FOLDER.mkdir(parents=True, exist_ok=True)
    grid(shown, captions=[str(seed) for seed in tested[:_NUM_SHOWN]], tile=128, gap=4).save(FOLDER / "whitening.png")
    print(f"sheet: {FOLDER / 'whitening.png'} ({CREDIT})")
    means = {way: float(np.mean(values)) for way, values in distances.items()}
    print_result("whitening", means["as they are"] / means["white"], BAR, distances=means)


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or SEEDS[:2])
