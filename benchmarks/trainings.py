"""Trains recipes on portraits and measures their outputs against the portraits' known colourings."""

import dataclasses
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from benchmarks.colourings import Colourings
from benchmarks.recipes import (
    NUM_HELD_OUT,
    NUM_TEST,
    NUM_TRAINING,
    NUM_WATCHED,
    RECIPES,
    SEEDS,
    SIZE,
    TUNE_STEPS,
    Recipe,
)
from benchmarks.styles import draw
from cyclegan.methods.adversarial import Losses
from cyclegan.methods.method import Context, Method
from cyclegan.painting.painter import MOST_REMEMBERED
from cyclegan.scoring.realism import Extractor
from cyclegan.scoring.samples import translate
from cyclegan.scoring.score import Scorer
from cyclegan.training.dataset import Batches, TrainingData
from cyclegan.training.ema import Ema
from cyclegan.training.schedule import Schedule
from demo.drawings import COLOUR_SEEDS, HELD_OUT_SEEDS, LINEART_SEEDS
from demo.truth import Truth, told_apart
from imaging.colour import to_lab
from imaging.lineart import Normalization, normalize
from imaging.pseudo_pair import pseudo_pair

FOLDER = Path("build/recipes")
_DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class Portraits:
    """The data of every recipe in one style; the seeds of A, B and the test are disjoint.

    Attributes:
        data: training data and held-out data.
        test: normalized lineart, (SIZE, SIZE) uint8, on which the distance to the truth is measured.
        truths: the known colourings of the test portraits, in the same order.
    """

    data: TrainingData
    test: list[np.ndarray]
    truths: Sequence[Truth | Colourings]


@cache
def portraits(style: str = "adventurer") -> Portraits:
    taken = slice(NUM_TRAINING), slice(NUM_TRAINING, NUM_TRAINING + NUM_HELD_OUT)
    a, a_held_out = ([_toned(draw(style, seed, SIZE)[0]) for seed in LINEART_SEEDS[part]] for part in taken)
    b, b_held_out = ([draw(style, seed, SIZE)[1] for seed in COLOUR_SEEDS[part]] for part in taken)
    tested = HELD_OUT_SEEDS[:NUM_TEST]
    test = [_toned(draw(style, seed, SIZE)[0]) for seed in tested]
    return Portraits(TrainingData(a, b, a_held_out, b_held_out), test, [_truth(style, seed) for seed in tested])


def _truth(style: str, seed: int) -> Truth | Colourings:
    """Returns all colourings of a portrait that its style allows."""
    return Truth.of(seed, SIZE) if style == "adventurer" else Colourings.of(style, seed, SIZE)


def _toned(gray: np.ndarray) -> np.ndarray:
    return normalize(gray, Normalization()).image


@dataclass(frozen=True)
class Checkpoint:
    """The outputs of one generator at one step of a training.

    Attributes:
        step: number of steps made.
        weights: "ema" or "raw".
        cycle: mean cycle loss since the previous checkpoint, NaN in the warm-up.
        held_out: (n, H, W, 3) uint8, RGB, outputs for the held-out lineart, by which checkpoints are chosen.
        anew: (n, H, W, 3) uint8, RGB, outputs for the extracted lines of the held-out colour pictures.
        tested: (n, H, W, 3) uint8, RGB, outputs for the test lineart, which are compared with the truth.
    """

    step: int
    weights: str
    cycle: float
    held_out: np.ndarray
    anew: np.ndarray
    tested: np.ndarray


_FIELDS = [each.name for each in dataclasses.fields(Checkpoint)]


class Training:
    """Trains one recipe with one seed on one style, in memory."""

    def __init__(self, recipe: Recipe, seed: int, style: str) -> None:
        self._portraits = portraits(style)
        config, data = recipe.config(seed), self._portraits.data
        self._config, self._data = config, dataclasses.replace(data, a=data.a[: recipe.num_lineart])
        self._recipe, self._schedule = recipe, Schedule.of(config, NUM_TRAINING, NUM_TRAINING)
        self._rng = torch.Generator().manual_seed(seed)
        make: Callable[..., Method] = recipe.method
        self._method = make(config.method, Context(_DEVICE, self._rng, config.batch))
        self._average = Ema(self._method.painter, config.ema)
        self._batches = Batches(self._data, config, _DEVICE, self._rng, _toned)

    def run(self) -> list[Checkpoint]:
        """Trains to the end.

        Returns:
            Checkpoints with EMA and with raw weights, NUM_WATCHED times if the recipe is watched, and at the
            end.
        """
        made: list[Checkpoint] = []
        losses: list[Losses] = []
        for step in range(1, self._schedule.total + 1):
            losses.append(self._step(self._batches, step - 1))
            if self._recipe.watched and step % round(self._schedule.total / NUM_WATCHED) == 0:
                made += self._checkpoint(step, losses)
                losses = []
        if self._recipe.tune_on:
            losses = self._tune()
        return made + self._checkpoint(self._schedule.total, losses) if losses else made

    def _tune(self) -> list[Losses]:
        """Continues with few pictures of B, at the full learning rate."""
        few = dataclasses.replace(self._data, b=self._data.b[: self._recipe.tune_on])
        batches = Batches(few, self._config, _DEVICE, self._rng, _toned)
        return [self._step(batches, 0) for _ in range(TUNE_STEPS)]

    def _step(self, batches: Batches, step: int) -> Losses:
        losses = self._method.step(batches.next(), self._schedule.at(step))
        self._average.update(self._method.painter, step)
        return losses

    def _checkpoint(self, step: int, losses: Sequence[Losses]) -> list[Checkpoint]:
        painters = {"ema": self._average.network, "raw": self._method.painter}
        for painter in painters.values():
            painter.remember(self._batches.pseudo_pairs(MOST_REMEMBERED))
        cycle = [float(each["cycle_a"] + each["cycle_b"]) for each in losses if "cycle_a" in each]
        return [
            Checkpoint(
                step,
                weights,
                float(np.mean(cycle)) if cycle else np.nan,
                *(np.stack([translate(painter, drawing) for drawing in pages]) for pages in self._pages()),
            )
            for weights, painter in painters.items()
        ]

    def _pages(self) -> tuple[Sequence[np.ndarray], ...]:
        data = self._portraits.data
        return data.a_held_out, lines_held_out(data), self._portraits.test


