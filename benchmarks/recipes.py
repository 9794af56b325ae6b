"""Short trainings on the demo's portraits, one change of the recipe each, measured against what is known of them.

Two starting points: the demo preset ("ours") and CycleGAN as published ("published"), with networks of a size that
two CPU cores train in a minute or two. What did not earn a place in the product lives only here.
"""

import dataclasses
import hashlib
import json
import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from cyclegan.config import FREE_TO_CHANGE, TrainConfig, preset
from cyclegan.dataset import Batches, TrainingData
from cyclegan.losses import adversarial_loss
from cyclegan.model import CycleGan, Losses
from cyclegan.networks import REMEMBERED_PALETTES, Discriminator, init_weights
from cyclegan.samples import translate
from cyclegan.schedule import Schedule
from cyclegan.score import Scorer
from cyclegan.score_faithfulness import to_lab
from cyclegan.score_realism import Extractor
from demo.drawings import COLOUR_SEEDS, HELD_OUT_SEEDS, LINEART_SEEDS
from demo.pictures import normalized_lineart, portrait
from demo.truth import Truth, measure
from imaging.lineart import Normalization, normalize

SIZE, CROP = 72, 64  # px
NUM_TRAINING, NUM_HELD_OUT, NUM_TEST = 240, 48, 40  # portraits of each domain
WATCHED_EVERY, TUNE_STEPS = 15, 60
SEEDS = (0, 1, 2)
FOLDER = Path("build/recipes")
_CPU = torch.device("cpu")

_OURS = {
    "discriminator": {"layers": 2},
    "schedule": {"warm_up_epochs": 3, "constant_epochs": 0, "decay_epochs": 1.25},
    "data": {"crop": CROP},
}
# small networks need the demo's learning rates to come anywhere in so few steps
_PUBLISHED = {
    "generator": {"blocks": 6, "ngf": 16},
    "discriminator": {"ndf": 32, "layers": 2},
    "optimizer": {"lr_generator": 8e-4, "lr_discriminator": 4e-4},
    "schedule": {"constant_epochs": 1, "decay_epochs": 1},
    "data": {"crop": CROP},
    "batch": 4,
    "ema": 0.995,
}


