"""Runs flows and emits events for the commands.

A command imports this module only when it needs it, because importing Prefect takes seconds.
"""

import sys

from prefect.events import emit_event
from prefect.exceptions import FailedRun, ParameterTypeError
from prefect.settings import PREFECT_API_URL, PREFECT_HOME

from cyclegan.training.config import PresetName
from irodori.overrides import Overrides
from irodori.prefect_server import check_home, temporary_server

STOPPED = 130


def announce_arrival() -> None:
    """Emits an event if a server is set, so that it colours the inbox now and not with the next scheduled run."""
    if PREFECT_API_URL.value():  # without a server, Prefect would start one for this
        emit_event("inbox.images.arrived", resource={"prefect.resource.id": "irodori.inbox"})


def run_training(dataset: str, model: str, preset: PresetName, overrides: Overrides, credit: str, serve: bool) -> None:
    """Runs the flow train-cyclegan in this process; exits with one line if it fails.

    Raises:
        PipelineError: if Prefect's temporary server cannot start (its text is one line).
    """
    from flows.train_cyclegan import train_cyclegan

    if not PREFECT_API_URL.value():
        check_home(PREFECT_HOME.value())
    try:
        with temporary_server():
            train_cyclegan(dataset, model, preset, overrides, credit, serve)
    except FailedRun as error:
        sys.exit(str(error))
    except ParameterTypeError as error:  # a list over several lines
        sys.exit(" ".join(str(error).split()))
    except KeyboardInterrupt:
        print("stopped; the same command goes on where it was", file=sys.stderr)
        sys.exit(STOPPED)