def lines_held_out(data: TrainingData) -> list[np.ndarray]:
    """Returns the extracted lines of the held-out colour pictures as normalized lineart, (H, W) uint8 each."""
    return [_toned(pseudo_pair(picture, data.style).draw()) for picture in data.b_held_out]


class Judge:
    """Measures checkpoints: score and KID on held-out pictures, distance to the truth on the test portraits."""

    def __init__(self, style: str) -> None:
        self._truths, data = portraits(style).truths, portraits(style).data
        self._with_hair = [truth for truth in self._truths if isinstance(truth, Truth)]  # all, or none of another style
        self._scorer = Scorer(data.a_held_out, data.b_held_out, lines_held_out(data))
        self._extract = Extractor()
        self._reference = self._texture(data.b_held_out)
        self._unit = self._reference.std(axis=0) + 1e-6

    def __call__(self, made: Checkpoint) -> dict[str, Any]:
        held_out = list(made.held_out)
        return {
            "step": made.step,
            "weights": made.weights,
            "cycle": made.cycle,
            "kid": self._kid(held_out),
            "score": self._scorer.score(held_out, list(made.anew)),
            "distance": distance(self._truths, made.tested),
            "hair_from_skin": told_apart(self._with_hair, made.tested[: len(self._with_hair)]),
        }

    def _texture(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        return self._extract([to_lab(picture) for picture in pictures], pictures).texture

    def _kid(self, outputs: Sequence[np.ndarray]) -> float:
        """Returns the unbiased MMD with a cubic kernel (Binkowski et al. 2018) on the features that the score uses."""
        x, y = self._texture(outputs) / self._unit, self._reference / self._unit

        def kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
            product: np.ndarray = (one @ other.T / one.shape[1] + 1) ** 3
            return product

        def distinct(one: np.ndarray) -> float:
            own = kernel(one, one)
            return float((own.sum() - np.trace(own)) / (len(one) * (len(one) - 1)))

        return distinct(x) + distinct(y) - 2 * float(kernel(x, y).mean())


def distance(truths: Sequence[Truth | Colourings], outputs: Iterable[np.ndarray]) -> float:
    """Returns the mean distance of outputs (H, W, 3) uint8 to the truths of their portraits, in ΔE*ab."""
    return float(np.mean([truth.distance(output) for truth, output in zip(truths, outputs, strict=True)]))


def made_by(recipe: Recipe, seed: int, style: str = "adventurer") -> list[Checkpoint]:
    """Returns the checkpoints of a training, from the file that an earlier call saved if there is one.

    Args:
        recipe: the recipe to train.
        seed: seed of the training.
        style: of the portraits; one of benchmarks.styles.STYLES.

    Returns:
        The checkpoints in order; the last two are those of the end, first with EMA, then with raw weights.
    """
    path = FOLDER / f"{recipe.digest(seed, style)}.npz"
    if not path.exists():
        _keep(path, Training(recipe, seed, style).run())
    with np.load(path) as kept:
        columns = [kept[name] for name in _FIELDS]
    return [
        Checkpoint(int(step), str(weights), float(cycle), *pictures)
        for step, weights, cycle, *pictures in zip(*columns, strict=True)
    ]


def _keep(path: Path, made: Sequence[Checkpoint]) -> None:
    columns: dict[str, Any] = {name: np.array([getattr(each, name) for each in made]) for name in _FIELDS}
    unfinished = path.with_suffix(f".{os.getpid()}.npz")
    np.savez_compressed(unfinished, **columns)
    os.replace(unfinished, path)


def _measured(number: int, seed: int, style: str, last: int) -> list[dict[str, Any]]:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    judge = Judge(style)
    return [judge(made) for made in made_by(RECIPES[number], seed, style)[-last:]]


def measure_all(
    wanted: Sequence[Recipe], styles: Sequence[str] = ("adventurer",), last: int = 0
) -> Iterator[tuple[Recipe, int, str, list[dict[str, Any]]]]:
    """Trains and measures every recipe with every seed, on all cores; trainings that were saved are not repeated.

    Args:
        wanted: recipes of RECIPES.
        styles: of the portraits.
        last: how many checkpoints to measure, from the end; 0: all.

    Yields:
        Recipe, seed, style and the measurements of the checkpoints, in the order in which the trainings end.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = {
            pool.submit(_measured, RECIPES.index(recipe), seed, style, last): (recipe, seed, style)
            for seed in SEEDS
            for style in styles
            for recipe in wanted
        }
        for job in as_completed(jobs):
            yield *jobs[job], job.result()
