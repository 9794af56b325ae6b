"""Stage train: images in, a run with checkpoints and samples out, and best.json kept up to date."""

import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cloudpickle
import numpy as np
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.context import hydrated_context, serialize_context
from pydantic import BaseModel, ConfigDict, Field

from imaging.codec import decode
from imaging.lineart import Normalization, lineart_gray
from storage import Row
from storage.manifest import previous_stage
from tasks.dataset import Dataset
from tasks.errors import PipelineError, plain_errors
from tasks.mirror import Mirror
from tasks.progress import Progress
from tasks.report import show_link, show_sheet
from tasks.runs import Model, Run
from tasks.split import split

if TYPE_CHECKING:
    from cyclegan.config import TrainConfig
    from cyclegan.dataset import TrainingData
    from cyclegan.score import Score
    from cyclegan.trainer import Trainer
    from cyclegan.world import World

PresetName = Literal["paper", "default", "demo"]
_AT_ONCE = 256  # pictures


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
    processes: int | None = Field(None, ge=1, le=64, description="processes that share each batch, on a GPU each")

    def apply(self, preset: PresetName) -> "TrainConfig":
        from cyclegan.config import preset as load_preset

        changes: dict[str, Any] = {}
        for name, value in self.model_dump(exclude_none=True).items():
            section = _SECTIONS.get(name)
            (changes.setdefault(section, {}) if section else changes)[name] = value
        return load_preset(preset).changed(changes)


_SECTIONS = {
    "constant_epochs": "schedule",
    "decay_epochs": "schedule",
    "blocks": "generator",
    "ngf": "generator",
    "crop": "data",
}


@task(name="train", cache_policy=NO_CACHE)
@plain_errors
def train(dataset: Dataset, model: Model, preset: PresetName, overrides: Overrides, credit: str) -> str:
    """Trains or resumes; returns the run's id. The same dataset and settings are the same run."""
    from cyclegan.config import FREE_TO_CHANGE
    from cyclegan.errors import CycleganError

    log = get_run_logger()
    try:
        config = overrides.apply(preset)
        rows = _training_rows(dataset)
        fixed = config.model_dump(exclude=set(FREE_TO_CHANGE))
        run = model.run(preset, of=[dataset.name, fixed, [row.key for row in rows]])
        if result := run.result():
            log.info("train: run %s is finished, nothing to do; another seed would train again", run.id)
            run.serve(result)
        else:
            log.info("train: run %s on %d pictures", run.id, len(rows))
            _train(dataset, run, config, rows, credit)
    except CycleganError as error:
        raise PipelineError(str(error)) from error
    return run.id


def _training_rows(dataset: Dataset) -> list[Row]:
    """The last ok row of each image, as a train row with its split, lineart first."""
    rows: list[Row] = []
    for domain, name in (("A", "lineart"), ("B", "colour pictures")):
        entered = dataset.manifest.rows(previous_stage("train", domain), domain)
        found = [replace(row, stage="train") for row in entered if row.status == "ok"]
        if not found:
            raise PipelineError(f"dataset {dataset.name!r} has no {name} (domain {domain}): run build-dataset first")
        rows += sorted(found, key=lambda row: row.sha256)
    origins = (row for domain in ("A", "B") for row in dataset.manifest.rows("scrape", domain))
    return split(rows, origins)


def _train(dataset: Dataset, run: Run, config: "TrainConfig", rows: list[Row], credit: str) -> None:
    from cyclegan.launch import launch
    from cyclegan.world import World

    folder = Path(tempfile.mkdtemp(prefix="irodori-run-"))
    if config.processes == 1:
        _train_in(World(), folder, dataset, run, config, rows, credit)
    else:
        # as Prefect sends it to processes of its own: it holds the flow itself
        context = cloudpickle.dumps(serialize_context())
        work = context, folder, dataset, run, config, rows, credit
        launch(config.processes, config.resolved_device(), _train_with_context, *work)


def _train_with_context(world: "World", context: bytes, *work: Any) -> None:
    """In a process of its own: logs and artifacts go to the flow run that launched it."""
    with hydrated_context(cloudpickle.loads(context)) if world.leads else nullcontext():
        _train_in(world, *work)


