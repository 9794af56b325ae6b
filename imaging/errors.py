"""What can be wrong with a picture that a person can put right."""


class ImageError(Exception):
    """A picture that cannot be used; str() is one line that says why."""
