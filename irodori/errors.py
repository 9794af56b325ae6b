"""Defines the error for problems that a user can correct."""


class PipelineError(Exception):
    """The run cannot continue; ``str()`` is one line that names the input and the remedy."""
