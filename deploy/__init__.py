"""Runs the whole stack on one machine, for `make up`."""

# Work pools and their concurrency limits; with more than one run at a time, an inbox need not wait for a dataset.
POOLS = {"cpu": 4, "gpu": 1}


class DeployError(Exception):
    """The stack cannot start or continue; the message names the cause and the remedy."""
