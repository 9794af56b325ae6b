"""Signals wait until a step is whole, so that what they interrupt can be saved and resumed exactly."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SECONDS_TO_SAVE = 120  # that whoever stops a training leaves it for its last checkpoint and the upload
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class HeldSignals:
    """Inside `with`, SIGTERM and SIGINT are only noted; `deliver` lets one act as it would have.

    Python gives signals to the main thread alone, so in another thread this does nothing.
    """

    def __init__(self) -> None:
        self._previous: dict[int, Any] = {}
        self.noted = 0

    def deliver(self, number: int) -> None:
        """Put the earlier handlers back and raise the signal of this number; 0 is none."""
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
