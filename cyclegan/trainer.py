"""The training loop: steps, metrics, checkpoints, samples, scores; resumes exactly where it stopped."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cyclegan import checkpoint as files
from cyclegan import metrics
from cyclegan.config import FREE_TO_CHANGE, TrainConfig
from cyclegan.dataset import Batches, TrainingData
from cyclegan.errors import TrainingError, memory_shortage_told
from cyclegan.events import Events
from cyclegan.interruption import HeldSignals
from cyclegan.model import CycleGan
from cyclegan.networks import REMEMBERED_PALETTES
from cyclegan.page import write_page
from cyclegan.samples import save_samples, translate
from cyclegan.schedule import Schedule
from cyclegan.score import Score, Scorer
from cyclegan.selection import Candidate, Choice, choose, faults
from cyclegan.world import World
from imaging.lineart import Normalization, normalize

__all__ = ["Trainer", "TrainingError"]

OnProgress = Callable[[int, int, dict[str, float]], None]
OnCheckpoint = Callable[[int, Path, Path, dict[str, Score]], None]

_FEWEST_TO_SCORE = 4
_log = logging.getLogger(__name__)


class Trainer:
    """One run in one folder.

    folder/config.json                      settings, normalization, data, total steps
    folder/metrics.csv                      mean losses, a row every `log_every` steps
    folder/scores.csv                       scores of the held-out lineart, two rows a checkpoint: ema, raw
    folder/checkpoints/step_000012000.pt
    folder/samples/step_000012000.png
    folder/events/                          losses, scores and samples for TensorBoard
    folder/index.html                       all of it to look at
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
        """world: one of several processes that train together on the same data, in the same folder.

        Raises TrainingError (one line) for images that cannot be trained on.
        """
        data.check(config.data.crop)
        self.config, self.data, self.folder, self.normalization = config, data, folder, normalization
        self.schedule = Schedule.of(config, len(data.a), len(data.b))
        self.device = torch.device(config.resolved_device())  # "cuda" is the process's own, as World.join chose it
        self.world = world or World()
        self.rng = torch.Generator().manual_seed(config.seed)
        with self._memory_told():
            self.model = CycleGan(config, self.schedule, self.device, self.rng, self.world)
            self.batches = Batches(data, config, self.device, self.rng, self._toned, self.world)
        self.step = 0
        self._events = Events(folder / "events")
        self._means = metrics.RunningMeans(self.device)
        self._fingerprint = data.fingerprint()
        self._lineart = data.describe_lineart(config.data.crop)
        self._scores: list[dict[str, Any]] = []
        self._scorer = self._make_scorer()
        self._saved_step = -1
        self._whole = True

    def run(self, on_progress: OnProgress | None = None, on_checkpoint: OnCheckpoint | None = None) -> None:
        """Train to the end, from the newest whole checkpoint in the folder if there is one.

        on_progress(step, total, metrics) after each row of metrics.csv; on_checkpoint(step, checkpoint, sample,
        scores) after each checkpoint. Whatever ends the run between two steps, a signal included, a checkpoint is
        saved first; an error inside a step costs the steps since the last checkpoint.
        Raises TrainingError (one line) if losses are no longer finite or the folder's run had other settings.
        """
        self._resume()
        self._events.begin(self.step)
        with self._memory_told(), closing(self._events), HeldSignals() as signals:
            try:
                self._train(signals, on_progress, on_checkpoint)
            except BaseException:
                if self.world.leads and self._whole and self._saved_step != self.step and not self._broken():
                    self._save()
                raise

    def _memory_told(self) -> AbstractContextManager[None]:
        config = self.config
        return memory_shortage_told(
            f"lower batch ({config.batch}), data.crop ({config.data.crop}) or generator.ngf ({config.generator.ngf}), "
            "in that order; what was trained is kept"
        )

    def _toned(self, gray: np.ndarray) -> np.ndarray:
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
        self._whole = False
        with watch.data(2 * self.config.batch):
            batch = self.batches.next()
        self._means.add(self.model.step(batch, self.step))
        self.step += 1
        self._whole = True

    def _take_means(self, watch: metrics.Stopwatch) -> dict[str, float]:
        self._check_finite()
        return {"rate": self.schedule.rate(self.step - 1), **self._means.take(), **watch.take()}

    def _write_metrics(self, row: dict[str, float]) -> None:
        metrics.append_row(self.folder / "metrics.csv", {"step": self.step, **row})
        self._events.add_metrics(self.step, row)

    def _check_finite(self) -> None:
        if broken := self._broken():
            raise TrainingError(
                f"training broke down before step {self.step}: {', '.join(broken)} not finite; "
                "lower optimizer.lr_generator and optimizer.lr_discriminator, or try another seed "
                "(the checkpoints before it are kept)"
            )

    def _broken(self) -> list[str]:
        """Losses or networks that are no longer finite."""
        return metrics.non_finite(self._means.means()) or self.model.non_finite()

    def _checkpoint(self, on_checkpoint: OnCheckpoint | None) -> None:
        """Samples and scores first: once the checkpoint is there, nothing about its step is missing."""
        sample, scores = self._judge()
        self._events.add_checkpoint(self.step, sample, scores)
        path = self._save()
        self._write_scores()
        files.prune(path.parent, self.config.keep, self._worth_keeping())
        write_page(self.folder, self.choice())
        if on_checkpoint:
            on_checkpoint(self.step, path, sample, scores)

    def _judge(self) -> tuple[Path, dict[str, Score]]:
        self._remember_palettes()
        lineart = self.data.a_held_out or self.data.a[:_FEWEST_TO_SCORE]
        generators = {"ema": self.model.ema["g_ab"].network, "raw": self.model.g_ab}
        outputs = {
            weights: [translate(generator, drawing, self.device) for drawing in lineart]
            for weights, generator in generators.items()
        }
        sample = self.folder / "samples" / f"step_{self.step:09d}.png"
        save_samples(sample, lineart, outputs["ema"], outputs["raw"])
        if self._scorer is None:
            return sample, {}
        scores = {weights: self._scorer.score(images) for weights, images in outputs.items()}
        self._scores += [
            {"step": self.step, "weights": weights, "score": score.to_dict()} for weights, score in scores.items()
        ]
        return sample, scores

    def _remember_palettes(self) -> None:
        self.model.remember_palettes(self.batches.pseudo_pairs(REMEMBERED_PALETTES))

    def _make_scorer(self) -> Scorer | None:
        lineart, colour = self.data.a_held_out, self.data.b_held_out
        if min(len(lineart), len(colour)) < _FEWEST_TO_SCORE or not self.world.leads:
            return None
        return Scorer(lineart, colour)

    def choice(self) -> Choice:
        """Which of the checkpoints that are kept should serve."""
        if self._scores:
            paths = files.list_checkpoints(self.folder / "checkpoints")
            return choose(self._candidates(), kept={files.checkpoint_step(path) for path in paths})
        reason = f"the newest, not scored: fewer than {_FEWEST_TO_SCORE} pictures of a domain were held out"
        return Choice(self._saved_step, "ema", 0.0, {}, reason)

    def _candidates(self) -> list[Candidate]:
        return [Candidate(each["step"], each["weights"], Score.from_dict(each["score"])) for each in self._scores]

    def _worth_keeping(self) -> set[int]:
        """Steps of the checkpoint that serves and of those with the highest scores."""
        merits: dict[int, tuple[bool, float]] = {}
        for each in self._candidates():
            merit = not faults(each.score), each.score.selecting
            merits[each.step] = max(merit, merits.get(each.step, merit))
        there = [files.checkpoint_step(path) for path in files.list_checkpoints(self.folder / "checkpoints")]
        best = sorted(merits.keys() & there, key=merits.__getitem__, reverse=True)
        return {self.choice().step, *best[: self.config.keep_best]}

    def _write_scores(self) -> None:
        rows = [
            {"step": e["step"], "weights": e["weights"], "value": e["score"]["value"], **e["score"]["parts"]}
            for e in self._scores
        ]
        if rows:
            metrics.write_table(self.folder / "scores.csv", rows)

    def _save(self) -> Path:
        self._check_finite()
        self._remember_palettes()
        path = files.checkpoint_path(self.folder / "checkpoints", self.step)
        files.save_checkpoint(path, self._state())
        self._saved_step = self.step
        self._events.begin(self.step)
        return path

    def _state(self) -> files.Checkpoint:
        return {
            "step": self.step,
            **self._identity(),
            "lineart": self._lineart,
            **self.model.state_dict(),
            "batches": self.batches.state_dict(),
            "rng": self.rng.get_state(),
            "losses": self._means.state_dict(),
            "scores": self._scores,
        }

    def _identity(self) -> dict[str, Any]:
        """What makes this run this run: a resumed one must have the same."""
        return {
            "config": self.config.model_dump(),
            "normalization": self.normalization.to_dict(),
            "data": {"num_a": len(self.data.a), "num_b": len(self.data.b), "fingerprint": self._fingerprint},
        }

    def _write_config(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        about = {**self._identity(), "total_steps": self.schedule.total}
        (self.folder / "config.json").write_text(json.dumps(about, indent=2) + "\n")

    def _resume(self) -> None:
        found = files.load_newest(self.folder / "checkpoints")
        if found is not None:
            self._refuse_changes(*found)
            self._load(*found)
            _log.info("resuming from %s", found[0])
        self.world.meet()  # all have read the folder before the first one changes it
        if self.world.leads:
            if found is not None:
                files.set_aside_newer(found[0])
            metrics.forget_after(self.folder / "metrics.csv", self.step)
            self._write_config()

    def _load(self, path: Path, state: files.Checkpoint) -> None:
        try:
            self.model.load_state_dict(state)
        except (KeyError, RuntimeError) as error:  # the settings are the same, so the code is not
            reason = str(error).strip().splitlines()[-1].strip()
            raise TrainingError(
                f"{path}: its networks are not those of this version ({reason}); go on with the version that made it, "
                "or start a new run"
            ) from error
        self.step = self._saved_step = state["step"]
        self.batches.load_state_dict(state["batches"])
        self.rng.set_state(state["rng"])
        self._means.load_state_dict(state["losses"])
        self._scores = list(state["scores"])

    def _refuse_changes(self, path: Path, state: files.Checkpoint) -> None:
        was, now = _flat({key: state[key] for key in self._identity()}), _flat(self._identity())
        changed = [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
        changed = [name for name in changed if name.removeprefix("config.") not in FREE_TO_CHANGE]
        if changed:
            listed = ", ".join(f"{name} {was.get(name)!r} → {now.get(name)!r}" for name in changed)
            raise TrainingError(
                f"{path}: cannot resume with other settings ({listed}); set them back or start a new run"
            )


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat
