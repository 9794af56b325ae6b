"""Compares the speed of our training step with that of published code: same networks and data, in turns."""

import re
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.harness import alternate, in_a_new_process, print_result, print_table
from benchmarks.published import PublishedStep
from cyclegan.methods.cyclegan import CycleGan
from cyclegan.methods.method import Batch, Context, Moment, computes_in_bf16
from cyclegan.training.config import TrainConfig, preset
from cyclegan.training.dataset import Batches, TrainingData
from cyclegan.training.trainer import Trainer
from imaging.lineart import Normalization

NUM_PICTURES, NUM_HELD_OUT = 16, 8  # of each domain; the size of a data set does not change a step
STEPS, CHECKPOINT_EVERY = 6, 3  # of the short training
FIRST = Moment(0, STEPS, 1.0, warming_up=False)


@dataclass(frozen=True)
class Scale:
    """The size of the benchmark on one kind of device.

    Attributes:
        crop: side of the crops in px.
        blocks: residual blocks of the generators.
        ngf: channels of the generators' first layer.
        steps: steps in one timed round.
        rounds: how often each side is timed.
        matmul: side of the square matrices whose product is timed.
        bar: the least ratio of our speed to the published step's that is acceptable.
    """

    crop: int
    blocks: int
    ngf: int
    steps: int
    rounds: int
    matmul: int
    bar: float


SCALES = {
    "cpu": Scale(crop=128, blocks=6, ngf=32, steps=1, rounds=5, matmul=2048, bar=1.25),
    "cuda": Scale(crop=256, blocks=9, ngf=64, steps=20, rounds=5, matmul=8192, bar=4.0),
}


def settings(scale: Scale, precision: str) -> TrainConfig:
    """Returns the `paper` preset at this scale, with a precision of TrainConfig."""
    changes = {
        "method": {"generator": {"blocks": scale.blocks, "ngf": scale.ngf}},
        "data": {"crop": scale.crop},
        "schedule": {"constant_epochs": STEPS / NUM_PICTURES, "decay_epochs": 0},
        "precision": precision,
        "checkpoint_every": CHECKPOINT_EVERY,
        "log_every": 1,
    }
    return preset("paper").changed(changes)


def draw(crop: int, count: int, seed: int) -> list[np.ndarray]:
    """Draws outlined polygons, (side, side, 3) uint8 RGB, larger than the crop by the published ratio of 286 to 256."""
    rng, side = np.random.default_rng(seed), round(crop * 286 / 256)
    pages = []
    for _ in range(count):
        page = np.full((side, side, 3), 255, np.uint8)
        for corners, colour in zip(rng.integers(0, side, (6, 5, 2)), rng.integers(40, 255, (6, 3)), strict=True):
            cv2.fillPoly(page, [corners.astype(np.int32)], colour.tolist())
            cv2.polylines(page, [corners.astype(np.int32)], True, (0, 0, 0), 1, cv2.LINE_AA)
        pages.append(page)
    return pages


def make_data(scale: Scale) -> TrainingData:
    a, b = draw(scale.crop, NUM_PICTURES + NUM_HELD_OUT, 0), draw(scale.crop, NUM_PICTURES + NUM_HELD_OUT, 1)
    lines = [cv2.threshold(page.max(2), 30, 255, cv2.THRESH_BINARY)[1] for page in a]
    return TrainingData(lines[NUM_HELD_OUT:], b[NUM_HELD_OUT:], lines[:NUM_HELD_OUT], b[:NUM_HELD_OUT])


