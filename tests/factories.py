"""Makes what many tests need: small configs, untrained painters, checkpoints, pictures, trainings."""

import csv
import io
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from cyclegan.distributed import World
from cyclegan.painting.checkpoint import load_checkpoint, save_checkpoint
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.networks import init_weights
from cyclegan.painting.painter import Painter
from cyclegan.training.checkpoints import checkpoint_path
from cyclegan.training.config import TrainConfig
from cyclegan.training.dataset import TrainingData
from cyclegan.training.trainer import Trainer
from demo.drawings import Drawing
from imaging.lineart import Normalization
from irodori.models import Served

SIZE = 64  # px at which the painters of `save` see drawings
TINY: dict[str, Any] = {
    "generator": {"blocks": 1, "ngf": 4, "head": "line_keeping", "upsample": "nearest", "palette": 3},
    "discriminator": {"ndf": 4, "layers": 1},
    "losses": {"lambda_pseudo": 5, "grey_lines": True, "lambda_cycle_b_end": 1},
    "schedule": {"warm_up_epochs": 1, "constant_epochs": 1, "decay_epochs": 2},
    "data": {"crop": 16},
    "batch": 2,
    "pool": 3,
    "augment": True,
    "device": "cpu",
    "checkpoint_every": 6,
    "log_every": 3,
}
TOTAL = 24  # steps of TINY on `training_data`: 12 images, two a step, four epochs
_OF_THE_METHOD = ("generator", "discriminator", "losses", "optimizer", "pool", "augment")


class Stop(BaseException):
    """Stands for the exception that a flow engine raises in the main thread to end a run."""


def train_config(**settings: Any) -> TrainConfig:
    """Makes a config from settings of the method and of the training, given side by side."""
    method = {name: settings.pop(name) for name in _OF_THE_METHOD if name in settings}
    return TrainConfig.model_validate({"method": method, **settings})


def tiny_config(**changes: Any) -> TrainConfig:
    """Returns TINY with whole sections replaced."""
    return train_config(**TINY | changes)


def untrained(config: GeneratorConfig, seed: int = 0) -> Painter:
    """Makes a painter whose random weights are so large that it paints the whole page; any palettes are random, too."""
    network = Painter(config).eval()
    random = torch.Generator().manual_seed(seed)
    init_weights(network, random)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(5)
        if config.palette:
            give_palettes(network, torch.rand(64, config.palette, 3, generator=random))
    return network


def give_palettes(network: Painter, palettes: torch.Tensor) -> None:
    """Makes a painter remember palettes (n, k, 3) in [0, 1], and not what the pictures show."""
    network.remembered, network.shares = palettes, torch.ones(palettes.shape[:2])
    network.keys = torch.zeros(0, 0)


def save(
    path: Path, head: str = "line_keeping", seed: int = 0, normalization: Normalization | None = None, palette: int = 0
) -> Path:
    """Saves a checkpoint of an untrained painter, which paints noise over everything."""
    config = GeneratorConfig.model_validate(
        {"blocks": 1, "ngf": 8, "head": head, "upsample": "nearest", "palette": palette}
    )
    ema, raw = (untrained(config, number).state_dict() for number in (seed, seed + 1))
    checkpoint = {
        "step": 7,
        "painter": {"config": config.model_dump(), "ema": ema, "raw": raw},
        "normalization": (normalization or Normalization()).to_dict(),
        "lineart": {"size": SIZE, "examples": None},
    }
    save_checkpoint(path, checkpoint)
    return path


def served(checkpoint: str = "models/m/runs/r/checkpoints/step_000000007.pt", **values: Any) -> Served:
    """Makes the content of a best.json."""
    usual: dict[str, Any] = {"run": "r", "step": 7, "weights": "ema", "score": 50.0, "parts": {}, "reason": "the only"}
    return Served(checkpoint=checkpoint, **usual | values)


def drawing(seed: int = 2003, size: int = 200) -> Image.Image:
    """Draws the lineart of a portrait, as RGB."""
    return Image.open(io.BytesIO(Drawing(seed).render("A", size))).convert("RGB")


