"""Running means of the losses, kept on the device, and the CSV they end in."""

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
    """Means of the losses since the last `take`; adding to them never waits for the device."""

    def __init__(self, names: Sequence[str], device: torch.device) -> None:
        self._names = tuple(names)
        self._sums = torch.zeros(len(names), dtype=torch.float64, device=device)
        self._counts = [0] * len(names)

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Scalars by name; some may be missing. ValueError for a name that was not announced."""
        if unknown := losses.keys() - set(self._names):
            raise ValueError(f"losses {sorted(unknown)} are not among those that the method names: {self._names}")
        row = [losses[name].double() if name in losses else self._sums.new_zeros(()) for name in self._names]
        self._sums += torch.stack(row)
        self._counts = [count + (name in losses) for name, count in zip(self._names, self._counts, strict=True)]

    def means(self) -> dict[str, float]:
        """Of the losses that were added; waits for the device."""
        sums = self._sums.tolist()
        return {name: s / n for name, s, n in zip(self._names, sums, self._counts, strict=True) if n}

    def take(self) -> dict[str, float]:
        """The means, and begin again."""
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


def non_finite_networks(networks: Mapping[str, nn.Module]) -> list[str]:
    """Names of the networks with a weight that is infinite or not a number; waits for the device."""
    return [
        name
        for name, network in networks.items()
        if not torch.stack([parameter.isfinite().all() for parameter in network.parameters()]).all()
    ]


def columns(losses: Sequence[str]) -> tuple[str, ...]:
    """The header of metrics.csv for a method with these losses."""
    return ("step", "rate", *losses, "images_per_second", "data_share")


def append_row(path: Path, row: Mapping[str, Any], losses: Sequence[str]) -> None:
    """Add a row to metrics.csv; losses that a step does not have stay empty. ValueError for a column that it lacks."""
    begin = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, columns(losses), lineterminator="\n")
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
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())