class SoftLabels(CycleGan):
    """Real pictures are to be called 0.9 by the discriminators, not 1."""

    def _discriminator_loss(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        with self._autocast():
            on_real, on_fake = discriminator(self._augment(torch.cat([real, fake.to(real.dtype)]))).chunk(2)
        return (((on_real.float() - 0.9) ** 2).mean() + adversarial_loss(on_fake, real=False)) / 2


class LossBalancing(CycleGan):
    """Discriminators are updated only while their mean loss is above 0.05; with 0.25 they know nothing."""

    def _update(self, name: str, loss: Tensor) -> None:
        if name != "discriminators" or float(loss.detach()) / 2 > 0.05:
            super()._update(name, loss)


class SpectralNorm(CycleGan):
    """Discriminators of Lipschitz constant 1 a layer (Miyato et al. 2018)."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        for discriminator in (self.d_a, self.d_b):
            for layer in discriminator.modules():
                if isinstance(layer, nn.Conv2d):
                    spectral_norm(layer)
        self.optimizers["discriminators"] = self._adam(self.config.optimizer.lr_discriminator, self.d_a, self.d_b)


class R1(CycleGan):
    """Penalty on the discriminators' gradient at real pictures (Mescheder et al. 2018), gamma 1, every step."""

    def _discriminator_loss(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        seen = real.detach().requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(seen).sum(), seen, create_graph=True)
        return super()._discriminator_loss(discriminator, real, fake) + 0.5 * slope.square().sum((1, 2, 3)).mean()


class _WithGlobal(nn.Module):
    """A PatchGAN and one that sees nearly the whole crop, weighing the same."""

    def __init__(self, patch: Discriminator, whole: Discriminator) -> None:
        super().__init__()
        self.patch, self.whole = patch, whole

    def forward(self, x: Tensor) -> Tensor:
        near = self.patch(x)
        return torch.cat([near, nn.functional.interpolate(self.whole(x), near.shape[-2:])], 1)


class GlobalDiscriminator(CycleGan):
    """A second discriminator of 142 px beside each PatchGAN."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        wide = self.config.discriminator.model_copy(update={"layers": 4})
        for name in ("d_a", "d_b"):
            whole = Discriminator(wide)
            init_weights(whole, self._rng)
            self.networks[name] = _WithGlobal(self.networks[name], whole)  # type: ignore[arg-type]
            setattr(self, name, self.networks[name])
        self.optimizers["discriminators"] = self._adam(self.config.optimizer.lr_discriminator, self.d_a, self.d_b)


@dataclass(frozen=True)
class Recipe:
    """A starting point ("ours" or "published") and what is changed of it.

    num_lineart: drawings of A to train on.  tune_on: pictures of B to go on with after the end.
    watched: whether checkpoints on the way are measured, too.
    """

    name: str
    start: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    model: type[CycleGan] = CycleGan
    num_lineart: int = NUM_TRAINING
    tune_on: int = 0
    watched: bool = False

    def config(self, seed: int) -> TrainConfig:
        start = preset("demo").changed(_OURS) if self.start == "ours" else preset("paper").changed(_PUBLISHED)
        return start.changed(self.changes).changed({"seed": seed})

    def digest(self, seed: int) -> str:
        """Of everything that the recipe says, so that a changed one is trained again."""
        config = self.config(seed).model_dump(exclude=set(FREE_TO_CHANGE))
        said = [config, self.model.__name__, self.num_lineart, self.tune_on, TUNE_STEPS]
        said += [self.watched, WATCHED_EVERY, SIZE, NUM_TRAINING, NUM_HELD_OUT, NUM_TEST]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]


_HELD_RATE = {"schedule": {"constant_epochs": 1.25, "decay_epochs": 0}}
_NO_PALETTE = {"generator": {"palette": 0}}
_NO_LINES_KEPT = {"generator": {"palette": 0, "head": "tanh"}}
_UNPAIRED = _NO_PALETTE | {"losses": {"lambda_pseudo": 0}, "schedule": {"warm_up_epochs": 0, "decay_epochs": 4.25}}

RECIPES = [
    Recipe("ours", "ours", watched=True),
    Recipe("free colours under kept lines, no palette", "ours", _NO_PALETTE),
    Recipe("no palette, lines not kept (tanh)", "ours", _NO_LINES_KEPT),
    Recipe("transposed convolutions", "ours", {"generator": {"upsample": "transposed"}}),
    Recipe("fake lineart may have colour", "ours", {"losses": {"grey_lines": False}}),
    Recipe("identity loss 0.5", "ours", {"losses": {"lambda_identity": 0.5}}),
    Recipe("no DiffAugment", "ours", {"augment": False}),
    Recipe("learning rate held to the end", "ours", _HELD_RATE, watched=True),
    Recipe("no warm-up", "ours", {"schedule": {"warm_up_epochs": 0, "decay_epochs": 4.25}}),
    Recipe("longer warm-up, shorter after it", "ours", {"schedule": {"warm_up_epochs": 5, "decay_epochs": 0.6}}),
    Recipe("warm-up alone, no discriminators", "ours", {"schedule": {"warm_up_epochs": 7, "decay_epochs": 0}}),
    Recipe("no pseudo-pairs, no palette", "ours", _UNPAIRED),
    Recipe("spectral norm", "ours", model=SpectralNorm),
    Recipe("R1 penalty", "ours", model=R1),
    Recipe("global discriminator", "ours", model=GlobalDiscriminator),
    Recipe("soft labels 0.9", "ours", model=SoftLabels),
    Recipe("loss balancing 0.05", "ours", model=LossBalancing),
    Recipe("6 blocks, not 4", "ours", {"generator": {"blocks": 6}}),
    Recipe("12 blocks", "ours", {"generator": {"blocks": 12}}),
    Recipe("8 drawings in A", "ours", num_lineart=8),
    Recipe("fine-tuned on 8 pictures of B", "ours", tune_on=8),
    Recipe("published, 6 blocks", "published", watched=True),
]


@dataclass(frozen=True)
class Portraits:
    """What every recipe trains on and is measured by: seeds of A, B and the test are disjoint."""

    data: TrainingData
    test: list[np.ndarray]
    truths: list[Truth]


@cache
def portraits() -> Portraits:
    taken = slice(NUM_TRAINING), slice(NUM_TRAINING, NUM_TRAINING + NUM_HELD_OUT)
    a, a_held_out = ([normalized_lineart(seed, SIZE) for seed in LINEART_SEEDS[part]] for part in taken)
    b, b_held_out = ([portrait(seed, "B", SIZE) for seed in COLOUR_SEEDS[part]] for part in taken)
    tested = HELD_OUT_SEEDS[:NUM_TEST]
    truths = [Truth.of(seed, SIZE) for seed in tested]
    test = [normalized_lineart(seed, SIZE) for seed in tested]
    return Portraits(TrainingData(a, b, a_held_out, b_held_out), test, truths)


def _toned(gray: np.ndarray) -> np.ndarray:
    return normalize(gray, Normalization()).image


@dataclass(frozen=True)
class Checkpoint:
    """What one generator made on the way. weights: "ema" or "raw".

    cycle: mean cycle loss since the checkpoint before, NaN in the warm-up.
    held_out, tested: (n, H, W, 3) uint8, of the lineart to choose by and of that to know the truth by.
    """

    step: int
    weights: str
    cycle: float
    held_out: np.ndarray
    tested: np.ndarray


_FIELDS = [each.name for each in dataclasses.fields(Checkpoint)]


class Training:
    """One recipe with one seed, in memory."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        config, data = recipe.config(seed), portraits().data
        self._config, self._data = config, dataclasses.replace(data, a=data.a[: recipe.num_lineart])
        self._recipe, self._schedule = recipe, Schedule.of(config, NUM_TRAINING, NUM_TRAINING)
        self._rng = torch.Generator().manual_seed(seed)
        self._model = recipe.model(config, self._schedule, _CPU, self._rng)
        self._batches = Batches(self._data, config, _CPU, self._rng, _toned)

    def run(self) -> list[Checkpoint]:
        """Both weights, at the end and, if the recipe is watched, every WATCHED_EVERY steps."""
        made: list[Checkpoint] = []
        losses: list[Losses] = []
        for step in range(1, self._schedule.total + 1):
            losses.append(self._model.step(self._batches.next(), step - 1))
            if self._recipe.watched and step % WATCHED_EVERY == 0:
                made += self._checkpoint(step, losses)
                losses = []
        if self._recipe.tune_on:
            losses = self._tune()
        return made + self._checkpoint(self._schedule.total, losses) if losses else made

    def _tune(self) -> list[Losses]:
        """Go on with few pictures of B, at the full learning rate."""
        few = dataclasses.replace(self._data, b=self._data.b[: self._recipe.tune_on])
        batches = Batches(few, self._config, _CPU, self._rng, _toned)
        return [self._model.step(batches.next(), 0) for _ in range(TUNE_STEPS)]

    def _checkpoint(self, step: int, losses: Sequence[Losses]) -> list[Checkpoint]:
        self._model.remember_palettes(self._batches.pseudo_pairs(REMEMBERED_PALETTES))
        cycle = [float(each["cycle_a"] + each["cycle_b"]) for each in losses if "cycle_a" in each]
        generators = {"ema": self._model.ema["g_ab"].network, "raw": self._model.g_ab}
        return [
            Checkpoint(
                step,
                weights,
                float(np.mean(cycle)) if cycle else np.nan,
                np.stack([translate(generator, drawing, _CPU) for drawing in self._data.a_held_out]),
                np.stack([translate(generator, drawing, _CPU) for drawing in portraits().test]),
            )
            for weights, generator in generators.items()
        ]


class Judge:
    """Score and KID on held-out lineart, truth on the test portraits: no drawing is in both."""

    def __init__(self) -> None:
        data = portraits().data
        self._scorer = Scorer(data.a_held_out, data.b_held_out)
        self._extract = Extractor()
        self._reference = self._texture(data.b_held_out)
        self._unit = self._reference.std(axis=0) + 1e-6

    def __call__(self, made: Checkpoint) -> dict[str, Any]:
        held_out = list(made.held_out)
        distance, told = measure(portraits().truths, list(made.tested))
        return {
            "step": made.step,
            "weights": made.weights,
            "cycle": made.cycle,
            "kid": self._kid(held_out),
            "score": self._scorer.score(held_out),
            "distance": distance,
            "hair_from_skin": told,
        }

    def _texture(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        return self._extract([to_lab(picture) for picture in pictures], pictures).texture

    def _kid(self, outputs: Sequence[np.ndarray]) -> float:
        """Cubic-kernel MMD (Binkowski et al. 2018) on the features that the score uses, unbiased."""
        x, y = self._texture(outputs) / self._unit, self._reference / self._unit

        def kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
            product: np.ndarray = (one @ other.T / one.shape[1] + 1) ** 3
            return product

        def distinct(one: np.ndarray) -> float:
            own = kernel(one, one)
            return float((own.sum() - np.trace(own)) / (len(one) * (len(one) - 1)))

        return distinct(x) + distinct(y) - 2 * float(kernel(x, y).mean())


def made_by(recipe: Recipe, seed: int) -> list[Checkpoint]:
    """What a training made; it is trained unless that was kept. The last two are the end: averaged, then raw."""
    path = FOLDER / f"{recipe.digest(seed)}.npz"
    if not path.exists():
        _keep(path, Training(recipe, seed).run())
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


def _measured(number: int, seed: int, last: int) -> tuple[int, int, list[dict[str, Any]]]:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    judge = Judge()
    return number, seed, [judge(made) for made in made_by(RECIPES[number], seed)[-last:]]


def measure_all(wanted: Sequence[Recipe], last: int = 0) -> Iterator[tuple[Recipe, int, list[dict[str, Any]]]]:
    """Every recipe with every seed, on all cores, in the order in which they end; what was trained before is read.

    last: measure that many checkpoints from the end only; 0: all.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(_measured, RECIPES.index(recipe), seed, last) for seed in SEEDS for recipe in wanted]
        for job in as_completed(jobs):
            number, seed, found = job.result()
            yield RECIPES[number], seed, found
