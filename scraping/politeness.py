"""Defines the rate limits, retries and timeouts for requests to a source."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

AGENT = "Irodori"
VERSION = "0.1"


class Politeness(BaseModel):
    """Limits that apply to each host; the defaults suit a public image board."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contact: str = Field(
        default="",
        max_length=200,
        pattern=r"^[\x21-\x7e]*$",
        description="Your e-mail address or page, sent with each request so that the site can reach you",
    )
    api_per_second: float = Field(default=1.0, gt=0, le=1000, description="Listing requests per second and host")
    files_per_second: float = Field(default=2.0, gt=0, le=1000, description="Downloads per second and host")
    connections: int = Field(default=4, ge=1, le=32, description="Requests under way at the same time")
    retries: int = Field(default=5, ge=0, le=20, description="Further attempts after one that failed for a moment")
    backoff_s: float = Field(default=1.0, ge=0, le=60, description="First wait before another attempt; it doubles")
    backoff_max_s: float = Field(default=60.0, ge=0, le=3600, description="Longest wait between two attempts")
    retry_after_max_s: float = Field(
        default=300.0,
        ge=0,
        le=86400,
        description="Longest wait that a server may ask for; if it asks for more, stop",
    )
    give_up_after: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Requests refused in a row (403, no connection) that end the run",
    )
    timeout_s: float = Field(default=30.0, gt=0, le=600, description="Longest silence of the server")
    deadline_s: float = Field(default=300.0, gt=0, le=7200, description="Longest time that one answer may take")
    max_bytes: int = Field(default=100_000_000, ge=1, le=10**10, description="Largest file, in bytes")
    respect_robots: bool = Field(default=True, description="Obey robots.txt; off only where the site gave permission")

    @property
    def user_agent(self) -> str:
        """The User-Agent header, "Irodori/0.1 (+contact)"."""
        return f"{AGENT}/{VERSION} (+{self.contact})" if self.contact else f"{AGENT}/{VERSION}"

    def shared_between(self, workers: int) -> Self:
        """Returns the share of these limits for each of `workers` processes, so that together they keep them."""
        return self.model_copy(
            update={
                "api_per_second": self.api_per_second / workers,
                "files_per_second": self.files_per_second / workers,
                "connections": max(1, self.connections // workers),
            }
        )
