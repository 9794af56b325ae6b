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

from cyclegan.painting.checkpoint import load_checkpoint, save_checkpoint
from cyclegan.painting.colorizer import Colorizer
from cyclegan.scoring.samples import translate
from cyclegan.scoring.score import FAITHFULNESS_WEIGHTS, REALISM_WEIGHTS, SUITABILITY_WEIGHTS, Score, Scorer
from cyclegan.training.checkpoints import checkpoint_path, checkpoint_step, list_checkpoints
from cyclegan.training.dataset import TrainingData
from cyclegan.training.trainer import Trainer
from imaging.lineart import Normalization, normalize
from imaging.lines import extract_lines
from tests.factories import Stop, averaged_weights, raw_weights, train_config
from tests.handmade import COLOURED, OUTLINE_SIZE, WHITE, outlines, painters, put_all_in_region
from tests.reds import keep_paper

pytestmark = pytest.mark.slow

torch.set_num_threads(1)
PAPERS = [(240, 120, 110), (120, 220, 130), (130, 140, 240), (235, 225, 110), (225, 130, 230), (120, 225, 225)]
Regions = tuple[int, int]  # of the averaged and of the raw weights
SETTINGS: dict[str, Any] = {
    "generator": {"blocks": 1, "ngf": 4, "head": "line_keeping", "upsample": "nearest", "palette": 3},
    "discriminator": {"ndf": 4, "layers": 1},
    "losses": {"lambda_pseudo": 5, "lambda_identity": 0},
    "schedule": {"constant_epochs": 1, "decay_epochs": 0},
    "data": {"crop": OUTLINE_SIZE},
    "batch": 2,
    "device": "cpu",
    "checkpoint_every": 1,
    "log_every": 1,
    "keep": 1,
    "keep_best": 0,
}
STEPS = 6


def on_coloured_paper(lines: list[np.ndarray]) -> list[np.ndarray]:
    papers = (np.array(PAPERS[number % len(PAPERS)]) / 255 for number in range(len(lines)))
    return [np.rint(page[..., None] * paper).astype(np.uint8) for page, paper in zip(lines, papers, strict=True)]


@pytest.fixture(autouse=True)
def on_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_paper(monkeypatch)


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
    config = train_config(**SETTINGS | changes)
    trainer = Trainer(config, images or data(), folder, normalization=Normalization())

    def put(step: int, *_: object) -> None:
        for network, region in zip(painters(trainer), regions.get(step, (WHITE, WHITE)), strict=True):
            put_all_in_region(network, region)

    trainer.run(on_progress=put, on_checkpoint=lambda step, *_: after(trainer, step) if after else None)
    return trainer


def colourfulness(folder: Path, step: int, weights: Literal["ema", "raw"]) -> float:
    """Of the held-out lineart as this checkpoint paints it: mean range of the channels, in grey levels."""
    colorizer = Colorizer.load(checkpoint_path(folder / "checkpoints", step), device="cpu", weights=weights)
    painted = [np.asarray(colorizer(Image.fromarray(page))).astype(int) for page in data().a_held_out]
    return float(np.mean([np.ptp(picture, axis=2).mean() for picture in painted]))


def scores(folder: Path) -> dict[tuple[int, str], float]:
    with (folder / "scores.csv").open(newline="") as file:
        return {(int(row["step"]), row["weights"]): float(row["value"]) for row in csv.DictReader(file)}


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
    values = scores(tmp_path)
    assert values.keys() == {(step, weights) for step in range(1, STEPS + 1) for weights in ("ema", "raw")}
    painted = {(2, "ema"), (5, "raw")}
    assert min(values[each] for each in painted) > 5
    assert all(value == 0 for each, value in values.items() if each not in painted)


def test_a_resumed_run_knows_the_best_checkpoint_of_before(tmp_path: Path) -> None:
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


def test_scores_are_of_the_held_out_pictures_each_with_its_own_drawing(tmp_path: Path) -> None:
    images, seen = data(), dict[tuple[int, str], float]()
    lines = [normalize(extract_lines(picture)).image for picture in images.b_held_out]
    scorer = Scorer(images.a_held_out, images.b_held_out, lines)

    def score(trainer: Trainer, step: int) -> None:
        for weights, network in zip(("ema", "raw"), painters(trainer), strict=True):
            outputs = [translate(network, page) for page in images.a_held_out]
            seen[step, weights] = scorer.score(outputs, [translate(network, page) for page in lines]).value

    run(tmp_path, {2: (COLOURED, WHITE), 3: (WHITE, COLOURED)}, images, after=score)
    assert scores(tmp_path) == pytest.approx(seen)
    assert seen[2, "ema"] > 5 and seen[3, "raw"] > 5


