"""Keeps the received part of a file, so that a later attempt can resume the download."""

import re
from dataclasses import dataclass, field

from requests import Response

from scraping.failures import AttemptError


@dataclass
class Partial:
    """The received part of a file, which a later attempt completes.

    Attributes:
        data: the bytes received so far.
        url: URL of the file after redirects.
        size: size of the whole file in bytes, once the server has sent it; None: the download cannot be resumed.
        validator: the ETag or date by which the server recognizes a file that has not changed.
    """

    data: bytearray = field(default_factory=bytearray)
    url: str = ""
    size: int | None = None
    validator: str = ""

    def headers(self) -> dict[str, str]:
        """Returns the headers of a request for the missing bytes."""
        headers = {"Accept-Encoding": "identity"}  # uncompressed, so that offsets are those of the file
        if self.data and self.size is not None:
            headers["Range"] = f"bytes={len(self.data)}-"
            if self.validator:
                headers["If-Range"] = self.validator
        return headers

    def begin(self, response: Response) -> None:
        """Prepares for the body of a response: the whole file, or its rest if the status is 206.

        Raises:
            AttemptError: if the server continues the file at a wrong offset.
        """
        self.url = response.url
        if response.status_code == 206:
            self.size = self._rest(response)
            return
        self.data.clear()
        etag = response.headers.get("ETag", "")  # a weak ETag, W/"…", does not guarantee the same bytes
        self.validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
        length = response.headers.get("Content-Length", "")
        self.size = int(length) if length.isdecimal() and "Content-Encoding" not in response.headers else None

    def restart(self) -> None:
        """Discards the received bytes."""
        self.data.clear()

    def check_whole(self) -> None:
        """Checks that the file is complete.

        Raises:
            AttemptError: if bytes are missing.
        """
        if self.size is not None and len(self.data) != self.size:
            raise AttemptError(f"the file broke off after {len(self.data):,} of {self.size:,} bytes")

    def _rest(self, response: Response) -> int | None:
        """Returns the size of the whole file from the Content-Range of a partial response (RFC 9110, 14.4)."""
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        size = int(found[2]) if found and found[2] != "*" else None
        if not found or int(found[1]) != len(self.data) or size != self.size:
            self.restart()
            raise AttemptError("the server continued the file at a wrong place")
        return size
