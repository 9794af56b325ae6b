"""Compares the speed of colorizing folders with CycleGANime's loop: eager float32, one drawing after another.

    python -m benchmarks.colorize [CHECKPOINT]     without one, the demo's preset is trained for about a minute

Two generators are timed: that of the `default` preset, with random weights since weights do not affect the speed, and
the checkpoint's. Only the checkpoint can show whether lower precision spoils the colours, because random weights
have no meaningful ones: backends that it refuses are used for neither generator.
"""

import copy
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.harness import alternate, print_result, print_table
from cyclegan.painting import backend
from cyclegan.painting.checkpoint import load_checkpoint
from cyclegan.painting.colorizer import Colorizer
from cyclegan.painting.config import GeneratorConfig
from cyclegan.painting.files import colorize_files
from cyclegan.painting.networks import init_weights
from cyclegan.painting.painter import Painter
from cyclegan.painting.tensors import to_range, to_uint8
from cyclegan.scoring.samples import translate
from cyclegan.scoring.score import Scorer
from cyclegan.training.checkpoints import list_checkpoints
from cyclegan.training.config import preset
from cyclegan.training.dataset import TrainingData
from cyclegan.training.trainer import Trainer
from demo.drawings import HELD_OUT_SEEDS, Drawing
from demo.pictures import normalized_lineart, portrait
from imaging.lineart import Normalization

SIDE = 256  # px at which the default preset's generator works
FOLDERS = {"default": {256: 2, 2048: 2}, "checkpoint": {256: 24, 2048: 4}}  # drawings of each side, px
ROUNDS = 3
MATMUL = 2048
BAR_FLOAT32, BAR_LOSSY = 1.2, 2.0
NUM_TRAINING, NUM_HELD_OUT, EPOCHS = 96, 24, 2.5


@dataclass(frozen=True)
class Network:
    """A generator and what it needs to colorize.

    Attributes:
        name: "default" or "checkpoint".
        painter: the generator, in evaluation mode.
        size: side in px to which drawings are resized for it.
        examples: (n, h, w) uint8, lineart like that it was trained on.
        normalization: how lineart is normalized for it.
    """

    name: str
    painter: Painter
    size: int
    examples: torch.Tensor
    normalization: Normalization

    def served_by(self, backend_name: str, models: Path) -> Painter:
        """Returns a copy of the painter that computes on a backend.

        Args:
            backend_name: a backend of cyclegan.painting.backend.
            models: folder for the models that backends convert.
        """
        copied = copy.deepcopy(self.painter)
        copied.network = backend.build(backend_name, self.painter.network, models, self.lineart())
        return copied

    def colorizer(self, backend_name: str, models: Path) -> Colorizer:
        return Colorizer(self.served_by(backend_name, models), self.normalization, self.size, "cpu")

    def lineart(self) -> torch.Tensor:
        return backend.as_seen(self.examples)


def train(folder: Path) -> Path:
    """Trains the demo's preset for a few epochs: enough for colours that lower precision could spoil.

    Args:
        folder: folder for the run.

    Returns:
        Path of a checkpoint.
    """
    phases = {"warm_up_epochs": EPOCHS, "constant_epochs": 0.5, "decay_epochs": 0.5}
    config = preset("demo").changed({"schedule": phases})
    side = config.data.crop
    a = [normalized_lineart(seed, side) for seed in range(NUM_TRAINING)]
    b = [portrait(seed, "B", side) for seed in range(NUM_TRAINING, 2 * NUM_TRAINING)]
    held_out = [normalized_lineart(seed, side) for seed in list(HELD_OUT_SEEDS)[:NUM_HELD_OUT]]
    data = TrainingData(a, b, held_out, b[:NUM_HELD_OUT])
    Trainer(config, data, folder, normalization=Normalization()).run()
    return list_checkpoints(folder / "checkpoints")[0]


def default_network() -> Network:
    painter = Painter(preset("default").method.generator).eval()
    random = torch.Generator().manual_seed(0)
    init_weights(painter, random)
    painter.remembered = torch.rand(64, painter.config.palette, 3, generator=random)
    painter.shares = torch.ones(64, painter.config.palette)
    examples = torch.from_numpy(np.stack([normalized_lineart(seed, SIDE) for seed in list(HELD_OUT_SEEDS)[:12]]))
    return Network("default", painter, SIDE, examples, Normalization())


