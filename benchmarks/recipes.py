"""Short trainings on the demo's portraits, one change of the recipe each, measured against what is known of them.

Two starting points: the demo preset ("ours") and CycleGAN as published ("published"), with networks of a size that
two CPU cores train in a minute or two. What did not earn a place in the product lives only here.
"""

import dataclasses
import hashlib
import io
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
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from cyclegan.config import TrainConfig, preset
from cyclegan.dataset import Batches, TrainingData
from cyclegan.losses import adversarial_loss
from cyclegan.model import CycleGan, Losses
from cyclegan.networks import REMEMBERED_PALETTES, Discriminator
from cyclegan.samples import translate
from cyclegan.schedule import Schedule
from cyclegan.score import Scorer
from cyclegan.score_faithfulness import to_lab
from cyclegan.score_realism import Extractor
from demo.drawings import COLOUR_SEEDS, HELD_OUT_SEEDS, LINEART_SEEDS, Drawing
from demo.truth import Truth, measure
from imaging.lineart import Normalization, normalize

SIZE, CROP = 72, 64  # px
NUM_TRAINING, NUM_HELD_OUT, NUM_TEST = 240, 48, 40  # portraits of each domain
NUM_SHOWN = 8
SEEDS = (0, 1, 2)
FOLDER = Path("build/recipes")
_CPU = torch.device("cpu")

_OURS = {
    "discriminator": {"layers": 2},
    "schedule": {"warm_up_epochs": 4, "constant_epochs": 0, "decay_epochs": 2},
    "data": {"crop": CROP},
}
# small networks need the demo's learning rates to come anywhere in so few steps
_PUBLISHED = {
    "generator": {"blocks": 6, "ngf": 16},
    "discriminator": {"ndf": 32, "layers": 2},
    "optimizer": {"lr_generator": 8e-4, "lr_discriminator": 4e-4},
    "schedule": {"constant_epochs": 2, "decay_epochs": 2},
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
            for parameter in whole.parameters():
                nn.init.normal_(parameter, 0.0, 0.02, generator=self._rng)
            self.networks[name] = _WithGlobal(self.networks[name], whole)  # type: ignore[arg-type]
            setattr(self, name, self.networks[name])
        self.optimizers["discriminators"] = self._adam(self.config.optimizer.lr_discriminator, self.d_a, self.d_b)


@dataclass(frozen=True)
class Recipe:
    """A starting point ("ours" or "published") and what is changed of it.

    num_lineart: drawings of A to train on.  tune_on: pictures of B to go on with for `tune_steps`, after the end.
    watched: whether checkpoints on the way are measured, too.
    """

    name: str
    start: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    model: type[CycleGan] = CycleGan
    num_lineart: int = NUM_TRAINING
    tune_on: int = 0
    tune_steps: int = 60
    watched: bool = False

    def config(self, seed: int) -> TrainConfig:
        values = preset("demo" if self.start == "ours" else "paper").model_dump()
        for changes in (_OURS if self.start == "ours" else _PUBLISHED, self.changes, {"seed": seed}):
            for name, value in changes.items():
                if isinstance(value, Mapping):
                    values[name] |= value
                else:
                    values[name] = value
        return TrainConfig.model_validate(values)

    def digest(self, seed: int) -> str:
        """Of everything that the recipe says, so that a changed one is trained again."""
        said = [self.config(seed).model_dump(), self.model.__name__, self.num_lineart, self.tune_on, self.tune_steps]
        said += [self.watched, SIZE, NUM_TRAINING, NUM_HELD_OUT, NUM_TEST]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]


_NO_PALETTE = {"generator": {"palette": 0}}
_NO_LINES_KEPT = {"generator": {"palette": 0, "head": "tanh"}}
_UNPAIRED = _NO_PALETTE | {"losses": {"lambda_pseudo": 0}, "schedule": {"warm_up_epochs": 0, "decay_epochs": 6}}

