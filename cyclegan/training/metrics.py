"""Averages losses on the device, measures speed, and writes the CSV files of a run."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cyclegan.whole_file import write_whole


class RunningMeans:
    """Means of the losses since the last `take`. `add` never waits for the device."""

    def __init__(self, names: Sequence[str], device: torch.device) -> None:
        self._names = tuple(names)
        self._sums = torch.zeros(len(names), dtype=torch.float64, device=device)
        self._counts = [0] * len(names)

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Adds the losses of one step.

        Args:
            losses: scalars by name; some may be missing.

        Raises:
            ValueError: a name is not among those of the constructor.
        """
        if unknown := losses.keys() - set(self._names):
            raise ValueError(f"losses {sorted(unknown)} are not among those that the method names: {self._names}")
        row = [losses[name].double() if name in losses else self._sums.new_zeros(()) for name in self._names]
        self._sums += torch.stack(row)
        self._counts = [count + (name in losses) for name, count in zip(self._names, self._counts, strict=True)]

    def means(self) -> dict[str, float]:
        """Returns the means of the losses that were added; waits for the device."""
        sums = self._sums.tolist()
        return {name: s / n for name, s, n in zip(self._names, sums, self._counts, strict=True) if n}

    def take(self) -> dict[str, float]:
        """Returns the means and resets them."""
        means = self.means()
        self._sums.zero_()
        self._counts = [0] * len(self._names)
        return means

    def state_dict(self) -> dict[str, Any]:
        return {"sums": self._sums.cpu(), "counts": list(self._counts)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._sums.copy_(state["sums"])
        self._counts = list(state["counts"])


class Stopwatch:
    """Measures images per second, and the share of the time spent on loading them."""

    def __init__(self) -> None:
        self._start, self._in_data, self._images = time.perf_counter(), 0.0, 0

    @contextmanager
    def data(self, images: int) -> Iterator[None]:
        """Times the block that loads this number of images."""
        begun = time.perf_counter()
        yield
        self._in_data += time.perf_counter() - begun
        self._images += images

    def take(self) -> dict[str, float]:
        """Returns images_per_second and data_share (0..1) since the last call, and resets them."""
        passed = max(time.perf_counter() - self._start, 1e-9)
        figures = {"images_per_second": self._images / passed, "data_share": self._in_data / passed}
        self.__init__()  # type: ignore[misc]
        return figures


def non_finite(means: Mapping[str, float]) -> list[str]:
    """Returns the names of the losses that are infinite or not a number."""
    return [name for name, value in means.items() if not math.isfinite(value)]


def non_finite_networks(networks: Mapping[str, nn.Module]) -> list[str]:
    """Returns the names of the networks with a weight that is infinite or not a number; waits for the device."""
    return [
        name
        for name, network in networks.items()
        if not torch.stack([parameter.isfinite().all() for parameter in network.parameters()]).all()
    ]


def columns(losses: Sequence[str]) -> tuple[str, ...]:
    """Returns the header of metrics.csv for a method with these losses."""
    return ("step", "rate", *losses, "images_per_second", "data_share")


def append_row(path: Path, row: Mapping[str, Any], losses: Sequence[str]) -> None:
    """Appends a row to metrics.csv; creates the file with its header if needed.

    Args:
        path: of metrics.csv.
        row: values by column; missing ones stay empty.
        losses: names of the method's losses.

    Raises:
        ValueError: `row` has an unknown column.
    """
    begin = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, columns(losses), lineterminator="\n")
        if begin:
            writer.writeheader()
        writer.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()})


def forget_after(path: Path, step: int) -> None:
    """Removes the rows after the step at which training resumes, and an incomplete last row.

    Args:
        path: of metrics.csv; may be missing.
        step: the last step to keep.
    """
    if not path.exists():
        return
    header, *rows = path.read_text().splitlines(keepends=True) or [""]
    kept = [row for row in rows if row.endswith("\n") and int(row.split(",", 1)[0]) <= step]
    write_whole(path, "".join([header, *kept]).encode())


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes a CSV file atomically.

    Args:
        path: the file.
        rows: at least one; all with the same keys, which become the header.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())
