"""What `make up` runs: the whole stack on one machine."""

POOLS = {"cpu": 4, "gpu": 1}  # work pools, and how many runs at a time; an inbox need not wait for a dataset


class DeployError(Exception):
    """The stack cannot start or go on; the message names the cause and the remedy."""
