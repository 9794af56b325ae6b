"""Runs flows in this process alone: their functions are called as they are, without Prefect's server.

A run of Prefect needs a server, whose start takes half a minute where none runs, and tells its progress in a log. A
person at a terminal wants neither. Within :func:`here` the stages do the same work and say how far they are.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import ParamSpec, TypeVar, cast

from prefect import State, get_run_logger
from prefect.concurrency.sync import concurrency

P = ParamSpec("P")
R = TypeVar("R")
Show = Callable[[str, int, int], None]  # called with the name of a work, the units done, and all of them

_show: Show | None = None


@contextmanager
def here(show: Show) -> Iterator[None]:
    """Surrounds calls of flows that are to run in this process alone.

    Args:
        show: told of the progress of each piece of work.
    """
    global _show
    _show = show
    try:
        yield
    finally:
        _show = None


def shown_here() -> Show | None:
    """Returns what is told of the progress; None in runs of Prefect."""
    return _show


def call(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls the function of a flow or task, such as ``build_dataset.fn``, and returns its result.

    Raises:
        FailedRun: if it failed (its text is one line), as :func:`tasks.errors.plain_errors` decides.
    """
    result = function(*args, **kwargs)
    return cast(R, result.result()) if isinstance(result, State) else result


def run_logger() -> "logging.Logger | logging.LoggerAdapter[logging.Logger]":
    """Returns the logger of the run; here one of which only warnings are seen."""
    return logging.getLogger("irodori") if _show else get_run_logger()


def gpu() -> AbstractContextManager[None]:
    """Waits for the GPU, which one training at a time may have; here nothing knows who else has it."""
    if _show:
        return nullcontext()
    # strict=False: trains even if the limit does not exist because the server was not prepared by deploy.setup
    return concurrency("gpu", occupy=1, strict=False, lease_duration=60, raise_on_lease_renewal_failure=False)
