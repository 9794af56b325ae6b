"""Starts the processes of one training through torch's elastic launcher, and tells how they ended."""

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
_HANDLED = (*_SIGNALS, signal.SIGHUP, signal.SIGQUIT)  # by the launcher, which forwards them


def launch(
    processes: int,
    device: str,
    function: Callable[..., None],
    *arguments: Any,
    plain: tuple[type[Exception], ...] = (),
) -> None:
    """Call function(world, *arguments) in each of so many new processes; `device` is "cuda" (one GPU each) or "cpu".

    plain: errors whose str() is one line for people, as those of this package are.
    Must be called in the main thread. SIGTERM and SIGINT reach every process; once all have ended, the signal acts
    here as it would have. Raises TrainingError (one line) if one of them fails; the others are ended then.
    """
    if device == "cuda" and processes > (found := torch.cuda.device_count()):
        raise TrainingError(f"processes {processes} need as many GPUs, and this machine has {found}; lower processes")
    # newer than torch 2.11, where a process that is asked to stop has 30 s to save and upload
    patience: dict[str, Any] = (
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
        **patience,
    )
    noted: signal.Signals | None = None
    with _quietly(), _handlers_put_back():
        try:
            elastic_launch(config, _join)(device, function, arguments, (CycleganError, *plain))
        except SignalException as error:
            noted = error.sigval
        except ChildFailedError as error:
            raise TrainingError(_line(*error.get_first_failure())) from error
    if noted is not None:
        signal.raise_signal(noted)


def _join(
    device: str, function: Callable[..., None], arguments: tuple[Any, ...], plain: tuple[type[Exception], ...]
) -> None:
    for number in _SIGNALS:
        signal.signal(number, _leave)
    with World.join(device) as world:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // world.size))
        try:
            function(world, *arguments)
        except plain as error:  # what the launcher passes on is the name and the line
            raise TrainingError(str(error)) from error


def _leave(number: int, frame: FrameType | None) -> None:
    for each in _SIGNALS:  # a terminal sends Ctrl-C to all, and the launcher once more
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


@contextmanager
def _quietly() -> Iterator[None]:
    """The launcher logs every end with a traceback; ours is one line."""
    talkative = ("torch.distributed.elastic", "torch.multiprocessing")
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith(talkative)]
    disabled = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, before in zip(loggers, disabled, strict=True):
            logger.disabled = before


@contextmanager
def _handlers_put_back() -> Iterator[None]:
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
