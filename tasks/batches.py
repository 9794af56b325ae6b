"""Runs a task over batches of images on the configured task runner, with progress in the log and the UI."""

from collections import Counter, UserList
from collections.abc import Iterable, Iterator, Sized
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import as_completed as threads_completed
from itertools import islice
from math import ceil
from typing import Any, TypeVar

from prefect import Task
from prefect.futures import PrefectFuture, as_completed

from irodori.errors import PipelineError
from irodori.settings import settings
from storage import Rows
from tasks.here import call, shown_here
from tasks.progress import Progress
from tasks.task_runner import check_task_runner

Job = TypeVar("Job")
_BATCH_HERE = 16  # images; a batch costs nothing without a server, and Ctrl-C waits for those that are under way


def run_batches(
    task: "Task[[Any, Job], Counter[str]]", label: str, items: "list[Any] | Rows", batch: int, job: Job
) -> Counter[str]:
    """Submits ``task(items of one batch, job)`` for all items, and adds up the counts that the task runs return.

    Args:
        task: takes the items of a batch and the job, and returns how many items have which status.
        label: name of this work in the log and the progress artifact, such as "resize A".
        items: the items of all batches.
        batch: number of items for each task run.
        job: what all batches have in common; small and picklable, because each task run gets a copy.

    Returns:
        The number of items by status.

    Raises:
        PipelineError: if the Dask cluster cannot run the task (its text is one line).
        FailedRun: if a task run failed (its text is one line).
    """
    total = len(items)
    if not total:
        return Counter()
    if not shown_here():
        check_task_runner(task.fn.__module__)
    progress = Progress(label, total, "images")
    counts: Counter[str] = Counter()
    for finished in (_called if shown_here() else _submitted)(task, items, batch, job):
        counts += finished
        detail = ", ".join(f"{number} {status}" for status, number in sorted(counts.items(), reverse=True))
        progress.show(counts.total(), detail)
    return counts


def batch_size(items: Sized, most: int) -> int:
    """Returns the number of items of a batch: at most ``most``, and few enough that each worker gets a batch."""
    return max(1, min(most, ceil(len(items) / settings().workers)))


def _submitted(
    task: "Task[[Any, Job], Counter[str]]", items: Iterable[Any], batch: int, job: Job
) -> "Iterator[Counter[str]]":
    """Yields the counts of task runs as they finish; at most one per worker is submitted, even on a shared cluster."""
    limit = settings().workers
    waiting: list[PrefectFuture[Counter[str]]] = []
    rest = iter(items)
    while chunk := list(islice(rest, batch)):
        if len(waiting) == limit:
            finished = next(as_completed(waiting))
            waiting.remove(finished)
            yield finished.result()
        # UserList, because Prefect searches a list for futures in every field of every row, which takes longer than
        # the task run itself
        waiting.append(task.submit(UserList(chunk), job))
    for finished in as_completed(waiting):
        yield finished.result()


def _called(
    task: "Task[[Any, Job], Counter[str]]", items: Iterable[Any], batch: int, job: Job
) -> "Iterator[Counter[str]]":
    """Yields the counts of batches as they finish, in threads of this process."""
    rest = iter(items)
    batches = iter(lambda: list(islice(rest, min(batch, _BATCH_HERE))), [])
    threads = ThreadPoolExecutor(settings().workers)
    try:
        begun = [threads.submit(call, task.fn, chunk, job) for chunk in batches]
        for finished in threads_completed(begun):
            yield finished.result()
    finally:
        threads.shutdown(cancel_futures=True)


def check_failures(counts: "Counter[str]", label: str, limit: float) -> None:
    """Ends the run if too many images failed: the cause is rarely the images then.

    Args:
        counts: number of images by status.
        label: name of this work in the message.
        limit: largest allowed share of failed images, 0..1.

    Raises:
        PipelineError: if the share of failed images is above ``limit`` (its text is one line).
    """
    total = counts.total()
    if total and counts["failed"] / total > limit:
        raise PipelineError(
            f"{label}: {counts['failed']} of {total} images failed, more than the limit of {limit:.0%}: "
            "see the reasons in the manifest, then run again or raise max_failed"
        )
