"""Runs a task over batches of images on the configured engine, with progress in the log and the UI."""

from collections import Counter, UserList
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, cast

from prefect import Task
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from scraping.politeness import Politeness
from storage import Rows
from tasks.errors import PipelineError
from tasks.progress import Progress
from tasks.settings import settings


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
        return cast("TaskRunner[Any]", DaskTaskRunner(address=chosen.dask_scheduler))
    cluster = {"n_workers": chosen.workers, "threads_per_worker": 1}
    return cast("TaskRunner[Any]", DaskTaskRunner(cluster_kwargs=cluster))


def shared(politeness: Politeness) -> Politeness:
    """What each process may do, so that all that work at once keep to these limits together."""
    chosen = settings()
    return politeness if chosen.task_runner == "threads" else politeness.shared_between(chosen.workers)


def run_batches(
    task: "Task[Any, Counter[str]]", label: str, items: "list[Any] | Rows", batch: int, **common: Any
) -> Counter[str]:
    """Submits ``task(items of one batch, **common)`` for all items and adds up the statuses that it counts.

    Args:
        label: what the log and the progress artifact call this work, such as "resize A".
        batch: how many items a task run gets.
    """
    total = len(items)
    if not total:
        return Counter()
    progress = Progress(label, total, "images")
    counts: Counter[str] = Counter()
    for future in _submitted(task, items, batch, common):
        counts += future.result()
        detail = ", ".join(f"{number} {status}" for status, number in sorted(counts.items(), reverse=True))
        progress.show(counts.total(), detail)
    return counts


def _submitted(
    task: "Task[Any, Counter[str]]", items: Iterable[Any], batch: int, common: dict[str, Any]
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
        waiting.append(task.submit(UserList(chunk), **common))
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