class Bench:
    """Prepares both sides, which then step on one batch after another."""

    def __init__(self, scale: Scale, device: torch.device, precision: str) -> None:
        config, data, rng = settings(scale, precision), make_data(scale), torch.Generator().manual_seed(0)
        bf16 = precision == "auto" and computes_in_bf16(device)
        self.method = CycleGan(config.method, Context(device, rng, config.batch, bf16=bf16))  # type: ignore[arg-type]
        self.batches = Batches(data, config, device, rng, lambda gray: gray)
        self.published = PublishedStep(self.method.networks)
        self._count, self._device = scale.steps, device

    def ours(self) -> Tensor:
        return self._many(lambda batch: self.method.step(batch, FIRST)["generators"])

    def theirs(self) -> Tensor:
        return self._many(lambda batch: self.published.step(batch.real_a, batch.real_b))

    def _many(self, step: Callable[[Batch], Tensor]) -> Tensor:
        for _ in range(self._count):
            loss = step(self.batches.next())
        wait(self._device)
        return loss


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def check_equal(scale: Scale, device: torch.device) -> None:
    """Asserts that in float32 both sides compute the same loss from the same weights and batch."""
    bench = Bench(scale, device, "float32")
    batch = bench.batches.next()
    theirs = bench.published.step(batch.real_a, batch.real_b)
    torch.testing.assert_close(bench.method.step(batch, FIRST)["generators"], theirs.detach(), rtol=1e-3, atol=1e-3)


def multiply(size: int, device: torch.device, dtype: torch.dtype) -> Callable[[], None]:
    """Returns a function that multiplies two square matrices of the given side."""
    a, b = torch.randn(2, size, size, device=device).to(dtype)

    def product() -> None:
        torch.mm(a, b)
        wait(device)

    return product


def count_flops(method: str, precision: str, device: str) -> int:
    """Counts the operations of a first step (none are seen in one that is replayed); a multiply-add counts as two."""
    bench = Bench(replace(SCALES[device], steps=1), torch.device(device), precision)
    with FlopCounterMode(display=False) as counter:
        getattr(bench, method)()
    return int(counter.get_total_flops())


def peak_gigabytes(method: str, precision: str, device: str) -> float:
    """Runs one round of a method of Bench and returns by how much this process's peak memory rose, in GB."""
    before = _most_memory(device)
    getattr(Bench(SCALES[device], torch.device(device), precision), method)()
    return (_most_memory(device) - before) / 1e9


def _most_memory(device: str) -> int:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return 1024 * int(found[1])


def run_short(device: str) -> dict[str, float]:
    """Trains for a few steps with the real trainer.

    Returns:
        Seconds until the first step is made, median seconds of a checkpoint with its samples and scores, and the median
        share, 0..1, of the remaining time that goes into getting batches.
    """
    costs, shares, begun = [], [], time.perf_counter()
    made: list[float] = []

    def on_progress(step: int, total: int, metrics: dict[str, float]) -> None:
        made.append(time.perf_counter())
        if step % CHECKPOINT_EVERY != 1:  # the row after a checkpoint includes the checkpoint's time
            shares.append(metrics["data_share"])

    def on_checkpoint(*_: object) -> None:
        costs.append(time.perf_counter() - made[-1])

    with tempfile.TemporaryDirectory() as folder:
        scale = SCALES[device]
        trainer = Trainer(settings(scale, "auto"), make_data(scale), Path(folder), normalization=Normalization())
        trainer.run(on_progress, on_checkpoint)
    of_all = {"checkpoint_seconds": statistics.median(costs), "data_share": statistics.median(shares)}
    return {"first_step_seconds": made[0] - begun, **of_all}


@dataclass(frozen=True)
class Side:
    """One implementation of the step, and its results.

    Attributes:
        name: what the table calls it.
        method: method of Bench that runs it.
        precision: a precision of TrainConfig.
        kind: number format in which its networks compute.
        images_per_second: images of both domains per second.
        share_of_peak: its FLOP/s divided by those of matrix products in the same number format.
        gigabytes: peak memory.
    """

    name: str
    method: str
    precision: str
    kind: str
    images_per_second: float = 0.0
    share_of_peak: float = 0.0
    gigabytes: float = 0.0


