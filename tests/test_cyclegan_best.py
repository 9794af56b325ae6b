"""Which checkpoint of a run serves, where a person sees at once which is the best: the others leave the paper white.

Domain B is outlines on coloured paper, so a generator whose whole page is one region of a palette paints as B is. One
whose whole page is in the first region, which is always white, leaves the lineart untouched.
"""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image

from cyclegan.checkpoint import checkpoint_path, checkpoint_step, list_checkpoints
from cyclegan.colorizer import Colorizer
from cyclegan.config import TrainConfig
from cyclegan.dataset import TrainingData
from cyclegan.trainer import Trainer
from imaging.lineart import Normalization
from tests.handmade import put_all_in_region

torch.set_num_threads(1)
SIZE = 32
WHITE, COLOURED = 0, 1  # regions
PAPERS = [(240, 120, 110), (120, 220, 130), (130, 140, 240), (235, 225, 110), (225, 130, 230), (120, 225, 225)]
Regions = tuple[int, int]  # of the averaged and of the raw weights
SETTINGS: dict[str, Any] = {
    "generator": {"blocks": 1, "ngf": 4, "head": "line_keeping", "upsample": "nearest", "palette": 3},
    "discriminator": {"ndf": 4, "layers": 1},
    "losses": {"lambda_pseudo": 5, "lambda_identity": 0},
    "schedule": {"constant_epochs": 1, "decay_epochs": 0},
    "data": {"crop": SIZE},
    "batch": 2,
    "device": "cpu",
    "checkpoint_every": 1,
    "log_every": 1,
    "keep": 1,
    "keep_best": 0,
}
STEPS = 6


def outlines(count: int, seed: int) -> list[np.ndarray]:
    rng, pages = np.random.default_rng(seed), []
    for _ in range(count):
        page = np.full((SIZE, SIZE), 255, np.uint8)
        top, left = rng.integers(4, 9, 2)
        page[top : top + 18, left : left + 16] = 60
        page[top + 1 : top + 17, left + 1 : left + 15] = 255
        pages.append(page)
    return pages


def on_coloured_paper(lines: list[np.ndarray]) -> list[np.ndarray]:
    papers = (np.array(PAPERS[number % len(PAPERS)]) / 255 for number in range(len(lines)))
    return [np.rint(page[..., None] * paper).astype(np.uint8) for page, paper in zip(lines, papers, strict=True)]


def data(held_out: int = 8) -> TrainingData:
    pages = [outlines(count, seed) for seed, count in enumerate((12, 12, held_out, held_out))]
    return TrainingData(pages[0], on_coloured_paper(pages[1]), pages[2], on_coloured_paper(pages[3]))


def run(
    folder: Path,
    regions: Mapping[int, Regions],
    images: TrainingData | None = None,
    after: Callable[[Trainer, int], None] | None = None,
    **changes: Any,
) -> Trainer:
    """A run whose weights are set just before the checkpoints of these steps; `after` sees each checkpoint."""
    config = TrainConfig.model_validate(SETTINGS | changes)
    trainer = Trainer(config, images or data(), folder, normalization=Normalization())

    def put(step: int, *_: object) -> None:
        for network, region in zip(generators(trainer), regions.get(step, (WHITE, WHITE)), strict=True):
            put_all_in_region(network, region)

    trainer.run(on_progress=put, on_checkpoint=lambda step, *_: after(trainer, step) if after else None)
    return trainer


def generators(trainer: Trainer) -> tuple[Any, Any]:
    """The averaged colouring generator and that of the last step."""
    return trainer.model.ema["g_ab"].network, trainer.model.g_ab


def colourfulness(folder: Path, step: int, weights: Literal["ema", "raw"]) -> float:
    """Of the held-out lineart as this checkpoint paints it: mean range of the channels, in grey levels."""
    colorizer = Colorizer.load(checkpoint_path(folder / "checkpoints", step), device="cpu", weights=weights)
    painted = [np.asarray(colorizer(Image.fromarray(page))).astype(int) for page in data().a_held_out]
    return float(np.mean([np.ptp(picture, axis=2).mean() for picture in painted]))


def steps_kept(folder: Path) -> list[int]:
    return [checkpoint_step(path) for path in list_checkpoints(folder / "checkpoints")]


@pytest.mark.parametrize(("best", "weights"), [(1, "ema"), (3, "raw"), (STEPS, "raw")])
def test_the_best_checkpoint_serves_wherever_in_the_run_it_is(
    tmp_path: Path, best: int, weights: Literal["ema", "raw"]
) -> None:
    good = (COLOURED, WHITE) if weights == "ema" else (WHITE, COLOURED)
    trainer = run(tmp_path, {best: good})
    choice = trainer.choice()
    assert (choice.step, choice.weights) == (best, weights)
    assert f"step {best}:" in choice.reason
    other: Literal["ema", "raw"] = "raw" if weights == "ema" else "ema"
    assert colourfulness(tmp_path, best, weights) > 40 > 1 > colourfulness(tmp_path, best, other)
    assert steps_kept(tmp_path) == sorted({best, STEPS}, reverse=True)
    assert best == STEPS or colourfulness(tmp_path, STEPS, "ema") < 1


def test_the_table_of_scores_says_which_checkpoint_painted(tmp_path: Path) -> None:
    run(tmp_path, {2: (COLOURED, WHITE), 5: (WHITE, COLOURED)})
    with (tmp_path / "scores.csv").open(newline="") as file:
        values = {(int(row["step"]), row["weights"]): float(row["value"]) for row in csv.DictReader(file)}
    assert values.keys() == {(step, weights) for step in range(1, STEPS + 1) for weights in ("ema", "raw")}
    painted = {(2, "ema"), (5, "raw")}
    assert min(values[each] for each in painted) > 10
    assert all(value == 0 for each, value in values.items() if each not in painted)


def test_a_resumed_run_knows_the_best_checkpoint_of_before(tmp_path: Path) -> None:
    class Stop(BaseException):
        pass

    def stop(_: Trainer, step: int) -> None:
        if step == 4:
            raise Stop

    with pytest.raises(Stop):
        run(tmp_path, {2: (COLOURED, COLOURED)}, after=stop)
    seen: list[tuple[int, int]] = []
    run(tmp_path, {}, after=lambda trainer, step: seen.append((step, trainer.choice().step)))
    assert seen == [(5, 2), (6, 2)]
    assert steps_kept(tmp_path) == [6, 2]
    assert colourfulness(tmp_path, 2, "ema") > 40


def test_what_serves_is_kept_from_the_moment_it_is_best(tmp_path: Path) -> None:
    kept: list[list[int]] = []
    run(tmp_path, {3: (COLOURED, COLOURED)}, after=lambda *_: kept.append(steps_kept(tmp_path)))
    assert [3 in steps for steps in kept] == [False, False, True, True, True, True]
    assert all(step in steps for step, steps in enumerate(kept, start=1))


def test_a_run_without_held_out_pictures_serves_the_newest(tmp_path: Path) -> None:
    served: list[tuple[int, str]] = []
    run(
        tmp_path,
        {2: (COLOURED, COLOURED)},
        data(held_out=0),
        after=lambda trainer, _: served.append((trainer.choice().step, trainer.choice().weights)),
    )
    assert served == [(step, "ema") for step in range(1, STEPS + 1)]
