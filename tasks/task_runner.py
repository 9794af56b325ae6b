"""Selects the task runner that the settings name: threads, processes, or a Dask cluster."""

from functools import cache
from importlib import import_module
from typing import Any, cast

from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from irodori.errors import PipelineError
from irodori.settings import settings
from scraping.politeness import Politeness

_SECONDS_TO_ANSWER = 20


def task_runner() -> "TaskRunner[Any]":
    """Returns the task runner that ``IRODORI_TASK_RUNNER`` names.

    Raises:
        PipelineError: if it is "dask" and prefect-dask is not installed (its text is one line).
    """
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
    """Returns the limits for each process, such that all processes together keep the limits given."""
    chosen = settings()
    return politeness if chosen.task_runner == "threads" else politeness.shared_between(chosen.workers)


def check_task_runner(module: str) -> None:
    """Checks the user's own Dask cluster, once per process, for problems that would make a run wait forever.

    Args:
        module: name of the module of the tasks to be run.

    Raises:
        PipelineError: if the scheduler does not answer or has no workers, or if a worker cannot import the module
            (its text is one line).
    """
    chosen = settings()
    if chosen.task_runner == "dask" and chosen.dask_scheduler:
        _check_cluster(chosen.dask_scheduler, module)


@cache
def _check_cluster(address: str, module: str) -> None:
    from distributed import Client

    try:
        client: Any = Client(address, timeout=_SECONDS_TO_ANSWER, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"no Dask scheduler answers at {address}: start `dask scheduler` there or correct IRODORI_DASK_SCHEDULER"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_SECONDS_TO_ANSWER)
        except TimeoutError as error:
            raise PipelineError(f"the Dask scheduler has no workers: start `dask worker {address}`") from error
        answers = client.run(_import, module, on_error="return")
    lacking = {worker: answer for worker, answer in answers.items() if isinstance(answer, BaseException)}
    if lacking:
        worker, answer = next(iter(lacking.items()))
        raise PipelineError(
            f"{len(lacking)} of {len(answers)} Dask workers cannot run Irodori, {worker} for one ({answer}): "
            "install the checkout where they run, and start them from that environment"
        )


def _import(module: str) -> None:
    """Imports a module; returns nothing, because a module cannot be sent to the client."""
    import_module(module)
