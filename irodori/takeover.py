"""Compares a training run with the run that its model serves, on the same drawings: the better one serves."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from irodori.models import Run, Served
from storage import NotFound

if TYPE_CHECKING:
    from cyclegan.training.trainer import Trainer


@dataclass(frozen=True)
class Other:
    """The checkpoint of another run that the model serves, beside a run that is trained.

    Attributes:
        served: the checkpoint.
        score: on those held-out drawings of the trained run that it does not use to choose, 0..100; None: not scored.
        damage: why it cannot be loaded; "" if it can.
    """

    served: Served
    score: float | None = None
    damage: str = ""

    def is_worse_than(self, choice: Served) -> bool:
        """Tells whether the best checkpoint of the trained run has a higher score; what cannot be loaded is worse."""
        if self.damage:
            return True
        return bool(choice.parts) and self.score is not None and choice.score > self.score

    def __str__(self) -> str:
        name = f"run {self.served.run}, step {self.served.step:,}" if self.served.run else self.served.checkpoint
        score = "not scored" if self.score is None else f"score {self.score:.1f} on the same drawings"
        return f"{name} ({self.damage or score})"


def other(run: Run, trainer: "Trainer") -> Other | None:
    """Scores what the model serves on a trainer's held-out drawings; None if that is a checkpoint of this very run.

    Args:
        run: the run that is trained.
        trainer: its trainer.

    Raises:
        PipelineError: if ``best.json`` is damaged (its text is one line).
    """
    from cyclegan.painting.checkpoint import CheckpointError

    served = run.other()
    if served is None:
        return None
    with tempfile.TemporaryDirectory(prefix="irodori-checkpoint-") as scratch:
        path = Path(scratch, "served.pt")
        try:
            run.model.storage.download(served.checkpoint, path)
            score = trainer.judge.score_of(path, served.weights)
        except NotFound:
            return Other(served, damage="its checkpoint is gone")
        except CheckpointError as error:
            return Other(served, damage=str(error).removeprefix(f"{path}: "))
    return Other(served, score.reporting if score else None)
