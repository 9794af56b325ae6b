"""Says how much one page takes on, and for how long it keeps what it was given."""

from dataclasses import dataclass
from typing import Literal, get_args

DAY = 86_400.0
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds of one page.

    Attributes:
        upload_bytes: of one drawing's file.
        upload_seconds: in which it must have arrived.
        pixels: width × height of one drawing.
        decode_memory: bytes of address space of the process that decodes files.
        waiting: drawings in the queue, of all clients.
        waiting_each: drawings in the queue, of one client.
        hourly_each: drawings in an hour, of one client.
        calls_each: calls in a minute, of one client.
        kept: seconds until a drawing that nobody uses is forgotten.
        kept_at_most: seconds until any drawing is forgotten.
        free_share: share of the disk that stays free, unless `free_bytes` are free.
        free_bytes: see `free_share`.
    """

    upload_bytes: int
    upload_seconds: float
    pixels: int
    decode_memory: int
    waiting: int = 100
    waiting_each: int = 50
    hourly_each: int = 1_000_000
    calls_each: int = 1_000_000
    kept: float = 30 * DAY
    kept_at_most: float = 365 * DAY
    free_share: float = 0.1
    free_bytes: int = 5 << 30


OWN = Limits(upload_bytes=200 * MEGABYTE, upload_seconds=120, pixels=100_000_000, decode_memory=8 << 30)
PUBLIC = Limits(
    upload_bytes=20 * MEGABYTE,
    upload_seconds=30,
    pixels=25_000_000,
    decode_memory=3 << 30,
    waiting=50,
    waiting_each=3,
    hourly_each=20,
    calls_each=600,
    kept=DAY,
    kept_at_most=7 * DAY,
)

EDITS_BYTES = 256 << 10
HINTS, POINTS = 500, 1000  # of one drawing; of one stroke
SHEETS = 8  # of one drawing
EXPORTS = ("png", "ora", "psd")
Edge = Literal["soft", "cel"]
Light = Literal["own", "mirrored"]
# names of files with other shadows than those that come with a drawing
SHADOWS: dict[str, tuple[Edge, Light]] = {
    f"shadows-{edge}-{light}": (edge, light) for edge in get_args(Edge) for light in get_args(Light)
}
