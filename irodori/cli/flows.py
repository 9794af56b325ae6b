"""The command's one way up to flows and to Prefect. Imported where a command needs it, for Prefect takes seconds."""

import sys

from prefect.events import emit_event
from prefect.exceptions import FailedRun
from prefect.settings import PREFECT_API_URL

from cyclegan.training.config import PresetName
from irodori.overrides import Overrides

STOPPED = 130


def announce_arrival() -> None:
    """Tells a server, if there is one, that drawings have come: the inbox is looked at now, not in a minute."""
    if PREFECT_API_URL.value():  # without a server, Prefect would start one for this
        emit_event("inbox.images.arrived", resource={"prefect.resource.id": "irodori.inbox"})


def run_training(dataset: str, model: str, preset: PresetName, overrides: Overrides, credit: str) -> None:
    """Runs the flow train-cyclegan in this process; ends it with one line where it fails."""
    from flows.train_cyclegan import train_cyclegan

    try:
        train_cyclegan(dataset, model, preset, overrides, credit)
    except FailedRun as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("stopped; the same command goes on where it was", file=sys.stderr)
        sys.exit(STOPPED)