def largest_difference(one: Image.Image, other: Image.Image) -> int:
    """Returns the largest difference of any channel of any pixel, in grey levels."""
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other)).max())


def pictures(count: int, seed: int, *, colour: bool) -> list[np.ndarray]:
    """Draws white pages with an outlined box.

    Args:
        count: number of pages.
        seed: decides the boxes.
        colour: fill the boxes.

    Returns:
        Pages of (20, 24, 3) uint8 RGB if in colour, otherwise (20, 24) uint8.
    """
    rng = np.random.default_rng(seed)
    pages = []
    for _ in range(count):
        page = np.full((20, 24, 3), 255, np.uint8)
        top, left = rng.integers(2, 8, 2)
        page[top : top + 10, left : left + 12] = 0
        page[top + 1 : top + 9, left + 1 : left + 11] = rng.integers(60, 255, 3) if colour else 255
        pages.append(page if colour else page[..., 0].copy())
    return pages


def filled_shapes(outline: str = "black") -> np.ndarray:
    image = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(image).ellipse((12, 16, 52, 48), fill=(200, 90, 40), outline=outline, width=2)
    return np.asarray(image)


def training_data(count: int = 12, held_out: int = 4) -> TrainingData:
    return TrainingData(
        pictures(count, 0, colour=False),
        pictures(count, 1, colour=True),
        pictures(held_out, 2, colour=False),
        pictures(held_out, 3, colour=True),
    )


def trainer(
    folder: Path, settings: TrainConfig | None = None, images: TrainingData | None = None, world: World | None = None
) -> Trainer:
    """Makes a trainer, by default of TINY on `training_data`."""
    data = images or training_data()
    return Trainer(settings or tiny_config(), data, folder, normalization=Normalization(), world=world)


def run_until(running: Trainer, stop: int) -> None:
    """Runs a training that is stopped before its next step when `stop` steps are made."""
    step = running._step

    def stopping(watch: Any) -> None:
        if running.step == stop:
            raise Stop
        step(watch)

    running._step = stopping  # type: ignore[method-assign]
    with pytest.raises(Stop):
        running.run()


def csv_rows(path: Path, *without: str) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{key: value for key, value in row.items() if key not in without} for row in csv.DictReader(file)]


def same(one: Any, other: Any) -> bool:
    """Compares tensors bit by bit, also inside dictionaries and lists."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(itertools.starmap(same, zip(one, other, strict=True)))
    return bool(one == other)


def assert_same_run(one: Path, other: Path, total: int = TOTAL) -> None:
    last = [load_checkpoint(checkpoint_path(folder / "checkpoints", total)) for folder in (one, other)]
    for key in last[0]:
        assert same(last[0][key], last[1][key]), key
    clock = ("images_per_second", "data_share")
    assert csv_rows(one / "metrics.csv", *clock) == csv_rows(other / "metrics.csv", *clock)
    assert (one / "scores.csv").read_bytes() == (other / "scores.csv").read_bytes()
    for sample in (one / "samples").iterdir():
        assert sample.read_bytes() == (other / "samples" / sample.name).read_bytes()


def fail_in_the_middle_of(step: int, folder: Path) -> None:
    """Trains until an error inside a step, after the generators' update."""
    running = trainer(folder)
    method: Any = running.method
    generators_done = method._discriminator_loss

    def failing(*arguments: Any) -> torch.Tensor:
        if running.step == step:
            raise RuntimeError("a step that fails in the middle")
        found: torch.Tensor = generators_done(*arguments)
        return found

    method._discriminator_loss = failing
    try:
        running.run()
    except RuntimeError as error:
        assert "in the middle" in str(error)


def raw_weights(state: Mapping[str, Any]) -> dict[str, dict[str, torch.Tensor]]:
    """Those of a checkpoint's networks as of the last step, by name."""
    return {"g_ab": state["painter"]["raw"], **state["method"]["networks"]}


def averaged_weights(state: Mapping[str, Any]) -> dict[str, dict[str, torch.Tensor]]:
    """Those of a checkpoint's generators, by name."""
    return {"g_ab": state["painter"]["ema"], **state["averages"]}