def trained_network(path: Path) -> Network:
    checkpoint = load_checkpoint(path)
    painter = Painter(GeneratorConfig.model_validate(checkpoint["painter"]["config"])).eval()
    painter.load_state_dict(checkpoint["painter"]["ema"])
    normalization = Normalization.from_dict(checkpoint["normalization"])
    examples, size = checkpoint["lineart"]["examples"], checkpoint["lineart"]["size"]
    if examples is None:
        examples = torch.from_numpy(np.stack([normalized_lineart(seed, size) for seed in list(HELD_OUT_SEEDS)[:12]]))
    return Network("checkpoint", painter, size, examples, normalization)


@torch.inference_mode()
def original_loop(network: Network, folder: Path, out: Path) -> None:
    """Reads each file, resizes it to the network's size, runs the network and saves the output at that size."""
    for path in sorted(folder.iterdir()):
        seen = Image.open(path).convert("RGB").resize((network.size, network.size), Image.Resampling.BICUBIC)
        x = to_range(torch.from_numpy(np.array(seen)).permute(2, 0, 1)[None])
        picture = to_uint8(network.painter(x))[0].permute(1, 2, 0).numpy()
        Image.fromarray(picture).save(out / path.name)


def our_loop(colorizer: Colorizer, folder: Path, out: Path) -> None:
    """Colorizes a folder as ``irodori colorize`` does."""
    paths = sorted(folder.iterdir())
    files = ((colorizer.paint, path.read_bytes, path.name) for path in paths)
    for path, coloured in zip(paths, colorize_files(files), strict=True):
        (out / path.name).write_bytes(coloured.data)  # type: ignore[union-attr]


def multiply(dtype: torch.dtype) -> Callable[[], object]:
    a, b = torch.randn(2, MATMUL, MATMUL)
    if dtype == torch.int8:
        whole = [(20 * matrix).to(dtype) for matrix in (a, b)]
        return partial(torch._int_mm, *whole)
    return partial(torch.mm, a.to(dtype), b.to(dtype))


def peaks() -> dict[str, float]:
    """Measures matrix products and returns operations per second by number format."""
    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.int8}
    seconds = alternate({name: multiply(dtype) for name, dtype in kinds.items()}, ROUNDS)
    return {name: 2 * MATMUL**3 / taken for name, taken in seconds.items()}


def show_backends(network: Network, trials: Sequence[backend.Trial], peak: dict[str, float]) -> None:
    """Prints each backend's time beside the time that its operations would take at the speed of a matrix product."""
    flops = backend.count_flops(network.painter, network.lineart())
    size = " × ".join(str(side) for side in network.lineart().shape[2:])
    print(f"\n{network.name}: {flops / 1e9:.1f} GFLOP for a drawing of {size} px")
    rows = []
    for trial in trials:
        kind = trial.name.split()[-1] if trial.name.startswith("openvino") else "float32"
        if trial.refused and not trial.seconds:
            rows.append([trial.name, kind, *["–"] * 5, trial.refused])
            continue
        speed, floor = trials[0].seconds / trial.seconds, flops / peak[kind]
        figures = [f"{1e3 * trial.seconds:.0f}", f"{speed:.2f}", f"{1e3 * floor:.0f}", f"{floor / trial.seconds:.0%}"]
        rows.append([trial.name, kind, *figures, f"{trial.levels} / {trial.distance:.2f}", trial.refused or "sound"])
    head = ["backend", "numbers", "ms", "times torch", "floor ms", "of matmul peak", "levels / distance", "verdict"]
    print_table(head, rows)


def judged_by(trained: Sequence[backend.Trial], trials: Sequence[backend.Trial]) -> list[backend.Trial]:
    """Returns the trials of random weights with the verdicts of the same backends' trials of trained weights."""
    verdicts = {trial.name: trial.refused for trial in trained}
    return [replace(trial, refused=verdicts[trial.name]) for trial in trials]


def pick(network: Network, trials: Sequence[backend.Trial]) -> dict[str, str]:
    """Picks the backends to time: the fastest in float32 and the fastest of all."""
    if backend.count_flops(network.painter, network.lineart()) < backend.WORTH_FLOPS:
        return {"ours": backend.TRAINED}
    exact = [trial for trial in trials if trial.name not in backend.LOSSY]
    return {"ours, float32": backend.fastest(exact).name, "ours": backend.fastest(list(trials)).name}


