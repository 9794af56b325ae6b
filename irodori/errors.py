"""What can go wrong that a person can put right."""


class PipelineError(Exception):
    """The run cannot go on; ``str()`` is one line that names the input and the remedy."""
