"""What can go wrong in this package that a person can put right."""

from collections.abc import Iterator
from contextlib import contextmanager


class CycleganError(Exception):
    """str() is one line naming what is wrong and the remedy."""


class TrainingError(CycleganError):
    """A training that cannot begin, go on or be resumed as asked."""


@contextmanager
def memory_shortage_told(remedy: str) -> Iterator[None]:
    """Turn torch's words for too little memory, on a GPU or a CPU, into a TrainingError that ends in `remedy`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(sign in str(error) for sign in _NO_MEMORY):
            raise
        raise TrainingError(f"too little memory: {remedy}") from error


_NO_MEMORY = ("out of memory", "can't allocate memory")  # of a GPU, of a CPU
