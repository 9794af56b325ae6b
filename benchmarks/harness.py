"""Times the sides of a benchmark in turns in one process and prints its table and its last line, of JSON."""

import json
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch


def alternate(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Times the sides in turns, so that other load on the machine slows all of them alike.

    Args:
        sides: what to time, by name.
        rounds: how often to time each side, after one round to warm up.

    Returns:
        Median seconds by side.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for round_number in range(rounds + 1):
        for name, side in sides.items():
            start = time.perf_counter()
            side()
            if round_number:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def in_a_new_process(function: Callable[..., Any], *arguments: object) -> Any:
    """Calls a function of a module in a process of its own, with one thread of torch; returns what it returns."""
    with multiprocessing.get_context("spawn").Pool(1, torch.set_num_threads, (1,)) as pool:
        return pool.apply(function, arguments)


def machine() -> dict[str, Any]:
    """Returns the processor's name, the number of cores that this process may use, and the Python version."""
    info = Path("/proc/cpuinfo")
    models = [line for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    processor = models[0].split(":")[1].strip() if models else platform.processor()
    return {"processor": processor, "cores": cores, "python": platform.python_version()}


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints a table whose columns are as wide as their longest cell."""
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_result(benchmark: str, ratio: float, bar: float, *, holds: bool = True, **figures: object) -> None:
    """Prints the last line of a benchmark, as JSON.

    Args:
        benchmark: the benchmark's name.
        ratio: its main result.
        bar: the least ratio that is acceptable.
        holds: whether the benchmark's other limits are kept, too.
        figures: further results.
    """
    result = {"benchmark": benchmark, "ratio": round(ratio, 3), "bar": bar, "ok": ratio >= bar and holds}
    print(json.dumps(result | figures | {"machine": machine()}))
