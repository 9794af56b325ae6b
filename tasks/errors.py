"""How a run ends when something outside the code is wrong: Failed, with one line and no traceback."""

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

P = ParamSpec("P")
R = TypeVar("R")


def plain_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Below ``@flow`` or ``@task``: turns what a user can cause into a Failed state with that line.

    Whoever calls the flow, reads a future's result or uses :func:`run_task` then gets ``FailedRun`` with the line.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (PipelineError, StorageError, SourceError, FailedRun) as error:
            line = str(error)
        except OSError as error:  # the storage tells its own; what remains are files without a name
            if error.errno != errno.ENOSPC:
                raise
            line = f"no space is left for temporary files in {tempfile.gettempdir()}: free some, or set TMPDIR"
        state: Any = Failed(message=line)
        return cast(R, state)  # Prefect takes a returned state for the state of the run

    return wrapper


def run_task(task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls a task in this thread. Called plainly, a task with :func:`plain_errors` would return its Failed state.

    Raises:
        FailedRun: with the line that the task ended on.
    """
    state: State[R] = task(*args, **kwargs, return_state=True)
    return state.result()
