"""``make train-gpu``: the `default` preset on the demo's drawings at 256 px, on a GPU, with nothing else running.

Leaves in the folder: ``figures.json``; ``samples.png``, the sheet of the checkpoint that was chosen; the whole run with
its page, ``run/index.html``; and the chosen generator, ``generator.pt``, if it is small enough to hand on. Stopped and
started again, it goes on where it was.
"""

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from cyclegan.errors import CycleganError
from cyclegan.painting.checkpoint import export_painter
from cyclegan.training.checkpoints import checkpoint_path
from cyclegan.training.config import TrainConfig, preset
from cyclegan.training.dataset import TrainingData
from cyclegan.training.schedule import Schedule
from cyclegan.training.trainer import Trainer
from demo.drawings import COLOUR_SEEDS, CREDIT, HELD_OUT_SEEDS, LINEART_SEEDS, Domain
from demo.pictures import normalized_lineart, portrait
from imaging.lineart import Normalization

FOLDER = Path(__file__).resolve().parent.parent / ".run" / "train-gpu"
LARGEST_GENERATOR = 14e6  # bytes
# the smallest settings that still run every step
REHEARSAL: dict[str, Any] = {
    "method": {"generator": {"blocks": 1, "ngf": 8}, "discriminator": {"ndf": 8}},
    "data": {"crop": 64},
    "device": "cpu",
    "checkpoint_every": 4,
    "log_every": 2,
}
REHEARSED_STEPS, REHEARSED_DRAWINGS = 8, 8


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parse(arguments)
    if not asked.rehearse and not torch.cuda.is_available():
        sys.exit("train-gpu needs a GPU that torch can use, and finds none; --rehearse tries it out on the CPU, tiny")
    try:
        train(asked.folder, asked.rehearse, asked.steps)
    except CycleganError as error:
        sys.exit(f"train-gpu stopped: {error}")
    except KeyboardInterrupt:
        sys.exit("\nstopped; the same command goes on where it was")


def train(folder: Path, rehearse: bool, steps: int | None) -> None:
    """Trains to the end and writes the files that the module's docstring lists.

    Args:
        folder: where the run and the files go; a run found there is resumed.
        rehearse: train a tiny model for a few steps on the CPU.
        steps: about how many steps to train; None: as many as the preset makes. A rehearsal ignores it.

    Raises:
        CycleganError: if the training cannot go on (its text is one line).
    """
    count = REHEARSED_DRAWINGS if rehearse else len(COLOUR_SEEDS)
    config = settings(rehearse, REHEARSED_STEPS if rehearse else steps, count)
    data = draw(count, round(config.data.crop * 286 / 256))  # larger than the crop, as published
    trainer = Trainer(config, data, folder / "run", normalization=Normalization())
    trainer.run(on_progress=_print)
    choice = trainer.choice()
    checkpoint = checkpoint_path(folder / "run" / "checkpoints", choice.step)
    size = export_painter(checkpoint, choice.weights, folder / "generator.pt", largest=LARGEST_GENERATOR)
    shutil.copy(folder / "run" / "samples" / f"step_{choice.step:09d}.png", folder / "samples.png")
    table = pd.read_csv(folder / "run" / "metrics.csv")
    figures = {
        "device": torch.cuda.get_device_name() if config.device == "cuda" else "cpu, a rehearsal",
        "size": [config.data.crop, config.method.generator.blocks, config.method.generator.ngf, config.batch],
        "steps": trainer.step,
        "drawings": [len(data.a), len(data.b)],
        "images_per_second": round(statistics.median(table["images_per_second"]), 2),
        "gpu_gigabytes": round(torch.cuda.max_memory_allocated() / 1e9, 2) if config.device == "cuda" else None,
        "generator_megabytes": round(size / 1e6, 1),
        "choice": asdict(choice),
    }
    (folder / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    _print_summary(folder, figures)


def settings(rehearse: bool, steps: int | None, count: int) -> TrainConfig:
    """Returns the configuration: the `default` preset on the GPU.

    Args:
        rehearse: shrink it to a tiny model on the CPU.
        steps: scale all phases by the same factor to about this many steps; None: leave them as they are.
        count: number of drawings in each domain, on which the steps of an epoch depend.
    """
    config = preset("default").changed({"device": "cuda"})
    if rehearse:
        config = config.changed(REHEARSAL)
    if steps is None:
        return config
    factor = steps / Schedule.of(config, count, count).total
    return config.changed({"schedule": {name: epochs * factor for name, epochs in config.schedule}})


def draw(count: int, size: int) -> TrainingData:
    """Draws the training data and the held-out data to score with; no drawing is in both domains.

    Args:
        count: drawings in each domain. The held-out pictures of B are taken from these, those of A are extra.
        size: width and height in pixels.

    Returns:
        Lineart as (size, size) arrays and RGB pictures as (size, size, 3), all uint8.
    """
    held_out = min(count // 2, len(HELD_OUT_SEEDS))
    seeds: list[tuple[Domain, Sequence[int]]] = [
        ("A", [*LINEART_SEEDS[:count], *HELD_OUT_SEEDS[:held_out]]),
        ("B", COLOUR_SEEDS[:count]),
    ]
    wanted = [(domain, seed, size) for domain, numbers in seeds for seed in numbers]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        pictures = list(pool.map(_draw, wanted, chunksize=50))
    a, b = pictures[: count + held_out], pictures[count + held_out :]
    return TrainingData(a[:count], b[held_out:], a[count:], b[:held_out])


def _draw(wanted: tuple[Domain, int, int]) -> np.ndarray:
    """Returns normalized lineart (H, W) or an RGB picture (H, W, 3), uint8."""
    domain, seed, size = wanted
    return normalized_lineart(seed, size) if domain == "A" else portrait(seed, domain, size)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.train_gpu", description=__doc__)
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, a few steps of a tiny model")
    parser.add_argument("--steps", type=int, help="how many, about; default: as many as the preset makes")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where everything goes; default: %(default)s")
    return parser.parse_args(arguments)


def _print(step: int, total: int, metrics: dict[str, float]) -> None:
    print(f"step {step:,} of {total:,}, {metrics['images_per_second']:.1f} images/s", flush=True)


def _print_summary(folder: Path, figures: dict[str, Any]) -> None:
    print(f"\nfigures    {folder / 'figures.json'}")
    print(f"samples    {folder / 'samples.png'}  ({CREDIT})")
    print(f"page       {folder / 'run' / 'index.html'}")
    size = figures["generator_megabytes"]
    left = folder / "generator.pt" if (folder / "generator.pt").exists() else "not written: more than 14 MB"
    print(f"generator  {left}  ({size} MB in float16)")
    print(f"chosen     {figures['choice']['reason']}")


if __name__ == "__main__":
    main()
