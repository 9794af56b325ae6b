"""Signals wait until a step is whole, so that what they interrupt can be saved and resumed exactly."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class HeldSignals:
    """Inside `with`, SIGTERM and SIGINT are only noted; `deliver` lets them act as they would have.

    Python gives signals to the main thread alone, so in another thread this does nothing.
    """

    def __init__(self) -> None:
        self._previous: dict[int, Any] = {}
        self._noted: int | None = None

    @property
    def waiting(self) -> bool:
        return self._noted is not None

    def deliver(self) -> None:
        """Put the earlier handlers back and send the noted signal again."""
        noted, self._noted = self._noted, None
        if noted is not None:
            self._restore()
            signal.raise_signal(noted)

    def __enter__(self) -> HeldSignals:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        if error is None:
            self.deliver()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted = number

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        self._previous = {}
