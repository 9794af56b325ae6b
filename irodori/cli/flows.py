"""Runs flows and emits events for the commands.

A command imports this module only when it needs it, because importing Prefect takes seconds.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Self

from prefect.events import emit_event
from prefect.exceptions import FailedRun, ParameterTypeError
from prefect.settings import PREFECT_API_URL, PREFECT_HOME

from cyclegan.training.config import PresetName
from irodori.datasets import Dataset
from irodori.errors import PipelineError
from irodori.models import Model, Run
from irodori.overrides import Overrides
from irodori.own_art import Sources
from irodori.prefect_server import check_home, temporary_server
from storage import Row

if TYPE_CHECKING:
    from cyclegan.training.config import TrainConfig
    from cyclegan.training.pace import Pace
    from tasks.here import Show


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


class Here:
    """The flows build-dataset and train-cyclegan, run in this process without Prefect's server.

    Attributes:
        rows: the training pictures, once :meth:`load` has read them.
        sample: a few of them, decoded.
    """

    @classmethod
    @contextmanager
    def open(cls, show: "Show") -> Iterator[Self]:
        """Prepares the runs.

        Args:
            show: told of the progress, as in tasks/here.py.

        Raises:
            PipelineError: if a run fails (its text is one line).
        """
        from tasks.here import here

        try:
            with here(show):
                yield cls()
        except FailedRun as error:
            raise PipelineError(str(error)) from error

    def build(self, dataset: str, sources: Sources, size: int, keep_all: bool) -> None:
        from flows.build_dataset import build_dataset
        from tasks.here import call
        from tasks.scrape import Query

        lineart, colour = Query(tags=sources.lineart), Query(tags=sources.colour)
        teaches_little: Literal["drop", "keep"] = "keep" if keep_all else "drop"
        call(build_dataset.fn, dataset, lineart, colour, size, sources.address, teaches_little=teaches_little)

    def load(self, dataset: Dataset) -> Sequence[Row]:
        from tasks.pace import sample
        from tasks.train import training_rows

        self._dataset, self.rows = dataset, training_rows(dataset)
        self.sample = sample(dataset, self.rows)
        return self.rows

    def run_of(self, model: Model, preset: PresetName, config: "TrainConfig") -> Run:
        from tasks.train import begun

        return begun(self._dataset, model, preset, config, self.rows)[1]

    def pace(self, config: "TrainConfig") -> "Pace":
        from tasks.pace import pace

        return pace(self._dataset, self.rows, config, self.sample)

    def train(
        self, dataset: str, model: str, preset: PresetName, overrides: Overrides, credit: str, serve: bool
    ) -> None:
        from flows.train_cyclegan import train_cyclegan
        from tasks.here import call

        call(train_cyclegan.fn, dataset, model, preset, overrides, credit, serve)
