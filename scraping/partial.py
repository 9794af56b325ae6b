"""A file that arrives in one or more pieces."""

import re
from dataclasses import dataclass, field

from requests import Response

from scraping.failures import AttemptError


@dataclass
class Partial:
    """What has arrived of a file; a later attempt continues it."""

    data: bytearray = field(default_factory=bytearray)
    url: str = ""
    """Where it came from, after redirects."""
    size: int | None = None
    """Of the whole file in bytes, once the server has told it; without it nothing can be continued."""
    validator: str = ""
    """The ETag or date by which the server can tell whether the file is still the same."""

    def headers(self) -> dict[str, str]:
        """Of the request for what is missing."""
        headers = {"Accept-Encoding": "identity"}  # so that bytes can be counted
        if self.data and self.size is not None:
            headers["Range"] = f"bytes={len(self.data)}-"
            if self.validator:
                headers["If-Range"] = self.validator
        return headers

    def begin(self, response: Response) -> None:
        """Make ready for the body that follows, which is the whole file, or with status 206 its rest."""
        self.url = response.url
        if response.status_code == 206:
            self.size = self._rest(response)
            return
        self.data.clear()
        etag = response.headers.get("ETag", "")  # a weak one, W/"…", does not promise the same bytes
        self.validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
        length = response.headers.get("Content-Length", "")
        self.size = int(length) if length.isdecimal() and "Content-Encoding" not in response.headers else None

    def restart(self) -> None:
        """Forget what has arrived."""
        self.data.clear()

    def check_whole(self) -> None:
        """Raise AttemptError where bytes are missing."""
        if self.size is not None and len(self.data) != self.size:
            raise AttemptError(f"the file broke off after {len(self.data):,} of {self.size:,} bytes")

    def _rest(self, response: Response) -> int | None:
        """The whole size, by the Content-Range of a continuation (RFC 9110, 14.4)."""
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        size = int(found[2]) if found and found[2] != "*" else None
        if not found or int(found[1]) != len(self.data) or size != self.size:
            self.restart()
            raise AttemptError("the server continued the file at a wrong place")
        return size