RECIPES = [
    Recipe("ours", "ours", watched=True),
    Recipe("free colours under kept lines, no palette", "ours", _NO_PALETTE),
    Recipe("no palette, lines not kept (tanh)", "ours", _NO_LINES_KEPT),
    Recipe("transposed convolutions", "ours", {"generator": {"upsample": "transposed"}}),
    Recipe("fake lineart may have colour", "ours", {"losses": {"grey_lines": False}}),
    Recipe("cycle of B as strong at the end", "ours", {"losses": {"lambda_cycle_b_end": 5.0}}),
    Recipe("identity loss 0.5", "ours", {"losses": {"lambda_identity": 0.5}}),
    Recipe("no DiffAugment", "ours", {"augment": False}),
    Recipe("no warm-up", "ours", {"schedule": {"warm_up_epochs": 0, "decay_epochs": 6}}),
    Recipe("warm-up alone, no discriminators", "ours", {"schedule": {"warm_up_epochs": 10, "decay_epochs": 0}}),
    Recipe("no pseudo-pairs, no palette", "ours", _UNPAIRED),
    Recipe("spectral norm", "ours", model=SpectralNorm),
    Recipe("R1 penalty", "ours", model=R1),
    Recipe("global discriminator", "ours", model=GlobalDiscriminator),
    Recipe("palette of 16", "ours", {"generator": {"palette": 16}}),
    Recipe("published, 6 blocks", "published", watched=True),
    Recipe("published, 9 blocks", "published", {"generator": {"blocks": 9}}),
    Recipe("published, 12 blocks", "published", {"generator": {"blocks": 12}}),
    Recipe("published, no identity loss", "published", {"losses": {"lambda_identity": 0.0}}),
    Recipe("published, soft labels 0.9", "published", model=SoftLabels),
    Recipe("published, loss balancing 0.05", "published", model=LossBalancing),
    Recipe("published, 8 drawings in A", "published", num_lineart=8),
    Recipe("published, fine-tuned on 8 pictures", "published", tune_on=8),
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
    a, a_held_out = ([_lineart(seed) for seed in LINEART_SEEDS[part]] for part in taken)
    b, b_held_out = ([_picture(seed) for seed in COLOUR_SEEDS[part]] for part in taken)
    tested = HELD_OUT_SEEDS[:NUM_TEST]
    truths = [Truth.of(seed, SIZE) for seed in tested]
    return Portraits(TrainingData(a, b, a_held_out, b_held_out), [_lineart(seed) for seed in tested], truths)


def _picture(seed: int) -> np.ndarray:
    with Image.open(io.BytesIO(Drawing(seed).render("B", SIZE))) as image:
        return np.array(image.convert("RGB"))


def _lineart(seed: int) -> np.ndarray:
    with Image.open(io.BytesIO(Drawing(seed).render("A", SIZE))) as image:
        return _toned(np.array(image.convert("L")))


def _toned(gray: np.ndarray) -> np.ndarray:
    return normalize(gray, Normalization()).image


class Training:
    """One recipe with one seed, in memory."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        config, data = recipe.config(seed), portraits().data
        data = dataclasses.replace(data, a=data.a[: recipe.num_lineart])
        self.recipe, self.schedule = recipe, Schedule.of(config, NUM_TRAINING, NUM_TRAINING)
        self.total = self.schedule.total
        self._data, self._config = data, config
        self._rng = torch.Generator().manual_seed(seed)
        self.model = recipe.model(config, self.schedule, _CPU, self._rng)
        self.batches = Batches(data, config, _CPU, self._rng, _toned)
        self._judge = Judge()

    def run(self, every: int = 20) -> list[dict[str, Any]]:
        """Measurements of both weights, at the end and, if the recipe is watched, every `every` steps."""
        found: list[dict[str, Any]] = []
        losses: list[Losses] = []
        for step in range(self.total):
            losses.append(self.model.step(self.batches.next(), step))
            last = step + 1 == self.total and not self.recipe.tune_on
            if last or (self.recipe.watched and (step + 1) % every == 0):
                found += self._measure(step + 1, losses)
                losses = []
        return found or self._tune()

    def _tune(self) -> list[dict[str, Any]]:
        """Go on with few pictures of B, at the full learning rate."""
        few = dataclasses.replace(self._data, b=self._data.b[: self.recipe.tune_on])
        batches = Batches(few, self._config, _CPU, self._rng, _toned)
        losses = [self.model.step(batches.next(), 0) for _ in range(self.recipe.tune_steps)]
        return self._measure(self.total + self.recipe.tune_steps, losses)

    def _measure(self, step: int, losses: Sequence[Losses]) -> list[dict[str, Any]]:
        self.model.remember_palettes(self.batches.pseudo_pairs(REMEMBERED_PALETTES))
        cycle = [float(each["cycle_a"] + each["cycle_b"]) for each in losses if "cycle_a" in each]
        generators = {"ema": self.model.ema["g_ab"].network, "raw": self.model.g_ab}
        return [
            {"step": step, "weights": weights, "cycle": float(np.mean(cycle)) if cycle else None}
            | self._judge(generator)
            for weights, generator in generators.items()
        ]

    def outputs(self) -> list[np.ndarray]:
        return [translate(self.model.ema["g_ab"].network, each, _CPU) for each in portraits().test]


class Judge:
    """Score and KID on held-out lineart, truth on the test portraits: no drawing is in both."""

    def __init__(self) -> None:
        data = portraits().data
        self._lineart = data.a_held_out
        self._scorer = Scorer(data.a_held_out, data.b_held_out)
        self._extract = Extractor()
        self._reference = self._texture(data.b_held_out)
        self._unit = self._reference.std(axis=0) + 1e-6

    def __call__(self, generator: nn.Module) -> dict[str, Any]:
        held_out = [translate(generator, drawing, _CPU) for drawing in self._lineart]
        tested = [translate(generator, drawing, _CPU) for drawing in portraits().test]
        distance, told = measure(portraits().truths, tested)
        score = self._scorer.score(held_out).to_dict()
        return {"score": score, "kid": self._kid(held_out), "distance": distance, "hair_from_skin": told}

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


def train(number: int, seed: int) -> tuple[int, int, list[dict[str, Any]]]:
    """Train recipe `number` unless its result is there; returns the measurements."""
    recipe = RECIPES[number]
    path = FOLDER / f"{recipe.digest(seed)}-{seed}.json"
    if not path.exists():
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        training = Training(recipe, seed)
        found = training.run()
        np.save(path.with_suffix(".npy"), np.stack(training.outputs()[:NUM_SHOWN]))
        unfinished = path.with_suffix(".part")
        unfinished.write_text(json.dumps(found))
        os.replace(unfinished, path)
    return number, seed, json.loads(path.read_text())


def shown(recipe: Recipe, seed: int) -> np.ndarray:
    """(NUM_SHOWN, H, W, 3) uint8: what a finished training makes of the first test portraits, averaged weights."""
    pictures: np.ndarray = np.load(FOLDER / f"{recipe.digest(seed)}-{seed}.npy")
    return pictures


def train_all(
    wanted: Sequence[Recipe], seeds: Sequence[int] = SEEDS
) -> Iterator[tuple[Recipe, int, list[dict[str, Any]]]]:
    """Every recipe with every seed, on all cores, in the order in which they end; what was trained before is read."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(train, RECIPES.index(recipe), seed) for seed in SEEDS for recipe in wanted]
        for job in as_completed(jobs):
            number, seed, found = job.result()
            yield RECIPES[number], seed, found
