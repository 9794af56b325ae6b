"""What can go wrong in this package that a person can put right."""


class CycleganError(Exception):
    """str() is one line naming what is wrong and the remedy."""


class TrainingError(CycleganError):
    """A training that cannot begin, go on or be resumed as asked."""
