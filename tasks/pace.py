"""Measures, before a training begins, how long it will take here, on a few of its pictures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from irodori.datasets import Dataset
from irodori.errors import PipelineError
from storage import Row
from tasks.train import load

if TYPE_CHECKING:
    from cyclegan.training.config import TrainConfig
    from cyclegan.training.dataset import TrainingData
    from cyclegan.training.pace import Pace


def pace(dataset: Dataset, rows: Sequence[Row], config: "TrainConfig", sample: "TrainingData") -> "Pace":
    """Measures the pace of a training.

    Args:
        dataset: the dataset.
        rows: all of its training pictures, as ``tasks.train.training_rows`` returns them.
        config: the settings.
        sample: what :func:`sample` returned.

    Raises:
        PipelineError: if the pictures cannot be trained on so (its text is one line).
    """
    from cyclegan.errors import CycleganError
    from cyclegan.training.pace import Numbers, measure_pace

    counts = [len(_of(rows, domain, split)) for split in ("train", "held-out") for domain in ("A", "B")]
    try:
        return measure_pace(config, sample, dataset.normalization(), Numbers(*counts))
    except CycleganError as error:
        raise PipelineError(str(error)) from error


def sample(dataset: Dataset, rows: Sequence[Row]) -> "TrainingData":
    """Loads a few of the training pictures of each domain and split."""
    from cyclegan.training.pace import MOST_HELD_OUT, MOST_TRAINED

    chosen = [
        row
        for split, most in (("train", MOST_TRAINED), ("held-out", MOST_HELD_OUT))
        for domain in ("A", "B")
        for row in _of(rows, domain, split)[:most]
    ]
    return load(dataset, chosen, memory_gb=1.0)


def _of(rows: Sequence[Row], domain: str, split: str) -> list[Row]:
    return [row for row in rows if (row.domain, row.split) == (domain, split)]
