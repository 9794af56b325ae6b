"""Defines the errors of this package that a person can correct."""

from collections.abc import Iterator
from contextlib import contextmanager


class CycleganError(Exception):
    """An error whose text is one line that names the problem and the remedy."""


class TrainingError(CycleganError):
    """A training that cannot start, continue or resume as requested."""


@contextmanager
def memory_shortage_told(remedy: str) -> Iterator[None]:
    """Converts torch's out-of-memory errors, on a GPU or a CPU.

    Args:
        remedy: the end of the error line.

    Raises:
        TrainingError: the block ran out of memory (its text is one line).
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(sign in str(error) for sign in _NO_MEMORY):
            raise
        raise TrainingError(f"too little memory: {remedy}") from error


_NO_MEMORY = ("out of memory", "can't allocate memory")  # on a GPU, on a CPU
