"""Writes a run's losses, scores and samples as TensorBoard event files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from tensorboardX import SummaryWriter

from cyclegan.painting.checkpoint import Weights
from cyclegan.scoring.score import Score


class Events:
    """Writes folder/events.out.tfevents.*, and flushes them before each call returns.

    Each file covers the steps from one checkpoint to the next and does not change afterwards, so that it is uploaded to
    a bucket only once. Its first record tells readers to discard later steps in earlier files, so that a run that was
    killed and resumed shows each step once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._step = folder, 0
        self._writer: SummaryWriter | None = None

    def begin(self, step: int) -> None:
        """Starts a new file for the steps after `step`."""
        self.close()
        self._step = step

    def close(self) -> None:
        """Closes the current file, if any."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def add_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Adds a row of metrics.csv."""
        for name, value in metrics.items():
            kind = "speed" if name in ("images_per_second", "data_share") else "training"
            self._open.add_scalar(f"{kind}/{name}", value, step)
        self._open.flush()

    def add_checkpoint(self, step: int, sheet: Path, scores: Mapping[Weights, Score]) -> None:
        """Adds the samples and scores of a checkpoint.

        Args:
            step: of the checkpoint.
            sheet: PNG file with the samples.
            scores: by kind of weights; may be empty.
        """
        for weights, score in scores.items():
            for name, value in {"score": score.value, **score.parts}.items():
                self._open.add_scalar(f"{name}/{weights}", value, step)
        with Image.open(sheet) as image:
            self._open.add_image("samples", np.asarray(image.convert("RGB")), step, dataformats="HWC")
        self._open.flush()

    @property
    def _open(self) -> SummaryWriter:
        if self._writer is None:
            suffix = f".{self._step:09d}"  # distinguishes files of the same second; readers sort files by name
            self._writer = SummaryWriter(str(self._folder), purge_step=self._step + 1, filename_suffix=suffix)
        return self._writer