def measure(device: str) -> tuple[list[Side], dict[str, float]]:
    """Measures the three sides and matrix products in turns; returns the sides and the products' FLOP/s by format."""
    scale, where = SCALES[device], torch.device(device)
    print(f"{scale.crop} px, {scale.blocks} blocks, ngf {scale.ngf}, batch 1, one thread; images of both domains")
    best, plain = Bench(scale, where, "auto"), Bench(scale, where, "float32")
    calls: dict[str, Callable[[], object]] = {
        "published": best.theirs,
        "ours, float32": plain.ours,
        "ours": best.ours,
        "float32": multiply(scale.matmul, where, torch.float32),
        "bf16": multiply(scale.matmul, where, torch.bfloat16),
    }
    seconds = alternate(calls, scale.rounds)
    peak = {kind: 2 * scale.matmul**3 / seconds[kind] for kind in ("float32", "bf16")}
    sides = [
        Side("published", "theirs", "float32", "float32"),
        Side("ours, float32", "ours", "float32", "float32"),
        Side("ours", "ours", "auto", "bf16" if computes_in_bf16(where) else "float32"),
    ]
    speeds = {side.name: 2 * scale.steps / seconds[side.name] for side in sides}
    print({name: round(speed, 2) for name, speed in speeds.items()}, flush=True)  # the rest takes a while
    found = [
        replace(
            side,
            images_per_second=speeds[side.name],
            share_of_peak=speeds[side.name] / 2 * count_flops(side.method, side.precision, device) / peak[side.kind],
            gigabytes=in_a_new_process(peak_gigabytes, side.method, side.precision, device),
        )
        for side in sides
    ]
    return found, peak


def show(scale: Scale, sides: list[Side], peak: dict[str, float], run: dict[str, float]) -> None:
    rows = [
        [
            side.name,
            side.kind,
            f"{side.images_per_second:.2f}",
            f"{side.images_per_second / sides[0].images_per_second:.2f}",
            f"{side.gigabytes:.2f}",
            f"{side.share_of_peak:.0%}",
        ]
        for side in sides
    ]
    print_table(["step", "networks in", "images/s", "ratio", "GB at most", "of matmul peak"], rows)
    print(f"matmul: {peak['float32'] / 1e9:,.0f} GFLOP/s in float32, {peak['bf16'] / 1e9:,.0f} in bf16")
    every = preset("paper").checkpoint_every
    first_sample = run["first_step_seconds"] + (every - 1) * 2 / sides[-1].images_per_second + run["checkpoint_seconds"]
    print(
        f"in a new process: first step made after {run['first_step_seconds']:.1f} s; a checkpoint with samples and "
        f"scores of {NUM_HELD_OUT} drawings costs {run['checkpoint_seconds']:.1f} s; getting batches takes "
        f"{run['data_share']:.2%} of the time. At that speed the first sample, at step {every:,}, comes after "
        f"{first_sample / 60:.0f} min"
    )


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)  # when other work keeps the cores busy, two threads mostly wait for each other
    scale = SCALES[device]
    check_equal(scale, torch.device(device))
    sides, peak = measure(device)
    run = in_a_new_process(run_short, device)
    show(scale, sides, peak, run)
    published, plain, ours = sides
    print_result(
        "train",
        ours.images_per_second / published.images_per_second,
        scale.bar,
        device=device,
        precision=ours.kind,
        size=[scale.crop, scale.blocks, scale.ngf],
        images_per_second=round(ours.images_per_second, 3),
        ratio_float32=round(plain.images_per_second / published.images_per_second, 3),
        gigabytes=round(ours.gigabytes, 2),
        gigabytes_published=round(published.gigabytes, 2),
        share_of_peak=round(ours.share_of_peak, 3),
        share_of_peak_published=round(published.share_of_peak, 3),
        **{name: round(value, 4) for name, value in run.items()},
    )


if __name__ == "__main__":
    main()
