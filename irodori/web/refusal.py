"""Defines the answer to a call that is not carried out."""


class Refused(Exception):
    """A call is refused; ``str()`` is one line for the person who called.

    Attributes:
        status: of HTTP.
        retry_after: seconds after which the same call may succeed; None: it will not.
    """

    def __init__(self, status: int, text: str, retry_after: int | None = None) -> None:
        super().__init__(text)
        self.status, self.retry_after = status, retry_after
