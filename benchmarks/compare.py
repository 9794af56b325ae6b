"""Compares the methods: each learns each artist's portraits for the same minutes of one core.

    python -m benchmarks.compare                          all methods and artists, hours; --minutes 10 as it is
    python -m benchmarks.compare ugatit micah             one cell of the table
    python -m benchmarks.compare ugatit micah --minutes 1

Each cell is a process of its own, and what it found is kept in build/compare, so that a stopped benchmark goes on where
it was; another number of minutes is another cell. A method is given as many steps as it makes in its minutes, by the
time of its first ones; a busy machine changes nothing, as the core's own time is counted. The networks are those of the
preset demo. It prints a table and saves a sheet for each artist, build/compare/ARTIST.png. MB are those of a checkpoint
from which the training resumes. The ratio in the last line, of JSON, is the distance to the truth of the best of the
other methods divided by that of CycleGAN with our preset.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, get_args

import numpy as np
import torch
from PIL import Image

from benchmarks.harness import print_result, print_table
from benchmarks.recipes import CROP
from benchmarks.styles import CREDIT, STYLES
from benchmarks.trainings import Checkpoint, Judge, lines_held_out, portraits
from cyclegan.methods.config import MethodName
from cyclegan.methods.method import Context, Method, Moment
from cyclegan.painting.checkpoint import save_checkpoint
from cyclegan.painting.painter import MOST_REMEMBERED, Painter
from cyclegan.scoring.samples import translate_all
from cyclegan.training.config import TrainConfig, preset
from cyclegan.training.dataset import Batches
from cyclegan.training.ema import Ema
from cyclegan.training.schedule import Schedule
from imaging.lineart import Normalization, normalize
from imaging.sheet import grid

FOLDER = Path("build/compare")
MINUTES, SEED = 10.0, 0
NUM_SHOWN = 8
METHODS: tuple[MethodName, ...] = get_args(MethodName)
HEAD = ["artist", "method", "score", "ΔE to the truth", "diversity", "images/s", "MB", "steps"]
_TIMED = 6  # steps of each phase from which the number of all is found; the first two are not counted
_WARM_UP = 0.7  # share of the steps of a method that learns from pairs at first, as in the preset
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Cell:
    """One method on one artist's portraits, for some minutes of one core."""

    method: MethodName
    style: str
    minutes: float

    @property
    def path(self) -> Path:
        """Where its outputs are kept; other settings are another cell."""
        settings = json.dumps(self.config().identity(), sort_keys=True).encode()
        digest = hashlib.sha256(settings).hexdigest()[:8]
        return FOLDER / f"{self.method}-{self.style}-{self.minutes:g}-minutes-{digest}.npz"

    def config(self) -> TrainConfig:
        """Returns the settings but the schedule: discriminators see no more than the crop."""
        layers = 3 if self.method == "munit" else 2
        changes = {"method": {"discriminator": {"layers": layers}}, "data": {"crop": CROP}, "seed": SEED}
        return preset("demo", self.method).changed(changes)


class Trained:
    """A training in memory."""

    def __init__(self, cell: Cell) -> None:
        self.cell, self.config, self._rng = cell, cell.config(), torch.Generator().manual_seed(SEED)
        self.data = portraits(cell.style).data
        context = Context(_CPU, self._rng, self.config.batch)
        self.method: Method = self.config.method.make(context)
        self.average = Ema(self.method.painter, self.config.ema)
        self.batches = Batches(
            self.data, self.config, _CPU, self._rng, lambda gray: normalize(gray, Normalization()).image
        )

    def seconds(self, at: Moment) -> float:
        """Makes a step and returns the core's seconds that it took."""
        begin = time.process_time()
        self.method.step(self.batches.next(), at)
        self.average.update(self.method.painter, at.step)
        return time.process_time() - begin

    def run(self, schedule: Schedule) -> float:
        """Makes all steps; returns the seconds that they took."""
        return sum(self.seconds(schedule.at(step)) for step in range(schedule.total))

    def painter(self) -> Painter:
        """Returns the averaged painter, which remembers palettes if it has any."""
        self.average.network.remember(self.batches.pseudo_pairs(MOST_REMEMBERED))
        return self.average.network


def schedule_of(cell: Cell) -> Schedule:
    """Measures a method's steps, and returns as many as it makes in its minutes."""
    trained = Trained(cell)
    share = _WARM_UP if trained.config.schedule.warm_up_epochs else 0.0
    phases = [(share, True), (1 - share, False)]
    step = sum(
        part * median([trained.seconds(Moment(number, _TIMED, 1.0, warming)) for number in range(_TIMED)][2:])
        for part, warming in phases
        if part
    )
    steps = max(2, round(60 * cell.minutes / step))
    warm_up = round(share * steps)
    return Schedule(warm_up, 0, steps - warm_up)


