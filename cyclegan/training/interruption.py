"""Defers signals until a training step is complete, so that the run can be saved and resumed exactly."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SECONDS_TO_SAVE = 120  # time that a stopped training gets for its last checkpoint and the upload
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class HeldSignals:
    """A context manager that records SIGTERM and SIGINT instead of handling them; `deliver` then raises one.

    Python handles signals in the main thread only, so in any other thread this does nothing.

    Attributes:
        noted: number of the last signal recorded; 0: none.
    """

    def __init__(self) -> None:
        self._previous: dict[int, Any] = {}
        self.noted = 0

    def deliver(self, number: int) -> None:
        """Restores the earlier handlers and raises a signal.

        Args:
            number: of the signal; 0: do nothing.
        """
        if number:
            self.noted = 0
            self._restore()
            signal.raise_signal(number)

    def __enter__(self) -> HeldSignals:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        if error is None:
            self.deliver(self.noted)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.noted = number

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        self._previous = {}
