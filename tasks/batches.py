"""Runs a task over batches of images on the configured engine, with progress in the log and the UI."""

from collections import Counter, UserList
from collections.abc import Iterable, Iterator, Sized
from itertools import islice
from math import ceil
from typing import Any, TypeVar

from prefect import Task
from prefect.futures import PrefectFuture, as_completed

from irodori.errors import PipelineError
from irodori.settings import settings
from storage import Rows
from tasks.progress import Progress
from tasks.task_runner import check_task_runner

Job = TypeVar("Job")


def run_batches(
    task: "Task[[Any, Job], Counter[str]]", label: str, items: "list[Any] | Rows", batch: int, job: Job
) -> Counter[str]:
    """Submits ``task(items of one batch, job)`` for all items and adds up the statuses that it counts.

    Args:
        label: what the log and the progress artifact call this work, such as "resize A".
        batch: how many items a task run gets.
        job: what all batches have in common; small and picklable, for it travels to each of them.
    """
    total = len(items)
    if not total:
        return Counter()
    check_task_runner(task.fn.__module__)
    progress = Progress(label, total, "images")
    counts: Counter[str] = Counter()
    for future in _submitted(task, items, batch, job):
        counts += future.result()
        detail = ", ".join(f"{number} {status}" for status, number in sorted(counts.items(), reverse=True))
        progress.show(counts.total(), detail)
    return counts


def batch_size(items: Sized, most: int) -> int:
    """Items of a batch: at most that many, and no more than leave something for each worker."""
    return max(1, min(most, ceil(len(items) / settings().workers)))


def _submitted(
    task: "Task[[Any, Job], Counter[str]]", items: Iterable[Any], batch: int, job: Job
) -> "Iterator[PrefectFuture[Counter[str]]]":
    """Finished task runs as they finish; at most one a worker is under way, on a shared cluster too."""
    limit = settings().workers
    waiting: list[PrefectFuture[Counter[str]]] = []
    rest = iter(items)
    while chunk := list(islice(rest, batch)):
        if len(waiting) == limit:
            finished = next(as_completed(waiting))
            waiting.remove(finished)
            yield finished
        # in a list, Prefect looks for futures in every cell of every row, which costs more than the task run
        waiting.append(task.submit(UserList(chunk), job))
    yield from as_completed(waiting)


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
