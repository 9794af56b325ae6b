"""Runs the training loop for any method: steps, metrics, checkpoints. Resumes exactly where it stopped."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cyclegan.distributed import World
from cyclegan.errors import TrainingError, memory_shortage_told
from cyclegan.methods.method import Context, Method, compute_alike_each_time, computes_in_bf16
from cyclegan.painting.checkpoint import Checkpoint, Weights, save_checkpoint
from cyclegan.painting.painter import MOST_REMEMBERED, MOST_WEIGHED, Painter
from cyclegan.scoring.judge import Judge
from cyclegan.scoring.score import Score
from cyclegan.scoring.selection import Choice
from cyclegan.training import checkpoints, metrics
from cyclegan.training.changes import changes
from cyclegan.training.config import TrainConfig
from cyclegan.training.dataset import Batches, TrainingData
from cyclegan.training.ema import Ema
from cyclegan.training.events import Events
from cyclegan.training.interruption import HeldSignals
from cyclegan.training.page import Standing, write_page
from cyclegan.training.schedule import Schedule
from cyclegan.whole_file import whole_file, write_whole
from imaging.lineart import Normalization, normalize

__all__ = ["Trainer", "TrainingError"]

OnProgress = Callable[[int, int, dict[str, float]], None]
OnCheckpoint = Callable[[int, Path, Path, dict[Weights, Score]], None]

_log = logging.getLogger(__name__)


class Trainer:
    """Trains one run, in one folder.

    folder/config.json                      settings, normalization, data, total steps
    folder/metrics.csv                      mean losses, a row every `log_every` steps
    folder/scores.csv                       scores on the held-out lineart, two rows per checkpoint: ema, raw
    folder/checkpoints/step_000012000.pt
    folder/samples/step_000012000.png
    folder/events/                          losses, scores and samples for TensorBoard
    folder/index.html                       a page that shows all of this
    """

    def __init__(
        self,
        config: TrainConfig,
        data: TrainingData,
        folder: Path,
        *,
        normalization: Normalization,
        world: World | None = None,
    ) -> None:
        """Prepares the run; :meth:`run` reads and writes the folder.

        Args:
            config: the settings.
            data: the training images, already normalized, and the held-out ones.
            folder: of the run; created if missing.
            normalization: that of the lineart in `data`.
            world: this process among those that train together, on the same data and in the same folder.

        Raises:
            TrainingError: the images cannot be trained on, or memory runs out (its text is one line).
        """
        data.check(config.data.crop)
        self.config, self.data, self.folder, self.normalization = config, data, folder, normalization
        self.schedule = Schedule.of(config, len(data.a), len(data.b))
        self.device = torch.device(config.resolved_device())  # "cuda" is this process's GPU, set by World.join
        self.world = world or World()
        self.rng = torch.Generator().manual_seed(config.seed)
        with self._memory_errors():
            self.method = self._make_method()
            self.averages = {name: Ema(self.method.networks[name], config.ema) for name in self.method.averaged}
            self.painter = Ema(self.method.painter, config.ema)
            self.batches = Batches(data, config, self.device, self.rng, self._normalize, self.world)
        self.step = 0
        self._events = Events(folder / "events")
        self._means = metrics.RunningMeans(self.method.losses, self.device)
        self._fingerprint = data.fingerprint()
        self._lineart = data.describe_lineart(config.data.crop)
        self.judge = self._make_judge()
        self.standing = Standing()  # shown on the page
        self._saved_step = -1
        self._between_steps = True

    def _make_method(self) -> Method:
        if self.device.type == "cuda":
            compute_alike_each_time()
        bf16 = self.config.precision == "auto" and computes_in_bf16(self.device)
        return self.config.method.make(Context(self.device, self.rng, self.config.batch, self.world, bf16))

    def _make_judge(self) -> Judge:
        held_out = (self.data.a_held_out, self.data.b_held_out) if self.world.leads else ([], [])
        return Judge(*held_out, self.data.a, self.normalization, self.device, self.data.style)

    def run(self, on_progress: OnProgress | None = None, on_checkpoint: OnCheckpoint | None = None) -> None:
        """Trains to the end, from the newest readable checkpoint in the folder if there is one.

        If an error or a signal ends the run between two steps, the trainer saves a checkpoint first. An error inside a
        step loses the steps since the last checkpoint.

        Args:
            on_progress: called as on_progress(step, total, metrics) after each row of metrics.csv.
            on_checkpoint: called as on_checkpoint(step, checkpoint, sample, scores) after each checkpoint.

        Raises:
            TrainingError: losses or weights are no longer finite, memory runs out, or the folder's run had other
                settings or data (its text is one line).
        """
        self._resume()
        self._events.begin(self.step)
        with self._memory_errors(), closing(self._events), HeldSignals() as signals:
            try:
                self._train(signals, on_progress, on_checkpoint)
            except BaseException:
                if self.world.leads and self._between_steps and self._saved_step != self.step and not self._broken():
                    _log.warning("stopping at step %d: saving a checkpoint", self.step)
                    self._remember()
                    self._save()
                raise

    def choice(self) -> Choice:
        """Selects which of the existing checkpoints should serve."""
        return self.judge.choice(self._kept(), self._saved_step)

    def show(self) -> None:
        """Writes the run's page."""
        write_page(self.folder, self.choice(), self.standing)

    def _memory_errors(self) -> AbstractContextManager[None]:
        return memory_shortage_told(
            f"lower batch ({self.config.batch}), data.crop ({self.config.data.crop}) or {self.config.method.memory}, "
            "in that order; what was trained is kept"
        )

    def _normalize(self, gray: np.ndarray) -> np.ndarray:
        return normalize(gray, self.normalization).image

    def _train(self, signals: HeldSignals, on_progress: OnProgress | None, on_checkpoint: OnCheckpoint | None) -> None:
        watch = metrics.Stopwatch()
        while self.step < self.schedule.total:
            self._step(watch)
            last = self.step == self.schedule.total
            if last or self.step % self.config.log_every == 0:
                row = self._take_means(watch)
                if self.world.leads:
                    self._write_metrics(row)
                    if on_progress:
                        on_progress(self.step, self.schedule.total, row)
            if self.world.leads and (last or self.step % self.config.checkpoint_every == 0):
                self._checkpoint(on_checkpoint)
            signals.deliver(self.world.agree(signals.noted))

    def _step(self, watch: metrics.Stopwatch) -> None:
        self._between_steps = False
        with watch.data(2 * self.config.batch):
            batch = self.batches.next()
        self._means.add(self.method.step(batch, self.schedule.at(self.step)))
        self.painter.update(self.method.painter, self.step)
        for name, average in self.averages.items():
            average.update(self.method.networks[name], self.step)
        self.step += 1
        self._between_steps = True

    def _take_means(self, watch: metrics.Stopwatch) -> dict[str, float]:
        self._check_finite()
        return {"rate": self.schedule.rate(self.step - 1), **self._means.take(), **watch.take()}

    def _write_metrics(self, row: dict[str, float]) -> None:
        metrics.append_row(self.folder / "metrics.csv", {"step": self.step, **row}, self.method.losses)
        self._events.add_metrics(self.step, row)

    def _check_finite(self) -> None:
        if broken := self._broken():
            raise TrainingError(
                f"training broke down before step {self.step}: {', '.join(broken)} not finite; "
                f"lower {self.config.method.rates}, or try another seed (the checkpoints before it are kept)"
            )

    def _broken(self) -> list[str]:
        """Returns the names of losses or networks that are no longer finite."""
        return metrics.non_finite(self._means.means()) or metrics.non_finite_networks(self.method.networks)

    def _checkpoint(self, on_checkpoint: OnCheckpoint | None) -> None:
        """Writes samples, scores and then the checkpoint, so that a checkpoint never lacks its samples and scores."""
        self._check_finite()
        self._remember()
        judgement = self.judge.judge(self.step, self._painters())
        sample = self.folder / "samples" / f"step_{self.step:09d}.png"
        with whole_file(sample) as file:
            judgement.sheet.save(file, "PNG", compress_level=1)
        self._events.add_checkpoint(self.step, sample, judgement.scores)
        path = self._save()
        if table := self.judge.table():
            metrics.write_table(self.folder / "scores.csv", table)
        checkpoints.prune(path.parent, self.config.keep, self._worth_keeping())
        self.show()
        if on_checkpoint:
            on_checkpoint(self.step, path, sample, judgement.scores)

    def _painters(self) -> dict[Weights, Painter]:
        return {"ema": self.painter.network, "raw": self.method.painter}

    def _remember(self) -> None:
        for painter in self._painters().values():
            painter.remember(self.batches.pseudo_pairs(MOST_REMEMBERED))
            painter.measure_shadows(self.batches.examples(MOST_WEIGHED), self.batches.held_out_examples(MOST_WEIGHED))

    def _kept(self) -> set[int]:
        """Returns the steps of the existing checkpoints."""
        return {checkpoints.checkpoint_step(path) for path in checkpoints.list_checkpoints(self.folder / "checkpoints")}

    def _worth_keeping(self) -> set[int]:
        """Returns the steps of the checkpoint that serves and of those with the highest scores."""
        return {self.choice().step, *self.judge.best(self._kept(), self.config.keep_best)}

    def _save(self) -> Path:
        self._check_finite()
        path = checkpoints.checkpoint_path(self.folder / "checkpoints", self.step)
        save_checkpoint(path, self._state())
        self._saved_step = self.step
        self._events.begin(self.step)
        return path

    def _state(self) -> Checkpoint:
        painter = {weights: network.state_dict() for weights, network in self._painters().items()}
        return {
            "step": self.step,
            **self._inputs(),
            "painter": {"config": self.method.painter.config.model_dump(), **painter},
            "lineart": self._lineart,
            "method": self.method.state_dict(),
            "averages": {name: average.network.state_dict() for name, average in self.averages.items()},
            "batches": self.batches.state_dict(),
            "rng": self.rng.get_state(),
            "losses": self._means.state_dict(),
            "scores": self.judge.state_dict(),
        }

    def _inputs(self) -> dict[str, Any]:
        """Returns the inputs of this run, which must be the same when it resumes."""
        return {
            "config": self.config.model_dump(),
            "normalization": self.normalization.to_dict(),
            "data": {"num_a": len(self.data.a), "num_b": len(self.data.b), "fingerprint": self._fingerprint},
        }

    def _write_config(self) -> None:
        content = {**self._inputs(), "total_steps": self.schedule.total}
        write_whole(self.folder / "config.json", json.dumps(content, indent=2).encode() + b"\n")

    def _resume(self) -> None:
        found = checkpoints.load_newest(self.folder / "checkpoints")
        if found is not None:
            self._refuse_changes(*found)
            self._load(*found)
            _log.info("resuming from %s", found[0])
        self.world.meet()  # all processes have read the folder before the first one changes it
        if self.world.leads:
            if found is not None:
                checkpoints.set_aside_newer(found[0])
            metrics.forget_after(self.folder / "metrics.csv", self.step)
            self._write_config()

    def _load(self, path: Path, state: Checkpoint) -> None:
        try:
            for weights, painter in self._painters().items():
                painter.load_state_dict(state["painter"][weights])
            self.method.load_state_dict(state["method"])
            for name, average in self.averages.items():
                average.network.load_state_dict(state["averages"][name])
        except (KeyError, RuntimeError) as error:  # the settings are the same, so the code has changed
            reason = str(error).strip().splitlines()[-1].strip()
            raise TrainingError(
                f"{path}: its networks are not those of this version ({reason}); go on with the version that made it, "
                "or start a new run"
            ) from error
        self.step = self._saved_step = state["step"]
        self.batches.load_state_dict(state["batches"])
        self.rng.set_state(state["rng"])
        self._means.load_state_dict(state["losses"])
        self.judge.load_state_dict(state["scores"])

    def _refuse_changes(self, path: Path, state: Checkpoint) -> None:
        now = self._inputs()
        if changed := list(changes({key: state.get(key, {}) for key in now}, now)):
            raise TrainingError(
                f"{path}: cannot resume with other settings ({', '.join(changed)}); set them back or start a new run"
            )
