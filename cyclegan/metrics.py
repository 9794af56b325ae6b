"""Running means of the losses, kept on the device, and the CSV they end in."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

LOSSES = (
    "generators",
    "adversarial_a",
    "adversarial_b",
    "cycle_a",
    "cycle_b",
    "identity_a",
    "identity_b",
    "pseudo_a",
    "pseudo_b",
    "d_a",
    "d_b",
)
COLUMNS = ("step", "rate", *LOSSES, "images_per_second", "data_share")


class RunningMeans:
    """Means of the losses since the last `take`; adding to them never waits for the device."""

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(len(LOSSES), dtype=torch.float64, device=device)
        self._counts = [0] * len(LOSSES)

    def add(self, losses: Mapping[str, Tensor]) -> None:
        row = [losses[name].double() if name in losses else self._sums.new_zeros(()) for name in LOSSES]
        self._sums += torch.stack(row)
        self._counts = [count + (name in losses) for name, count in zip(LOSSES, self._counts, strict=True)]

    def means(self) -> dict[str, float]:
        """Of the losses that were added; waits for the device."""
        sums = self._sums.tolist()
        return {name: s / n for name, s, n in zip(LOSSES, sums, self._counts, strict=True) if n}

    def take(self) -> dict[str, float]:
        """The means, and begin again."""
        means = self.means()
        self._sums.zero_()
        self._counts = [0] * len(LOSSES)
        return means

    def state_dict(self) -> dict[str, Any]:
        return {"sums": self._sums.cpu(), "counts": list(self._counts)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._sums.copy_(state["sums"])
        self._counts = list(state["counts"])


class Stopwatch:
    """Images a second, and the share of the time that went into getting them."""

    def __init__(self) -> None:
        self._start, self._in_data, self._images = time.perf_counter(), 0.0, 0

    @contextmanager
    def data(self, images: int) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self._in_data += time.perf_counter() - begun
        self._images += images

    def take(self) -> dict[str, float]:
        """The figures since the last call, and begin again."""
        passed = max(time.perf_counter() - self._start, 1e-9)
        figures = {"images_per_second": self._images / passed, "data_share": self._in_data / passed}
        self.__init__()  # type: ignore[misc]
        return figures


def non_finite(means: Mapping[str, float]) -> list[str]:
    """Names of the losses that are infinite or not a number."""
    return [name for name, value in means.items() if not math.isfinite(value)]


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add a row to metrics.csv; losses that a step does not have stay empty."""
    begin = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if begin:
            writer.writeheader()
        writer.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()})


def forget_after(path: Path, step: int) -> None:
    """Drop the rows of later steps, and a row that was not finished: training resumes at `step`."""
    if not path.exists():
        return
    header, *rows = path.read_text().splitlines(keepends=True) or [""]
    kept = [row for row in rows if row.endswith("\n") and int(row.split(",", 1)[0]) <= step]
    path.write_text("".join([header, *kept]))


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write all rows, which have the same keys, as a CSV, replacing the file at once."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    unfinished.replace(path)
