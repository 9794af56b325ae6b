"""Shows how far a long work is, and when it will be done."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, TextColumn

from irodori.cli.tally import err, out

if TYPE_CHECKING:
    from cyclegan.training.pace import Pace

_TRAIN = "train"
_WORDS_WIDTH = 45  # columns beside the bar
_WORDS = {
    "scrape A": "reading lineart",
    "scrape B": "reading colour",
    "resize A": "resizing lineart",
    "resize B": "resizing colour",
    "normalize A": "toning lineart",
    _TRAIN: "training",
}


class Waiting:
    """A line with a bar for the present piece of work; where no terminal is, a line for each tenth of a training.

    Attributes:
        pace: how long a training takes by measurement; None: it is estimated from what is done.
    """

    def __init__(self) -> None:
        about, left = TextColumn("{task.description}"), TextColumn("{task.fields[left]}")
        bar = BarColumn(bar_width=max(4, min(40, err.width - _WORDS_WIDTH)))
        self._progress = Progress(about, bar, left, console=err, transient=True, disable=not err.is_terminal)
        self._task = self._progress.add_task("", total=None, left="", visible=False)
        self.pace: Pace | None = None
        self._label, self._begun, self._first, self._tenth = "", 0.0, 0, 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def tell(self, line: str, style: str = "") -> None:
        """Prints a line that stays, to stdout, where the bar was."""
        self._progress.stop()  # it is on stderr, and would stay on the screen to the left of the line
        out.print(line, style=style)
        self._progress.start()

    def say(self, words: str) -> None:
        """Shows a work of unknown length."""
        self._label = ""
        self._progress.reset(self._task, description=words, total=None, left="", visible=True)

    def show(self, label: str, done: int, total: int) -> None:
        """Shows a work that is partly done."""
        if label != self._label:
            self._label, self._begun, self._first = label, time.monotonic(), -1
            about, words = _WORDS.get(label, label), f"{done:,} of {total:,}"
            self._progress.reset(self._task, description=about, total=total, left=words, visible=True)
            return
        if self._first < 0:  # what was done before is no measure of the speed, as that of a resumed training
            self._first = 0 if done <= total // 100 or label != _TRAIN else done
        left = self._left(done, total)
        words = f"{done:,} of {total:,}" + (f", {duration(left)} left" if left else "")
        self._progress.update(self._task, completed=done, left=words)
        if not err.is_terminal and label == _TRAIN and 10 * done // total > self._tenth:
            self._tenth = 10 * done // total
            err.print(f"{_WORDS[label]} {words}")

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
