"""Trains a model on a dataset: saves checkpoints and samples, and selects the best checkpoint by its score."""

from prefect import flow

from cyclegan.training.config import PresetName
from irodori.datasets import Dataset
from irodori.models import Model
from irodori.names import Name
from irodori.overrides import Overrides
from irodori.settings import settings
from tasks.errors import plain_errors, run_task
from tasks.here import gpu
from tasks.report import show_stages
from tasks.train import train


@flow(name="train-cyclegan")
@plain_errors
def train_cyclegan(
    dataset: Name = "default",
    model: Name = "default",
    preset: PresetName = "default",
    overrides: Overrides = Overrides(),  # noqa: B008 - frozen
    credit: str = "",
    serve: bool = False,
) -> str:
    """Train, or resume a run of the same settings and images. Returns the run's id.

    Args:
        dataset: Name of a dataset that build-dataset has built.
        model: Name of the model; a folder under models/.
        preset: paper: exactly as published; default: best known for about 1000 + 1000 pictures; demo: minutes on a CPU.
        overrides: Changes to the preset; empty fields keep its values.
        credit: A line under the sample sheets that names the artist of the pictures.
        serve: Serve this run at once; by default, a run that serves is replaced by a finished one with a higher score.
    """
    source, target = Dataset(settings().storage, dataset), Model(settings().storage, model)
    with gpu():
        # called, not submitted: a cancellation is a signal, and only the main thread receives signals
        run = run_task(train, source, target, preset, overrides, credit, serve)
    show_stages(dataset, source.manifest.merge())
    return run
