"""A run for TensorBoard: its losses, scores and sheets as event files in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from tensorboardX import SummaryWriter

from cyclegan.painting.checkpoint import Weights
from cyclegan.scoring.score import Score


class Events:
    """Writes folder/events.out.tfevents.*; what it writes is on the disk when a call returns.

    Each file goes from one checkpoint to the next and is not touched afterwards, so that a bucket gets it once. Its
    first record tells readers to forget what others hold of later steps: a run that was killed and resumed has each
    step once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._step = folder, 0
        self._writer: SummaryWriter | None = None

    def begin(self, step: int) -> None:
        """What comes now follows on `step`, and goes to a new file."""
        self.close()
        self._step = step

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def add_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """A row of metrics.csv."""
        for name, value in metrics.items():
            kind = "speed" if name in ("images_per_second", "data_share") else "training"
            self._open.add_scalar(f"{kind}/{name}", value, step)
        self._open.flush()

    def add_checkpoint(self, step: int, sheet: Path, scores: Mapping[Weights, Score]) -> None:
        """The sheet of samples, and the score of each kind of weights with its parts."""
        for weights, score in scores.items():
            for name, value in {"score": score.value, **score.parts}.items():
                self._open.add_scalar(f"{name}/{weights}", value, step)
        with Image.open(sheet) as image:
            self._open.add_image("samples", np.asarray(image.convert("RGB")), step, dataformats="HWC")
        self._open.flush()

    @property
    def _open(self) -> SummaryWriter:
        if self._writer is None:
            suffix = f".{self._step:09d}"  # files of one second must differ; readers take them in order of their names
            self._writer = SummaryWriter(str(self._folder), purge_step=self._step + 1, filename_suffix=suffix)
        return self._writer
