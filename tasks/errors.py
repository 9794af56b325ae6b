"""Ends a run as Failed, with one line and no traceback, when the cause is outside the code."""

import errno
import functools
import tempfile
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from prefect import State, Task
from prefect.exceptions import FailedRun
from prefect.states import Failed

from irodori.errors import PipelineError
from scraping.post import SourceError
from storage import StorageError
from tasks.here import call, shown_here

P = ParamSpec("P")
R = TypeVar("R")


def plain_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Decorates a flow or task function, below ``@flow`` or ``@task``: turns errors that a user can cause into Failed.

    The Failed state has the error's line as its message. Calling the flow, reading the result of the task's future,
    or :func:`run_task` then raises ``FailedRun`` with that line.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (PipelineError, StorageError, SourceError, FailedRun) as error:
            line = str(error)
        except OSError as error:  # the storage raises StorageError itself; this one is of a temporary file
            if error.errno != errno.ENOSPC:
                raise
            line = f"no space is left for temporary files in {tempfile.gettempdir()}: free some, or set TMPDIR"
        state: Any = Failed(message=line)
        return cast(R, state)  # Prefect uses a returned state as the state of the run

    return wrapper


def run_task(task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls a task in this thread and returns its result.

    A plain call of a task with :func:`plain_errors` would return its Failed state instead of raising.

    Raises:
        FailedRun: if the task failed (its text is the task's line).
    """
    if shown_here():
        return call(task.fn, *args, **kwargs)
    state: State[R] = task(*args, **kwargs, return_state=True)
    return state.result()