def measure(cell: Cell) -> None:
    """Trains a cell and keeps what it gives."""
    torch.set_num_threads(1)
    schedule, trained = schedule_of(cell), Trained(cell)
    seconds = trained.run(schedule)
    painter = trained.painter()
    pages = trained.data.a_held_out, lines_held_out(trained.data), portraits(cell.style).test
    made = Checkpoint(schedule.total, "ema", np.nan, *(np.stack(translate_all(painter, each)) for each in pages))
    found = Judge(cell.style)(made)
    measures = found["score"].measures
    figures = {
        "score": found["score"].value,
        "distance": found["distance"],
        "diversity": measures["diversity"] / measures["diversity_b"],
        "images_per_second": 2 * trained.config.batch * schedule.total / seconds,
        "megabytes": _checkpoint_bytes(trained) / 1e6,
        "steps": schedule.total,
        "minutes": seconds / 60,
    }
    unfinished = cell.path.with_suffix(".unfinished.npz")
    np.savez_compressed(unfinished, tested=made.tested[:NUM_SHOWN], figures=json.dumps(figures))
    unfinished.replace(cell.path)
    print(f"{cell.method}, {cell.style}: {json.dumps({name: round(value, 3) for name, value in figures.items()})}")


def _checkpoint_bytes(trained: Trained) -> int:
    """Returns the size of a checkpoint from which the training would resume."""
    path = FOLDER / f"{trained.cell.path.stem}.pt"
    painter = {"ema": trained.average.network.state_dict(), "raw": trained.method.painter.state_dict()}
    save_checkpoint(path, {"painter": painter, "method": trained.method.state_dict()})
    size = path.stat().st_size
    path.unlink()
    return size


def figures_of(cell: Cell) -> tuple[dict[str, float], np.ndarray]:
    """Returns the figures of a cell and its first outputs, (n, H, W, 3) uint8; measures it if that is still to do."""
    if not cell.path.exists():
        words = [cell.method, cell.style, "--minutes", f"{cell.minutes:g}"]
        subprocess.run([sys.executable, "-m", "benchmarks.compare", *words], check=True)
    with np.load(cell.path) as kept:
        figures: dict[str, float] = json.loads(str(kept["figures"]))
        return figures, kept["tested"]


def row(cell: Cell, figures: Mapping[str, float]) -> list[str]:
    numbers = (
        ("score", 1),
        ("distance", 1),
        ("diversity", 2),
        ("images_per_second", 0),
        ("megabytes", 1),
        ("steps", 0),
    )
    return [cell.style, cell.method, *(f"{figures[name]:.{digits}f}" for name, digits in numbers)]


def save_sheet(style: str, outputs: Mapping[str, np.ndarray]) -> None:
    """Saves a sheet of the same portraits coloured by each method."""
    shown = zip(portraits(style).test[:NUM_SHOWN], *outputs.values(), strict=True)
    rows = [[Image.fromarray(picture) for picture in pictures] for pictures in shown]
    grid(rows, captions=["drawing", *outputs], footer=CREDIT, tile=144, gap=6).save(FOLDER / f"{style}.png")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare")
    parser.add_argument("method", nargs="?", choices=METHODS)
    parser.add_argument("artist", nargs="?", choices=STYLES)
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"of one core for each cell; {MINUTES:g}")
    asked: Any = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    if asked.method:
        measure(Cell(asked.method, asked.artist or STYLES[0], asked.minutes))
        return
    rows, distances = [], {method: list[float]() for method in METHODS}
    for style in STYLES:
        outputs: dict[str, np.ndarray] = {}
        for method in METHODS:
            cell = Cell(method, style, asked.minutes)
            figures, outputs[method] = figures_of(cell)
            rows.append(row(cell, figures))
            distances[method].append(figures["distance"])
        save_sheet(style, outputs)
    print_table(HEAD, rows)
    mean = {method: float(np.mean(each)) for method, each in distances.items()}
    others = min(value for method, value in mean.items() if method != "cyclegan")
    rounded = {method: round(value, 2) for method, value in mean.items()}
    print_result("compare", others / mean["cyclegan"], 1.0, minutes=asked.minutes, distance=rounded)


if __name__ == "__main__":
    main()
