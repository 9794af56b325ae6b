"""Trains a model on a dataset; saves checkpoints and samples in a run, and updates best.json."""

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import cloudpickle
import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import hydrated_context, serialize_context

from cyclegan.painting.formats import config_1
from cyclegan.training.config import PresetName
from imaging.codec import decode
from irodori.datasets import Dataset
from irodori.errors import PipelineError
from irodori.mirror import Mirror
from irodori.models import Model, Run, Served
from irodori.overrides import Overrides
from irodori.sketches import sketches
from irodori.split import split
from irodori.takeover import other
from storage import NotFound, Row, StorageError
from storage.manifest import previous_stage
from tasks.errors import plain_errors
from tasks.here import run_logger
from tasks.progress import Progress
from tasks.report import show_link, show_sheet

if TYPE_CHECKING:
    from cyclegan.distributed import World
    from cyclegan.painting.checkpoint import Weights
    from cyclegan.scoring.score import Score
    from cyclegan.training.config import TrainConfig
    from cyclegan.training.dataset import TrainingData
    from cyclegan.training.trainer import Trainer

_AT_ONCE = 256  # pictures that are decoded ahead
_ASK = "train again with serve (irodori train --serve) to serve this run"


@task(name="train", cache_policy=NO_CACHE)
@plain_errors
def train(
    dataset: Dataset, model: Model, preset: PresetName, overrides: Overrides, credit: str, serve: bool = False
) -> str:
    """Trains or resumes a run, and returns its id. The same dataset and settings give the same run.

    While the model serves a checkpoint of another run, it goes on with that until this run has finished with a higher
    score on the same drawings.

    Args:
        dataset: the dataset.
        model: the model to train.
        preset: name of the settings to begin with.
        overrides: changes to the preset.
        credit: a line under the sample sheets, which names the pictures' artist.
        serve: whether this run serves at once, whatever the model serves.
    """
    from cyclegan.errors import CycleganError

    log = run_logger()
    try:
        rows = training_rows(dataset)
        config, run = begun(dataset, model, preset, overrides.apply(preset), rows)
        run = replace(run, takes_over=serve)
        if result := run.result():
            log.info("train: run %s is finished, nothing to do; another seed would train again", run.id)
            if not run.serve(result):
                log.info("train: model %r serves another run; %s", model.name, _ASK)
            elif "b_suit" not in result.parts:  # not known whether its colours suit: maybe of an earlier version
                _remember(dataset, run, result, config, rows)
        else:
            log.info("train: run %s on %d pictures", run.id, len(rows))
            _train(dataset, run, config, rows, credit)
    except CycleganError as error:
        raise PipelineError(str(error)) from error
    return run.id


def _remember(dataset: Dataset, run: Run, served: Served, config: "TrainConfig", rows: list[Row]) -> None:
    """Lets a checkpoint of an earlier version choose palettes by resemblance, as those of today do."""
    from cyclegan.painting.checkpoint import CheckpointError
    from cyclegan.training.remembering import remember_anew

    storage = run.model.storage
    with tempfile.TemporaryDirectory(prefix="irodori-checkpoint-") as scratch:
        path = Path(scratch, "served.pt")
        try:
            storage.download(served.checkpoint, path)
            if remember_anew(path, lambda: load(dataset, rows, config.memory_gb)):
                storage.upload(path, served.checkpoint)
                run_logger().info("train: %s remembers what the colour pictures show", served.checkpoint)
        except (NotFound, CheckpointError) as error:
            run_logger().warning("train: %s: %s", served.checkpoint, str(error).removeprefix(f"{path}: "))


def run_of(dataset: Dataset, model: Model, preset: PresetName, config: "TrainConfig", rows: Sequence[Row]) -> Run:
    """Returns the run of a training, which is the same for the same dataset, settings and images."""
    keys = [row.key for row in rows]
    of = [dataset.name, config.identity(), keys]
    # version 0.1 had one method, and learned no shadows
    old = config.method.kind == "cyclegan" and not config.method.learns_shadows
    formerly = [dataset.name, config_1(config.model_dump()), keys] if old else None
    return model.run(preset, of=of, formerly=formerly)


