"""Defines the error for a picture that cannot be used, for a reason that its owner can correct."""


class ImageError(Exception):
    """A picture that cannot be used. Its text is one line that says why."""
