"""Measures whether learned shadows are right, on shaded portraits whose shadows are known, beside simple guesses.

    python -m benchmarks.shading

A painter is trained, by warm-up alone, on portraits of one artist with cel shadows and of another with soft ones. Of
held-out portraits, measured over the figure beside the lines: the mean error of the mask of shadows, and the distance
ΔE*ab to the shaded picture of its true flat colours with these shadows on them. Guesses: no shadows; each class's mean
shadow; the learned ones, soft and cel, at full size as they are served. The ratio in the last line, of JSON, is the
least distance without shadows over that of the learned shadows with the edge that the painter chooses. Also measured:
how much shadow is seen in flat portraits of all artists. A sheet is left in build/shading.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from benchmarks.harness import print_result, print_table
from benchmarks.shaded import Floats, Shaded, shaded
from benchmarks.styles import CREDIT, STYLES
from cyclegan import Colorizer, Guide
from cyclegan.methods.method import Context, Moment
from cyclegan.painting.drawing import ReadDrawing
from cyclegan.painting.painter import MOST_REMEMBERED, MOST_WEIGHED, Painter
from cyclegan.painting.shadows import EDGES
from cyclegan.training.config import preset
from cyclegan.training.dataset import Batches, TrainingData
from cyclegan.training.ema import Ema
from imaging.colour import to_lab
from imaging.lineart import Normalization, normalize
from imaging.lines import extract_lines
from imaging.shading import find_shading
from imaging.sheet import grid

FOLDER = Path("build/shading")
SIZE, LARGE = 112, 336  # px at which the painter is trained, and at which drawings are coloured
TRAINED, TESTED, FLAT, SHOWN = 160, 24, 16, 4  # portraits
STEPS = 240
SHADED = (("adventurer", "cel"), ("micah", "soft"))
SEEDS, TEST_SEEDS = 50_000, 60_000
BAR, BAR_FLAT = 1.15, 0.02
_BESIDE_LINES = 0.95  # of the light that lines leave


@dataclass(frozen=True)
class Measured:
    """Mean error of the mask, and mean ΔE*ab, by the name of the guess; and a row of the sheet for each portrait."""

    errors: dict[str, float]
    distances: dict[str, float]
    edge: str
    rows: list[list[Image.Image]]


def trained(style: str, kind: str) -> tuple[Painter, list[float]]:
    """Returns a painter, and the mean shadow of each of its classes in the training pictures."""
    seen = [shaded(style, SEEDS + number, SIZE, kind) for number in range(TRAINED)]
    unseen = [shaded(style, SEEDS - 1 - number, SIZE, kind) for number in range(TESTED)]
    (a, b), (a_held_out, b_held_out) = (
        ([each.lines for each in drawn], [each.picture() for each in drawn]) for drawn in (seen, unseen)
    )
    data, cpu, rng = TrainingData(a, b, a_held_out, b_held_out), torch.device("cpu"), torch.Generator().manual_seed(0)
    config = preset("demo")
    batches = Batches(data, config, cpu, rng, lambda gray: normalize(gray).image)
    method = config.method.make(Context(cpu, rng, config.batch))
    average = Ema(method.painter, config.ema)
    for step in range(STEPS):
        method.step(batches.next(), Moment(step, STEPS, 1.0, warming_up=True))
        average.update(method.painter, step)
    painter = average.network
    painter.remember(batches.pseudo_pairs(MOST_REMEMBERED))
    painter.measure_shadows(batches.examples(MOST_WEIGHED), batches.held_out_examples(MOST_WEIGHED))
    return painter, means_by_class(painter, seen)


def means_by_class(painter: Painter, seen: Sequence[Shaded]) -> list[float]:
    k = painter.config.palette
    classes = [painter.maps(each.lines[None])[0, :k].argmax(0)[inside(each)] for each in seen]
    masks = np.concatenate([each.mask[inside(each)] for each in seen])
    sums, counts = (np.bincount(np.concatenate(classes), weights, k) for weights in (masks, None))
    return [float(value) for value in sums / np.maximum(counts, 1)]


def inside(portrait: Shaded) -> np.ndarray:
    """Returns where a portrait is coloured, and no line, (H, W) bool."""
    return np.asarray((portrait.flats < 1).any(2) & (portrait.ink > _BESIDE_LINES))


def guesses(drawing: ReadDrawing, by_class: Sequence[float]) -> Iterator[tuple[str, Floats, Floats]]:
    """Yields the name of each guess, its mask (H, W) and tints (H, W, 3) in 0..1."""
    assert drawing.memory is not None and drawing.memory.shadows is not None
    classes = drawing.division.classes[drawing.segments.labels]
    tints = drawing.memory.shadows.tints[classes]
    yield "none", np.zeros(classes.shape, np.float32), tints
    yield "mean of the class", np.array(by_class, np.float32)[classes], tints
    for edge in EDGES:
        layer = drawing.layered(Guide(shading=1, edge=edge)).shading
        assert layer is not None
        yield f"learned, {edge}", layer[..., 3].astype(np.float32) / 255, tints


def measure(style: str, kind: str) -> Measured:
    painter, by_class = trained(style, kind)
    colorizer = Colorizer(painter, Normalization(), SIZE, "cpu")
    errors: dict[str, list[float]] = {}
    distances: dict[str, list[float]] = {}
    rows = []
    for number in range(TESTED):
        truth = shaded(style, TEST_SEEDS + number, LARGE, kind)
        drawing, where = colorizer.read(Image.fromarray(truth.lines)), inside(truth)
        wanted = to_lab(truth.picture())[where]
        shown = [truth.lines, truth.picture(np.zeros_like(truth.mask)), truth.picture()]
        for name, mask, tints in guesses(drawing, by_class):
            shade = truth.ink[..., None] * (1 - mask[..., None] * (1 - tints))
            made = np.rint(255 * truth.flats * shade).astype(np.uint8)
            errors.setdefault(name, []).append(float(np.abs(mask - truth.mask)[where].mean()))
            distances.setdefault(name, []).append(float(np.linalg.norm(to_lab(made)[where] - wanted, axis=1).mean()))
            if name.startswith("learned"):
                shown.append(made)
        layered = drawing.layered(Guide(shading=1, mirrored_light=True))
        shown.append(np.asarray(layered.merged()))
        rows.append([Image.fromarray(each) for each in shown])
    memory = painter.memory()
    assert memory is not None and memory.shadows is not None
    edge = memory.shadows.edge if memory.shadows.helps else "none"
    return Measured(means(errors), means(distances), edge, rows[:SHOWN])


def means(values: dict[str, list[float]]) -> dict[str, float]:
    return {name: float(np.mean(each)) for name, each in values.items()}


def seen_in_flat(style: str) -> float:
    """Returns the mean mask of shadows in flat portraits."""
    masks = []
    for number in range(FLAT):
        picture = shaded(style, TEST_SEEDS + number, SIZE, "flat").picture()
        found = find_shading(picture, normalize(extract_lines(picture)).image)
        masks.append(found.mask[found.known].mean() / 255)
    return float(np.mean(masks))


def main() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    measured = {f"{style}, {kind}": measure(style, kind) for style, kind in SHADED}
    rows = []
    for name, found in measured.items():
        for guess, error in found.errors.items():
            rows.append([name, guess, f"{error:.3f}", f"{found.distances[guess]:.2f}"])
        rows.append([name, f"served: {found.edge}", "", ""])
    print_table(["portraits", "shadows", "error of the mask", "ΔE to the picture"], rows)
    flat = {style: seen_in_flat(style) for style in STYLES}
    print_table(["flat portraits", "shadow seen in them"], [[name, f"{value:.4f}"] for name, value in flat.items()])
    FOLDER.mkdir(parents=True, exist_ok=True)
    shown = list(itertools.chain(*(found.rows for found in measured.values())))
    captions = ["drawing", "flat", "truth", "learned, soft", "learned, cel", "mirrored"]
    grid(shown, captions=captions, tile=LARGE // 2, gap=4).save(FOLDER / "shading.png")
    print(f"sheet: {FOLDER / 'shading.png'} ({CREDIT})")
    served = [
        each.distances["none"] / each.distances.get(f"learned, {each.edge}", np.inf) for each in measured.values()
    ]
    distances = {
        name: {guess: round(value, 2) for guess, value in each.distances.items()} for name, each in measured.items()
    }
    holds = max(flat.values()) < BAR_FLAT
    print_result(
        "shading", min(served), BAR, holds=holds, distances=distances, shadow_in_flat=round(max(flat.values()), 4)
    )


if __name__ == "__main__":
    main()
