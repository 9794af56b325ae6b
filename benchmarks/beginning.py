"""Measures what it costs to begin a training, by the number and size of the pictures: time and memory.

    python -m benchmarks.beginning [FOLDER] [NUMBER]

NUMBER (1,000) drawings and as many colour pictures are read from a storage in a folder and decoded; then lines, grounds
and shadows of the colour pictures are found, as at each start of a training. The pictures are those of FOLDER, or
portraits, again and again, mirrored and shifted. Each size has a process of its own, so that its memory can be told.
The last two columns are for 20,000 + 20,000 pictures, which take as many times as long: minutes of one core, and what
rests in memory or, over `memory_gb`, in the folder for temporary files. The ratio in the last line, of JSON, is the
milliseconds of one core that a picture of 286 px may take, divided by those that it took.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.harness import print_result, print_table
from benchmarks.styles import STYLES, draw
from cyclegan.training.config import preset
from cyclegan.training.dataset import Batches
from imaging.codec import decode, encode_png
from imaging.lineart import Normalization, normalize
from imaging.lines import extract_lines
from irodori.datasets import Dataset, Domain
from storage import Row
from tasks.train import load

SIZES = (286, 512)
MANY = 20_000
BAR_MS = 100.0
_DIFFERENT = 240  # pictures, at most; more only cost time to make


def pictures(folder: Path | None, side: int) -> list[np.ndarray]:
    """Returns colour pictures, (H, W, 3) uint8, of a shortest side of `side`."""
    if folder is None:
        return [draw(style, seed, side)[1] for style in STYLES for seed in range(31_000, 31_020)]
    paths = sorted(folder.iterdir())
    read = (decode(path.read_bytes()).convert("RGB") for path in paths[:: max(1, len(paths) // _DIFFERENT)])
    return [
        np.asarray(each.resize([max(side, round(length * side / min(each.size))) for length in each.size]))
        for each in read
    ]


def written(dataset: Dataset, made: Sequence[np.ndarray], number: int) -> Iterator[Row]:
    """Writes pictures of both domains as the dataset has them, and yields their rows."""
    domains: tuple[Domain, ...] = ("A", "B")
    for domain in domains:
        shown = made if domain == "B" else [normalize(extract_lines(each)).image for each in made]
        for place in range(number):
            turned = np.roll(shown[place % len(made)], place // len(made), axis=1)
            key = dataset.key("resize", domain, f"{place:06}")
            dataset.storage.write(key, encode_png(Image.fromarray(turned[:, :: 1 - 2 * (place % 2)])))
            yield Row(str(place), domain, "train", "ok", key=key, split="train")


def begun(folder: Path | None, side: int, number: int) -> dict[str, float]:
    """Begins a training; returns seconds, gigabytes of memory at most, and gigabytes that rest."""
    torch.set_num_threads(1)
    made = pictures(folder, side)
    with tempfile.TemporaryDirectory() as scratch:
        dataset = Dataset(Path(scratch).as_uri(), "begun")
        rows = list(written(dataset, made, number))
        config, before = preset("default"), _peak()
        start, processor = time.perf_counter(), time.process_time()
        data = load(dataset, rows, config.memory_gb)
        decoded, begun_at = time.perf_counter() - start, time.perf_counter()
        tone = Normalization()
        Batches(data, config, torch.device("cpu"), torch.Generator(), lambda gray: normalize(gray, tone).image)
        found = time.perf_counter() - begun_at
        channels = 3 + 3 + 3 + 1  # colour as it was, colour, three renderings of lines, shadows
        rests = 2 * sum(each.nbytes for each in data.a) + channels / 3 * sum(each.nbytes for each in data.b)
        figures = {"read": decoded, "found": found, "processor": time.process_time() - processor}
        return figures | {"memory": (_peak() - before) / 1e6, "rests": rests / 1e9}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kB


def main(arguments: Sequence[str]) -> None:
    folder = next((Path(each) for each in arguments if not each.isdigit()), None)
    number = next((int(each) for each in arguments if each.isdigit()), 1000)
    rows, measured = [], dict[int, dict[str, float]]()
    for side in SIZES:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
            figures = measured[side] = alone.submit(begun, folder, side, number).result()
        cells = [f"{figures[name]:.1f}" for name in ("read", "found", "processor", "memory", "rests")]
        minutes, rests = figures["processor"] / 60, figures["rests"]
        rows.append([side, *cells, *(f"{each * MANY / number:.0f}" for each in (minutes, rests))])
    head = ["px", "read, s", "lines, grounds, shadows, s", "of one core, s", "memory at most, GB", "rests, GB"]
    print(f"{number} + {number} pictures; for {MANY:,} + {MANY:,} the last two columns")
    print_table([*head, "min of one core", "rests, GB"], rows)
    took = 1000 * measured[SIZES[0]]["processor"] / number
    shown = {str(side): {name: round(value, 2) for name, value in each.items()} for side, each in measured.items()}
    print_result("beginning", BAR_MS / took, 1.0, number=number, begun=shown)


if __name__ == "__main__":
    main(sys.argv[1:])
