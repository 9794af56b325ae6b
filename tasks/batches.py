"""Runs a task over batches of images on the configured engine, with progress in the log and the UI."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from prefect import Task, get_run_logger, unmapped
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from tasks.errors import PipelineError
from tasks.settings import settings

_EVERY_SECONDS = 5.0  # each update is a request to the API and an event


def task_runner() -> "TaskRunner[Any]":
    """The engine that ``IRODORI_TASK_RUNNER`` names: threads, processes or a Dask cluster."""
    chosen = settings()
    if chosen.task_runner == "threads":
        return ThreadPoolTaskRunner(max_workers=chosen.workers)
    if chosen.task_runner == "processes":
        return ProcessPoolTaskRunner(max_workers=chosen.workers)
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError as error:
        raise PipelineError("IRODORI_TASK_RUNNER=dask needs: pip install prefect-dask") from error
    if chosen.dask_scheduler:
        return DaskTaskRunner(address=chosen.dask_scheduler)
    return DaskTaskRunner(cluster_kwargs={"n_workers": chosen.workers, "threads_per_worker": 1})


def run_batches(
    task: "Task[Any, Counter[str]]", label: str, work: Sequence[Sequence[Any]], **common: Any
) -> Counter[str]:
    """Maps ``task(batch, **common)`` over the batches and adds up the statuses that it counts.

    Args:
        label: what the log and the progress artifact call this work, such as "resize A".
        work: the batches, each a sequence of items.
    """
    total = sum(len(batch) for batch in work)
    if not total:
        return Counter()
    progress = _Progress(label, total)
    futures: list[PrefectFuture[Counter[str]]] = task.map(  # type: ignore[call-overload]
        [list(batch) for batch in work], **{name: unmapped(value) for name, value in common.items()}
    )
    counts: Counter[str] = Counter()
    for future in as_completed(futures):
        counts += future.result()
        progress.show(counts)
    return counts


class _Progress:
    """Images done, per second and left, throttled."""

    def __init__(self, label: str, total: int) -> None:
        self._label, self._total = label, total
        self._start = self._shown = time.monotonic()
        self._log = get_run_logger()
        self._artifact = create_progress_artifact(0.0, key=None, description=f"{label}: 0 of {total} images")
        self._log.info("%s: %d images", label, total)

    def show(self, counts: Counter[str]) -> None:
        done, now = counts.total(), time.monotonic()
        if done < self._total and now - self._shown < _EVERY_SECONDS:
            return
        self._shown = now
        rate = done / max(now - self._start, 1e-9)
        left = (self._total - done) / rate if rate else float("inf")
        parts = ", ".join(f"{number} {status}" for status, number in sorted(counts.items(), reverse=True))
        line = f"{self._label}: {done} of {self._total} images ({parts}), {rate:.1f}/s, {left:.0f} s left"
        self._log.info(line)
        update_progress_artifact(self._artifact, progress=100 * done / self._total, description=line)


def check_failures(counts: "Counter[str]", label: str, limit: float) -> None:
    """Ends the run when too many images failed: then the fault is rarely with the images.

    Raises:
        PipelineError: if the share of failed images is above ``limit`` (0..1).
    """
    total = counts.total()
    if total and counts["failed"] / total > limit:
        raise PipelineError(
            f"{label}: {counts['failed']} of {total} images failed, more than the limit of {limit:.0%}: "
            "see the reasons in the manifest, then run again or raise max_failed"
        )
