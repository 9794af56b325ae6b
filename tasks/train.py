"""Stage train: images in, a run with checkpoints and samples out, and best.json kept up to date."""

import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from prefect import get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, ConfigDict, Field

from imaging.codec import decode
from imaging.lineart import Normalization, lineart_gray
from storage import NotFound, Row
from storage.manifest import previous_stage, rows_from
from tasks.dataset import Dataset
from tasks.errors import PipelineError, plain_errors
from tasks.report import show_link, show_sheet
from tasks.runs import Model, Run

if TYPE_CHECKING:
    import numpy as np

    from cyclegan.config import TrainConfig
    from cyclegan.score import Score

PresetName = Literal["paper", "default", "demo"]
HELD_OUT_SHARE, MAX_HELD_OUT = 0.08, 128
_EVERY_SECONDS = 5.0


class Overrides(BaseModel):
    """What to change of a preset; empty fields keep it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    constant_epochs: float | None = Field(None, ge=0, description="epochs at the full learning rate")
    decay_epochs: float | None = Field(None, ge=0, description="epochs over which the rate falls to zero")
    blocks: int | None = Field(None, ge=1, le=32, description="residual blocks of the generators")
    ngf: int | None = Field(None, ge=4, le=256, description="channels of the generators' first layer")
    crop: int | None = Field(None, ge=16, le=2048, multiple_of=4, description="side of the square crop, in pixels")
    batch: int | None = Field(None, ge=1, le=256, description="images of each domain a step")
    checkpoint_every: int | None = Field(None, ge=1, description="steps between checkpoints")
    seed: int | None = Field(None, ge=0, description="another seed is another run")
    device: Literal["auto", "cuda", "cpu"] | None = None

    def apply(self, preset: PresetName) -> "TrainConfig":
        from cyclegan.config import TrainConfig
        from cyclegan.config import preset as load_preset

        values = load_preset(preset).model_dump()
        for name, value in self.model_dump(exclude_none=True).items():
            section = _SECTIONS.get(name)
            (values[section] if section else values)[name] = value
        return TrainConfig.model_validate(values)


_SECTIONS = {
    "constant_epochs": "schedule", "decay_epochs": "schedule", "blocks": "generator", "ngf": "generator", "crop": "data",
}  # fmt: skip


@task(name="train", cache_policy=NO_CACHE)
@plain_errors
def train(dataset: Dataset, model: Model, preset: PresetName, overrides: Overrides) -> str:
    """Trains or resumes; returns the run's id. The same dataset and settings are the same run."""
    from cyclegan.errors import CycleganError

    log = get_run_logger()
    try:
        config = overrides.apply(preset)
        rows = _training_rows(dataset)
        run = model.run(preset, of=[dataset.name, config.model_dump(exclude={"device"}), [row.key for row in rows]])
        if _is_finished(run):
            log.info("train: run %s is finished, nothing to do; another seed trains again", run.id)
            return run.id
        log.info("train: run %s on %d pictures", run.id, len(rows))
        _train(dataset, run, config, rows)
    except CycleganError as error:
        raise PipelineError(str(error)) from error
    return run.id


def _training_rows(dataset: Dataset) -> list[Row]:
    """The last ok row of each image, as a train row with its split, lineart first."""
    table = dataset.manifest.load()
    rows: list[Row] = []
    for domain, name in (("A", "lineart"), ("B", "colour pictures")):
        found = table[
            (table["domain"] == domain)
            & (table["stage"] == previous_stage("train", domain))
            & (table["status"] == "ok")
        ]
        if found.empty:
            raise PipelineError(f"dataset {dataset.name!r} has no {name} (domain {domain}): run build-dataset first")
        # by content, so that the split does not depend on what a board calls its posts
        chosen = sorted(rows_from(found), key=lambda row: row.sha256)
        held_out = min(MAX_HELD_OUT, round(HELD_OUT_SHARE * len(chosen)))
        rows += [
            replace(row, stage="train", split="held-out" if number < held_out else "train")
            for number, row in enumerate(chosen)
        ]
    return rows


def _is_finished(run: Run) -> bool:
    try:
        config = json.loads(run.model.storage.read(run.prefix + "finished.json"))
    except NotFound:
        return False
    return bool(config["step"])


def _train(dataset: Dataset, run: Run, config: "TrainConfig", rows: list[Row]) -> None:
    from cyclegan.trainer import Trainer

    normalization = Normalization.from_dict(dataset.shared()["normalization"])
    data = _load(dataset, rows)
    with tempfile.TemporaryDirectory(prefix="irodori-run-") as scratch:
        folder = Path(scratch)
        run.pull(folder)
        dataset.manifest.record([replace(row, made_by=run.prefix) for row in rows])
        trainer = Trainer(config, data, folder, normalization=normalization)
        watcher = _Watcher(run, folder)
        trainer.run(on_progress=watcher.progress, on_checkpoint=watcher.checkpoint)


def _load(dataset: Dataset, rows: Sequence[Row]) -> Any:
    """Decodes every training picture once, into memory."""
    from cyclegan.dataset import TrainingData

    def pixels(row: Row) -> "np.ndarray[Any, Any]":
        import numpy as np

        image = decode(dataset.storage.read(row.key))
        return lineart_gray(image) if row.domain == "A" else np.asarray(image)

    with ThreadPoolExecutor() as threads:
        images = list(threads.map(pixels, rows))
    pick = {
        (domain, split): [image for image, row in zip(images, rows, strict=True) if (row.domain, row.split) == (domain, split)]
        for domain in "AB"
        for split in ("train", "held-out")
    }
    return TrainingData(
        a=pick["A", "train"], b=pick["B", "train"],
        a_held_out=pick["A", "held-out"], b_held_out=pick["B", "held-out"],
    )  # fmt: skip
