"""Writes a page on the progress of a training into its run's folder: samples over time, scores, losses.

The page loads only the samples beside it, so it works from a disk and from a bucket.
"""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cyclegan.scoring.selection import Choice
from cyclegan.whole_file import write_whole

MAX_POINTS = 300  # per curve; longer ones are averaged
_TEMPLATE = Path(__file__).with_name("page.html")

Table = dict[str, list[float | None]]


@dataclass(frozen=True)
class Standing:
    """Whether the model serves this run.

    Attributes:
        serves: whether its best checkpoint serves; otherwise one of another run does.
        beside: a sentence on the other run's checkpoint and its score; "" if there is none.
    """

    serves: bool = True
    beside: str = ""


def write_page(folder: Path, choice: Choice, standing: Standing = Standing()) -> None:
    """Writes folder/index.html, atomically, from the files that a Trainer has written so far.

    Args:
        folder: of the run; without scores.csv the page has no scores.
        choice: the best checkpoint of the run, with the reason.
        standing: whether it serves.
    """
    content = {
        "config": json.loads((folder / "config.json").read_text()),
        "samples": list(_samples(folder)),
        "scores": {weights: _read(folder / "scores.csv", weights=weights) for weights in ("ema", "raw")},
        "metrics": _thin(_read(folder / "metrics.csv")),
        "choice": asdict(choice),
        "standing": asdict(standing),
    }
    data = json.dumps(content, allow_nan=False).replace("<", "\\u003c")
    write_whole(folder / "index.html", _TEMPLATE.read_text("utf-8").replace("@DATA@", data).encode())


def _samples(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "samples").glob("step_*.png")):
        yield {"step": int(path.stem.removeprefix("step_")), "file": f"samples/{path.name}"}


def _read(path: Path, **only: str) -> Table:
    """Returns the columns of the rows with these values; None for cells that are empty or not finite numbers."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if only.items() <= row.items()]
    return {name: [_number(row[name]) for row in rows] for name in (rows[0] if rows else ()) if name not in only}


def _number(cell: str | None) -> float | None:
    value = float(cell) if cell else math.nan
    return float(f"{value:.4g}") if math.isfinite(value) and value % 1 else value if math.isfinite(value) else None


def _thin(table: Table) -> Table:
    """Reduces a table to at most MAX_POINTS rows, each the mean of equally many consecutive rows."""
    length = max(map(len, table.values()), default=0)
    size = math.ceil(length / MAX_POINTS) or 1
    return {
        name: [_mean(column[start : start + size]) for start in range(0, length, size)]
        for name, column in table.items()
    }


def _mean(values: list[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return _number(str(sum(present) / len(present))) if present else None
