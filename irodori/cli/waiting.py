"""Shows on a terminal how far a long work is, and when it will be done."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from irodori.cli.tally import err

if TYPE_CHECKING:
    from cyclegan.training.pace import Pace

_TRAIN = "train"
_WORDS = {
    "scrape A": "reading lineart",
    "scrape B": "reading colour",
    "resize A": "resizing lineart",
    "resize B": "resizing colour",
    "normalize A": "toning lineart",
    _TRAIN: "training",
}


class Waiting:
    """A line with a bar for the present piece of work; only on a terminal.

    Attributes:
        pace: how long a training takes by measurement; None: it is estimated from what is done.
    """

    def __init__(self) -> None:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}")
        self._progress = Progress(*columns, console=err, transient=True)
        self._task = self._progress.add_task("", total=None, left="", visible=False)
        self.pace: Pace | None = None
        self._label, self._begun, self._first = "", 0.0, 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, words: str) -> None:
        """Shows a work of unknown length."""
        self._label = ""
        self._progress.reset(self._task, description=words, total=None, left="", visible=True)

    def show(self, label: str, done: int, total: int) -> None:
        """Shows a work that is partly done."""
        if label != self._label:
            self._label, self._begun, self._first = label, time.monotonic(), -1
            self._progress.reset(self._task, description=_WORDS.get(label, label), total=total, left="", visible=True)
            return
        if self._first < 0:  # what was done before is no measure of the speed, as that of a resumed training
            self._first = 0 if done <= total // 100 or label != _TRAIN else done
        left = self._left(done, total)
        self._progress.update(self._task, completed=done, left=f"{duration(left)} left" if left else "")

    def _left(self, done: int, total: int) -> float:
        elapsed = time.monotonic() - self._begun
        if self.pace is not None and self._label == _TRAIN:
            foreseen = self.pace.left(self._first) - self.pace.left(done)
            return self.pace.left(done) * (elapsed / foreseen if foreseen > 30 else 1.0)
        made = done - self._first
        return elapsed / made * (total - done) if made else 0.0


def duration(seconds: float) -> str:
    """Returns ``40 s``, ``6 min`` or ``2 h 20 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