def time_folders(network: Network, chosen: dict[str, str], models: Path) -> Iterator[tuple[int, dict[str, float]]]:
    """Times all loops on folders of drawings.

    Args:
        network: the generator to use.
        chosen: backend of each of our loops, by the loop's name.
        models: folder for the models that backends convert.

    Yields:
        Side of the drawings in px, and images per second by loop.
    """
    served = {name: network.colorizer(chosen[name], models) for name in chosen}
    for side, count in FOLDERS[network.name].items():
        with tempfile.TemporaryDirectory() as scratch:
            drawings, out = Path(scratch, "in"), Path(scratch, "out")
            drawings.mkdir()
            out.mkdir()
            for seed in list(HELD_OUT_SEEDS)[:count]:
                (drawings / f"{seed}.png").write_bytes(Drawing(seed).render("A", side))
            sides: dict[str, Callable[[], object]] = {"original": partial(original_loop, network, drawings, out)}
            sides |= {name: partial(our_loop, colorizer, drawings, out) for name, colorizer in served.items()}
            yield side, {name: count / seconds for name, seconds in alternate(sides, ROUNDS).items()}


def scores(network: Network, name: str, models: Path) -> float:
    """Returns the checkpoint score that a backend's outputs get, always on the same held-out drawings."""
    lineart = [normalized_lineart(seed, network.size) for seed in list(HELD_OUT_SEEDS)[:NUM_HELD_OUT]]
    colour = [portrait(seed, "B", network.size) for seed in range(NUM_TRAINING, NUM_TRAINING + NUM_HELD_OUT)]
    painter = network.served_by(name, models)
    outputs = [translate(painter, drawing) for drawing in lineart]
    return Scorer(lineart, colour).score(outputs).value


def measure(network: Network, peak: dict[str, float], models: Path, trials: list[backend.Trial]) -> dict[str, Any]:
    """Prints the network's speed and returns it for the last line.

    Args:
        network: the generator to measure.
        peak: operations per second of matrix products, by number format.
        models: folder for the models that backends convert.
        trials: the backends tried with this network.

    Returns:
        The chosen backends, speeds as ratios to the original's loop, and seconds of each backend.
    """
    show_backends(network, trials, peak)
    chosen = pick(network, trials)
    rows: list[list[str]] = []
    ratios: dict[str, dict[str, float]] = {}
    for side, speeds in time_folders(network, chosen, models):
        ratios[str(side)] = {name: round(speeds[name] / speeds["original"], 2) for name in chosen}
        rows += [[f"{side} px", "original's loop", "torch, eager", f"{speeds['original']:.2f}", ""]]
        rows += [[f"{side} px", n, chosen[n], f"{speeds[n]:.2f}", str(ratios[str(side)][n])] for n in chosen]
    print_table(["drawings", "loop", "on", "images/s", "ratio"], rows)
    seconds = {trial.name: round(trial.seconds, 4) for trial in trials if trial.seconds}
    return {"chosen": chosen, "ratios": ratios, "seconds": seconds}


def try_backends(network: Network, models: Path) -> list[backend.Trial]:
    models.mkdir()
    return list(backend.try_all(network.painter, network.lineart(), models, lossy=True))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(sys.argv[1]) if len(sys.argv) > 1 else train(Path(folder))
        peak, (small, large) = peaks(), (trained_network(checkpoint), default_network())
        print("matmul: " + ", ".join(f"{each / 1e9:,.0f} G/s in {kind}" for kind, each in peak.items()))
        models = {network.name: Path(folder, network.name) for network in (small, large)}
        trained = try_backends(small, models[small.name])
        random = judged_by(trained, try_backends(large, models[large.name]))
        found = {small.name: measure(small, peak, models[small.name], trained)}
        found |= {large.name: measure(large, peak, models[large.name], random)}
        score = {t.name: scores(small, t.name, models[small.name]) for t in trained if not t.refused}
    print("score of the checkpoint: " + ", ".join(f"{value:.2f} on {name}" for name, value in score.items()))
    print("The original's loop writes pictures of the network's size; ours of the drawings' own, lines untouched.")
    ratios, lossy = found["default"]["ratios"][str(SIDE)], found["default"]["chosen"]["ours"] in backend.LOSSY
    print_result(
        "colorize",
        ratios["ours, float32"],
        BAR_FLOAT32,
        holds=not lossy or ratios["ours"] >= BAR_LOSSY,
        ratio_lossy=ratios["ours"] if lossy else None,
        bar_lossy=BAR_LOSSY,
        score={name: round(value, 2) for name, value in score.items()},
        distance={trial.name: round(trial.distance, 3) for trial in trained},
        matmul_gflops={kind: round(each / 1e9) for kind, each in peak.items()},
        **found,
    )


if __name__ == "__main__":
    main()
