"""What `make up` runs: the whole stack on one machine."""


class DeployError(Exception):
    """The stack cannot start or go on; the message names the cause and the remedy."""
