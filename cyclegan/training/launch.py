"""Starts the processes of one training by torch's elastic launcher, and reports a failure in one line."""

from __future__ import annotations

import logging
import os
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from cyclegan.distributed import World
from cyclegan.errors import CycleganError, TrainingError
from cyclegan.training.interruption import SECONDS_TO_SAVE

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_HANDLED = (*_SIGNALS, signal.SIGHUP, signal.SIGQUIT)  # by torch's launcher, which forwards them


def launch(
    processes: int,
    device: str,
    function: Callable[..., None],
    *arguments: Any,
    plain: tuple[type[Exception], ...] = (),
) -> None:
    """Calls function(world, *arguments) in each of several new processes and waits for them.

    Must be called in the main thread. SIGTERM and SIGINT are forwarded to every process; once all have ended, the
    signal is raised here. If one process fails, the others are stopped.

    Args:
        processes: number of processes.
        device: "cuda" (one GPU per process) or "cpu".
        function: what each process runs; it must be picklable, like its arguments.
        arguments: passed after the process's World.
        plain: types of errors, besides this package's own, whose text is one line for people.

    Raises:
        TrainingError: there are too few GPUs, or a process failed (its text is one line).
    """
    if device == "cuda" and processes > (found := torch.cuda.device_count()):
        raise TrainingError(f"processes {processes} need as many GPUs, and this machine has {found}; lower processes")
    # later than torch 2.11, which kills a process 30 s after a request to stop: too early to save and upload
    shutdown_options: dict[str, Any] = (
        {"shutdown_timeout": SECONDS_TO_SAVE} if "shutdown_timeout" in LaunchConfig.__dataclass_fields__ else {}
    )
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        **shutdown_options,
    )
    received: signal.Signals | None = None
    with _launcher_logs_disabled(), _signal_handlers_restored():
        try:
            elastic_launch(config, _join)(device, function, arguments, (CycleganError, *plain))
        except SignalException as error:
            received = error.sigval
        except ChildFailedError as error:
            raise TrainingError(_line(*error.get_first_failure())) from error
    if received is not None:
        signal.raise_signal(received)


def _join(
    device: str, function: Callable[..., None], arguments: tuple[Any, ...], plain: tuple[type[Exception], ...]
) -> None:
    for number in _SIGNALS:
        signal.signal(number, _exit_on_signal)
    with World.join(device) as world:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // world.size))
        try:
            function(world, *arguments)
        except plain as error:  # the launcher forwards only the type's name and the text
            raise TrainingError(str(error)) from error


def _exit_on_signal(number: int, frame: FrameType | None) -> None:
    for each in _SIGNALS:  # a terminal sends Ctrl-C to all processes, and the launcher forwards it again
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


@contextmanager
def _launcher_logs_disabled() -> Iterator[None]:
    """Disables the launcher's loggers, which would log a traceback; this module reports one line instead."""
    noisy = ("torch.distributed.elastic", "torch.multiprocessing")
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith(noisy)]
    disabled = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, before in zip(loggers, disabled, strict=True):
            logger.disabled = before


@contextmanager
def _signal_handlers_restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _HANDLED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _line(rank: int, failure: ProcessFailure) -> str:
    if failure.exitcode < 0:
        name = signal.Signals(-failure.exitcode).name
        return f"process {rank} was ended by {name}; start the training again and it goes on from its last checkpoint"
    known = failure.error_file_data.get("message", {}) if isinstance(failure.error_file_data, dict) else {}
    text = known.get("message", "") if isinstance(known, dict) else str(known)
    kind, _, line = str(text or failure.message).strip().partition("\n")[0].partition(": ")
    return line if kind.endswith(TrainingError.__name__) else f"process {rank}: {kind}: {line}"
