"""What benchmarks share: sides that alternate in one process, medians, a table, one line of JSON at the end."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def alternate(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each side, after one round to warm up; sides take turns, so a busy machine slows all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for round_number in range(rounds + 1):
        for name, side in sides.items():
            start = time.perf_counter()
            side()
            if round_number:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def machine() -> dict[str, Any]:
    """The processor, the cores this process may use, and the Python that runs it."""
    info = Path("/proc/cpuinfo")
    models = [line for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    processor = models[0].split(":")[1].strip() if models else platform.processor()
    return {"processor": processor, "cores": cores, "python": platform.python_version()}


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as their longest cell."""
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_result(benchmark: str, ratio: float, bar: float, *, holds: bool = True, **figures: object) -> None:
    """The last line. `holds`: whether the other limits that the benchmark names are kept, too."""
    result = {"benchmark": benchmark, "ratio": round(ratio, 3), "bar": bar, "ok": ratio >= bar and holds}
    print(json.dumps(result | figures | {"machine": machine()}))