def _train_in(
    world: "World", folder: Path, dataset: Dataset, run: Run, config: "TrainConfig", rows: list[Row], credit: str
) -> None:
    from cyclegan.trainer import Trainer

    data = _load(dataset, rows, config.memory_gb)
    normalization = Normalization.from_dict(dataset.shared()["normalization"])
    if not world.leads:
        world.meet()
        Trainer(config, data, folder, normalization=normalization, world=world).run()
        return
    dataset.manifest.record([replace(row, made_by=run.prefix) for row in rows])
    with Mirror(run, folder) as mirror:
        mirror.pull()
        world.meet()  # the others find in the folder what there is to resume from
        trainer = Trainer(config, data, folder, normalization=normalization, world=world)
        watcher = _Watcher(run, mirror, trainer, credit)
        trainer.run(on_progress=watcher.progress, on_checkpoint=watcher.checkpoint)
        mirror.put(watcher.choice())
        mirror.wait()
        run.finish(watcher.choice())


def _load(dataset: Dataset, rows: Sequence[Row], memory_gb: float) -> "TrainingData":
    """Decodes every training picture once, into memory or a mapped file."""
    from cyclegan.dataset import TrainingData
    from cyclegan.pixels import keep

    images = keep(_decoded(dataset, rows), memory_gb * 1e9)

    def pick(domain: str, split: str) -> list[Any]:
        wanted = (domain, split)
        return [image for image, row in zip(images, rows, strict=True) if (row.domain, row.split) == wanted]

    return TrainingData(pick("A", "train"), pick("B", "train"), pick("A", "held-out"), pick("B", "held-out"))


def _decoded(dataset: Dataset, rows: Sequence[Row]) -> "Iterator[np.ndarray[Any, Any]]":
    with ThreadPoolExecutor() as threads:
        for start in range(0, len(rows), _AT_ONCE):  # or the threads would run ahead of whoever takes the pictures
            yield from threads.map(lambda row: _pixels(dataset, row), rows[start : start + _AT_ONCE])


def _pixels(dataset: Dataset, row: Row) -> "np.ndarray[Any, Any]":
    image = decode(dataset.storage.read(row.key))
    return np.array(lineart_gray(image) if row.domain == "A" else image)  # a copy: torch wants it writable


class _Watcher:
    """Takes what the trainer leaves in its folder to the storage, and shows how it is going."""

    def __init__(self, run: Run, mirror: Mirror, trainer: "Trainer", credit: str) -> None:
        self._run, self._mirror, self._trainer, self._credit = run, mirror, trainer, credit
        self._log = get_run_logger()
        self._progress = Progress("train", trainer.schedule.total, "steps")

    def progress(self, step: int, total: int, metrics: dict[str, float]) -> None:
        self._progress.show(step, ", ".join(f"{name} {value:.3g}" for name, value in metrics.items()))

    def checkpoint(self, step: int, checkpoint: Path, sample: Path, scores: dict[str, "Score"]) -> None:
        choice = self.choice()
        self._mirror.put(choice)
        shown = ", ".join(f"{weights} {score.value:.1f}" for weights, score in scores.items()) or "not scored"
        self._log.info("train: checkpoint at step %d, score %s; best is step %d", step, shown, choice["step"])
        name, where = self._run.model.name, f"{self._run.prefix}samples/{sample.name}"
        caption = f"{name}, step {step}: score {shown}. {choice['reason']} {self._credit}"
        show_sheet(f"samples {name}", sample.read_bytes(), caption, where)
        url = f"{self._run.model.storage_url}/{choice['checkpoint']}"
        show_link(f"best checkpoint {name}", url, choice["reason"])

    def choice(self) -> dict[str, Any]:
        """What best.json says after the checkpoints so far."""
        best = self._trainer.choice()
        checkpoint = f"{self._run.prefix}checkpoints/step_{best.step:09d}.pt"
        return {"checkpoint": checkpoint, "run": self._run.id, **dataclasses.asdict(best)}
