"""From a dataset to a model: checkpoints, samples, and the best checkpoint by measured score."""

from prefect import flow
from prefect.concurrency.sync import concurrency

from cyclegan.training.config import PresetName
from irodori.datasets import Dataset, Name
from irodori.models import Model
from irodori.overrides import Overrides
from irodori.settings import settings
from tasks.errors import plain_errors, run_task
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
) -> str:
    """Train, or go on where a run of the same settings and images stopped. Returns the run's id.

    Args:
        dataset: What build-dataset made.
        model: Name of the model; a folder under models/.
        preset: paper: exactly as published; default: best known for about 1000 + 1000 pictures; demo: minutes on a CPU.
        overrides: What to change of the preset.
        credit: A line under the sample sheets, for whoever drew the pictures.
    """
    source, target = Dataset(settings().storage, dataset), Model(settings().storage, model)
    # a limit that does not exist (no server set up) is no reason not to train
    with concurrency("gpu", occupy=1, strict=False, lease_duration=60, raise_on_lease_renewal_failure=False):
        # called, not submitted: a cancel is a signal, and only the main thread gets signals
        run = run_task(train, source, target, preset, overrides, credit)
    show_stages(dataset, source.manifest.merge())
    return run