def test_the_sheet_shows_lineart_then_averaged_then_raw_weights(tmp_path: Path) -> None:
    run(tmp_path, {2: (COLOURED, WHITE), 3: (WHITE, COLOURED)})
    for step, coloured in ((1, [0, 0, 0]), (2, [0, 1, 0]), (3, [0, 0, 1])):
        with Image.open(tmp_path / "samples" / f"step_{step:09d}.png") as sheet:
            pixels = np.asarray(sheet.convert("RGB")).astype(int)
        thirds = np.array_split(pixels[:, : pixels.shape[1] // 4], 3, axis=1)  # of the first of four drawings
        assert [int(np.ptp(third, axis=2).max() > 40) for third in thirds] == coloured


SOUND = {"line_recall": 0.99, "diversity": 0.3, "diversity_b": 0.3, "soft_median": 0.05, "soft_b": 0.02}
NO_FAULTS = {name: 0.0 for name in (*REALISM_WEIGHTS, *FAITHFULNESS_WEIGHTS, *SUITABILITY_WEIGHTS)}


def known(selecting: float, reporting: float = 0.0, **measures: float) -> dict[str, Any]:
    return Score(selecting, NO_FAULTS, SOUND | measures, selecting, reporting, [selecting] * 200).to_dict()


def test_the_checkpoints_kept_as_best_are_those_that_are_fit_to_serve(tmp_path: Path) -> None:
    """The scores are put into the newest checkpoint of a run that is stopped, and it goes on with them."""

    def stop(_: Trainer, step: int) -> None:
        if step == 4:
            raise Stop

    with pytest.raises(Stop):
        run(tmp_path, {}, after=stop, keep=9)
    newest = checkpoint_path(tmp_path / "checkpoints", 4)
    state = load_checkpoint(newest)
    put = {
        1: (known(50), known(10)),
        2: (known(95, line_recall=0.5), known(94, line_recall=0.5)),
        3: (known(20), known(70)),
        4: (known(40, reporting=99), known(39, reporting=98)),
    }
    state["scores"] = [
        {"step": step, "weights": weights, "score": score}
        for step, both in put.items()
        for weights, score in zip(("ema", "raw"), both, strict=True)
    ]
    save_checkpoint(newest, state)
    choices: list[tuple[int, str, float]] = []

    def look(trainer: Trainer, step: int) -> None:
        choice = trainer.choice()
        choices.append((choice.step, choice.weights, choice.score))
        assert steps_kept(tmp_path) == sorted({step, 3, 1}, reverse=True)

    run(tmp_path, {}, after=look, keep=1, keep_best=2)
    assert choices == [(3, "raw", 0.0)] * 2


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_so_many_of_the_newest_are_kept(tmp_path: Path, keep: int) -> None:
    run(tmp_path, {}, data(held_out=0), keep=keep)
    assert steps_kept(tmp_path) == list(range(STEPS, STEPS - keep, -1))


def test_palettes_come_from_the_first_pictures_of_any_size_in_their_order(tmp_path: Path) -> None:
    """Sides that are no multiple of four are cut; the lines are toned as the lineart is."""
    images = data()
    larger = [np.pad(page, ((0, 1), (0, 2), (0, 0)), mode="edge") for page in images.b]
    trainer = run(tmp_path, {STEPS: (COLOURED, COLOURED)}, TrainingData(images.a, larger))
    for network in painters(trainer):
        remembered = 255 * network.remembered[:, COLOURED].numpy()
        assert len(remembered) == 12
        for slot in range(12):
            assert remembered[slot] == pytest.approx(np.array(PAPERS[slot % 6]), abs=8)
    saved = load_checkpoint(checkpoint_path(tmp_path / "checkpoints", STEPS))
    for state in (averaged_weights(saved)["g_ab"], raw_weights(saved)["g_ab"]):
        assert torch.equal(state["remembered"], painters(trainer)[0].remembered)
