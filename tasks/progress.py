"""Reports the progress of a piece of work, with rate and time left, in the log and the UI, or on a terminal."""

import time
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from tasks.here import run_logger, shown_here

_EVERY_SECONDS = 5.0  # each update is a request to the API and an event


class Progress:
    """The progress of one piece of work."""

    def __init__(self, label: str, total: int, unit: str) -> None:
        """Creates the artifact.

        Args:
            label: name of the work in the log and the UI.
            total: number of units of the whole work, including those that an earlier process did.
            unit: plural of the unit, such as "images".
        """
        self._label, self._total, self._unit = label, total, unit
        self._shown_here = shown_here()
        if self._shown_here:
            self._shown_here(label, 0, total)
            return
        self._log = run_logger()
        self._begun = self._shown = time.monotonic()
        self._start: int | None = None
        description = f"{label}: 0 of {total} {unit}"
        self._artifact = cast(UUID, create_progress_artifact(0.0, description=description))
        self._log.info("%s: %d %s", label, total, unit)

    def show(self, done: int, detail: str) -> None:
        """Logs the progress and updates the artifact, at most every 5 s, and at the end.

        Args:
            done: number of units done.
            detail: a text for the line, such as the counts.
        """
        if self._shown_here:
            self._shown_here(self._label, done, self._total)
            return
        now = time.monotonic()
        if self._start is None:  # the rate must not count what an earlier process of a resumed training did
            self._start = 0 if done <= self._total // 100 else done
        if done < self._total and now - self._shown < _EVERY_SECONDS:
            return
        self._shown = now
        rate = (done - self._start) / max(now - self._begun, 1e-9)
        left = f", {rate:.1f}/s, {_duration((self._total - done) / rate)} left" if rate else ""
        line = f"{self._label}: {done} of {self._total} {self._unit} ({detail}){left}"
        self._log.info(line)
        update_progress_artifact(self._artifact, progress=100 * done / self._total, description=line)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