def begun(
    dataset: Dataset, model: Model, preset: PresetName, config: "TrainConfig", rows: Sequence[Row]
) -> tuple["TrainConfig", Run]:
    """Returns the settings and the run of a training; a run that began before there were shadows goes on without."""
    run = run_of(dataset, model, preset, config, rows)
    if not config.method.learns_shadows or run.has_begun():
        return config, run
    before = config.changed({"method": {"generator": {"shading": False}}})
    earlier = run_of(dataset, model, preset, before, rows)
    return (before, earlier) if earlier.has_begun() else (config, run)


def training_rows(dataset: Dataset) -> list[Row]:
    """Returns the ok row of each image's last stage, as a train row with its split; lineart first."""
    rows: list[Row] = []
    for domain, name in (("A", "lineart"), ("B", "colour pictures")):
        entered = dataset.manifest.rows(previous_stage("train", domain), domain)
        found = [replace(row, stage="train") for row in entered if row.status == "ok"]
        if not found:
            raise PipelineError(f"dataset {dataset.name!r} has no {name} (domain {domain}): run build-dataset first")
        rows += sorted(found, key=lambda row: row.sha256)
    origins = (row for domain in ("A", "B") for row in dataset.manifest.rows("scrape", domain))
    return split(rows, origins, sketches(dataset.storage))


def _train(dataset: Dataset, run: Run, config: "TrainConfig", rows: list[Row], credit: str) -> None:
    from cyclegan.distributed import World
    from cyclegan.training.launch import launch

    folder = Path(tempfile.mkdtemp(prefix="irodori-run-"))
    if config.processes == 1:
        _train_in(World(), folder, dataset, run, config, rows, credit)
    else:
        # cloudpickle, as in Prefect's own process pools, because the context contains the flow function
        context = cloudpickle.dumps(serialize_context())
        work = context, folder, dataset, run, config, rows, credit
        plain = PipelineError, StorageError
        launch(config.processes, config.resolved_device(), _train_with_context, *work, plain=plain)


def _train_with_context(world: "World", context: bytes, *work: Any) -> None:
    """Trains in a child process; logs and artifacts of the leading process go to the flow run that launched it."""
    with hydrated_context(cloudpickle.loads(context)) if world.leads else nullcontext():
        _train_in(world, *work)


def _train_in(
    world: "World", folder: Path, dataset: Dataset, run: Run, config: "TrainConfig", rows: list[Row], credit: str
) -> None:
    from cyclegan.training.trainer import Trainer

    data = load(dataset, rows, config.memory_gb)
    normalization = dataset.normalization()
    if not world.leads:
        world.meet()
        Trainer(config, data, folder, normalization=normalization, world=world).run()
        return
    dataset.manifest.record([replace(row, made_by=run.prefix) for row in rows])
    with Mirror(run, folder) as mirror:
        mirror.pull()
        world.meet()  # from here on, the other processes find the checkpoint to resume from in the folder
        trainer = Trainer(config, data, folder, normalization=normalization, world=world)
        watcher = _Watcher(run, mirror, trainer, credit)
        watcher.begin()
        trainer.run(on_progress=watcher.progress, on_checkpoint=watcher.checkpoint)
        watcher.finish()


def load(dataset: Dataset, rows: Sequence[Row], memory_gb: float) -> "TrainingData":
    """Decodes every training picture once, into memory or a memory-mapped file."""
    from cyclegan.training.dataset import TrainingData
    from cyclegan.training.pixels import keep

    images = keep(_decoded(dataset, rows), memory_gb * 1e9)

    def pick(domain: str, split: str) -> list[Any]:
        wanted = (domain, split)
        return [image for image, row in zip(images, rows, strict=True) if (row.domain, row.split) == wanted]

    return TrainingData(pick("A", "train"), pick("B", "train"), pick("A", "held-out"), pick("B", "held-out"))


