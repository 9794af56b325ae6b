"""Makes a dataset of outlines and of outlines on red paper, and trainings whose scores are known."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cyclegan.training.trainer import Trainer
from imaging.codec import encode_png
from imaging.lineart import Normalization
from imaging.pseudo_pair import DrawingStyle, measure_drawings
from irodori.datasets import Dataset
from irodori.overrides import Overrides
from storage import Row, Storage
from tests.handmade import OUTLINE_SIZE, WHITE, outlines, painters, put_all_in_region

NUMBER = 56  # of each domain, of which 4 are held out
QUICK = Overrides(
    method="cyclegan", blocks=1, ngf=4, ndf=4, layers=1, crop=OUTLINE_SIZE, batch=13, checkpoint_every=10, device="cpu"
)


def red(number: int) -> np.ndarray:
    return np.array([200 + number % 50, 30 + 7 * number % 40, 20 + 5 * number % 30])


def fill(storage: Storage) -> Dataset:
    """A dataset as build-dataset leaves it: outlines, and outlines on red paper, PNG both."""
    dataset = Dataset(storage.url, "reds")
    dataset.fix(OUTLINE_SIZE, Normalization())
    lines = {"A": outlines(NUMBER, 0), "B": outlines(NUMBER, 1)}
    rows = []
    for number in range(NUMBER):
        pictures = {
            "A": Image.fromarray(lines["A"][number]),
            "B": Image.fromarray((lines["B"][number][..., None] / 255 * red(number)).round().astype(np.uint8)),
        }
        for domain, picture in pictures.items():
            digest = f"{number * 7919 % 65521:04x}{domain}"
            key = dataset.key("normalize" if domain == "A" else "resize", domain, digest)
            storage.write(key, encode_png(picture))
            stage: Any = "normalize" if domain == "A" else "resize"
            rows.append(Row(f"b:{domain}{number}", domain, stage, "ok", key=key, sha256=digest))
    dataset.manifest.record(rows)
    return dataset


def set_weights(
    patch: pytest.MonkeyPatch, region: Callable[[int], int], after: Callable[[int], None] = lambda step: None
) -> None:
    """Puts the page of each step's averaged weights into a region before the checkpoint; raw weights paint nothing.

    Args:
        patch: undoes it.
        region: by step; white leaves the lineart untouched, so that its score is 0.
        after: called with the step after each checkpoint, before it is announced.
    """
    run = Trainer.run

    def run_with_known_weights(trainer: Trainer, on_progress: Callable[..., None], on_checkpoint: Any) -> None:
        def put(step: int, *rest: Any) -> None:
            averaged, raw = painters(trainer)
            put_all_in_region(averaged, region(step))
            put_all_in_region(raw, WHITE)
            on_progress(step, *rest)

        def announce(step: int, *rest: Any) -> None:
            after(step)
            on_checkpoint(step, *rest)

        run(trainer, put, announce)

    patch.setattr(Trainer, "run", run_with_known_weights)
    keep_paper(patch)


def keep_paper(patch: pytest.MonkeyPatch) -> None:
    """Lets trainings learn the red paper, which would be whitened as a plain ground that drawings do not have."""

    def measured(drawings: Sequence[np.ndarray]) -> DrawingStyle:
        return replace(measure_drawings(drawings), blank_ground=False)

    patch.setattr("cyclegan.training.dataset.measure_drawings", measured)