def _decoded(dataset: Dataset, rows: Sequence[Row]) -> "Iterator[np.ndarray[Any, Any]]":
    with ThreadPoolExecutor() as threads:
        for start in range(0, len(rows), _AT_ONCE):  # map() submits all its items at once
            yield from threads.map(lambda row: _pixels(dataset, row), rows[start : start + _AT_ONCE])


def _pixels(dataset: Dataset, row: Row) -> "np.ndarray[Any, Any]":
    image = decode(dataset.storage.read(row.key))
    return np.array(image.convert("L") if row.domain == "A" else image)  # a copy, because torch needs it writable


class _Watcher:
    """Uploads what the trainer saves in its folder, and shows the progress in the log and the UI."""

    def __init__(self, run: Run, mirror: Mirror, trainer: "Trainer", credit: str) -> None:
        self._run, self._mirror, self._trainer, self._credit = run, mirror, trainer, credit
        self._log = run_logger()
        self._progress = Progress("train", trainer.schedule.total, "steps")

    def begin(self) -> None:
        """Scores what the model serves, if that is another run's, and shows it from then on."""
        found = other(self._run, self._trainer)
        if found is not None and self._run.takes_over:
            self._stand(True, f"It takes over, as asked, from {found}.")
        elif found is not None:
            self._stand(False, f"Until it has finished with a higher score, the model serves {found}.")

    def finish(self) -> None:
        """Lets the run's best checkpoint serve if it is better than what serves; records the result."""
        choice, found = self.choice(), other(self._run, self._trainer)  # anew, for another run may serve by now
        wins = found is None or self._run.takes_over or found.is_worse_than(choice)
        if found is not None:
            beside = f"It took over from {found}." if wins else f"The model goes on serving {found}; {_ASK}."
            self._stand(wins, beside)
        self._log.info("train: run %s has finished: %s", self._run.id, choice.reason)
        self._trainer.show()
        self._mirror.put(choice)
        self._mirror.wait()
        self._run.finish(choice, found.served if found and wins else None)

    def _stand(self, serves: bool, beside: str) -> None:
        from cyclegan.training.page import Standing

        self._trainer.standing = Standing(serves, beside)
        self._log.info("train: %s", beside)

    def progress(self, step: int, total: int, metrics: dict[str, float]) -> None:
        self._progress.show(step, ", ".join(f"{name} {value:.3g}" for name, value in metrics.items()))

    def checkpoint(self, step: int, checkpoint: Path, sample: Path, scores: "dict[Weights, Score]") -> None:
        choice = self.choice()
        self._mirror.put(choice)
        shown = ", ".join(f"{weights} {score.value:.1f}" for weights, score in scores.items()) or "not scored"
        best = f"step {choice.step}" + (f", {choice.score:.1f} on drawings not used to choose" if scores else "")
        self._log.info("train: checkpoint at step %d, score %s; best is %s", step, shown, best)
        name, where = self._run.model.name, f"{self._run.prefix}samples/{sample.name}"
        caption = f"{name}, step {step}: score {shown}. {choice.reason} {self._credit}"
        show_sheet(f"samples {name}", sample.read_bytes(), caption, where)
        url = f"{self._run.model.storage_url}/{quote(choice.checkpoint)}"
        show_link(f"best checkpoint {name}", url, f"{choice.reason}. {self._trainer.standing.beside}")

    def choice(self) -> Served:
        """Returns the best of the checkpoints so far, as best.json records it."""
        from cyclegan.training.checkpoints import checkpoint_name

        best = self._trainer.choice()
        key = f"{self._run.prefix}checkpoints/{checkpoint_name(best.step)}"
        return Served(key, self._run.id, best.step, best.weights, best.score, best.parts, best.reason)
